"""Alembic's entry point: runs the migrations on the connection that store/migrate.py opened."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
