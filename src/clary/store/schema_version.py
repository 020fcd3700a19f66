"""Which schema a database has, without Alembic: loading that takes longer than opening the database itself."""

from __future__ import annotations

from importlib import import_module

from sqlalchemy import inspect, text
from sqlalchemy.engine import Engine

from clary.base.errors import ConfigurationError

HEAD = "0002"
"""The newest migration; a test holds it against the migrations folder."""


def ensure_schema(engine: Engine) -> None:
    """Migrate the database if it is not at HEAD (forward only), and make what its tables lack.

    `clary.store.migrate` is loaded by name and only here: it brings Alembic, which would make every start slower
    by a fifth of a second. `clary.store.completeness` is, because it knows all tables, and they know this room.
    """
    current = _current(engine)
    if current is not None and current > HEAD:
        raise ConfigurationError(
            f"The database was made by a newer version of Clary (schema {current}, this version knows {HEAD}). "
            "Serve it with that version, or begin with a new data folder (--data)."
        )
    if current != HEAD:
        import_module("clary.store.migrate").migrate(engine)
    import_module("clary.store.completeness").complete(engine)


def _current(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
