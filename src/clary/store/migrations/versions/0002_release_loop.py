"""Tables of the release loop: outbox, deliveries and what the services around them keep.

Databases that were made by 0001 of this version have them already, since that revision makes all tables.
"""

from __future__ import annotations

from alembic import op

from clary.store.tables import METADATA

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())
