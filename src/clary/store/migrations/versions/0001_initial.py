"""The first schema. Every row carries account and region."""

from __future__ import annotations

from alembic import op

from clary.store.tables import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())
