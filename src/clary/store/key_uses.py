"""When and for what each long-term access key was used last. Control writes it now and then, not at every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Table, Text, delete, insert, select

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Moment

KEY_USES = Table(
    "key_uses",
    METADATA,
    Column("access_key_id", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("service", Text, nullable=False),
    Column("region", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeyUse:
    at: datetime
    service: str
    region: str


def record(tx: Transaction, uses: Mapping[str, KeyUse]) -> None:
    """Replace what was known of these keys."""
    if not uses:
        return
    tx.execute(delete(KEY_USES).where(KEY_USES.c.access_key_id.in_(list(uses))))
    tx.execute(
        insert(KEY_USES),
        [
            {"access_key_id": key, "at": use.at, "service": use.service, "region": use.region}
            for key, use in uses.items()
        ],
    )


def find(tx: Transaction, access_key_id: str) -> KeyUse | None:
    row = tx.execute(select(KEY_USES).where(KEY_USES.c.access_key_id == access_key_id)).first()
    return None if row is None else KeyUse(row.at, row.service, row.region)


def forget(tx: Transaction, access_key_id: str) -> None:
    tx.execute(delete(KEY_USES).where(KEY_USES.c.access_key_id == access_key_id))
