"""The work queue: resources that the reconcile loop must look at. A key, never an event.

A row says "this resource is not at rest"; it is written in the transaction that changed the resource and deleted
when the loop finds nothing left to do. When to look again is the loop's own business and lives in its memory: after
a crash everything in this table is due at once. `version` keeps a wake-up that arrives during a look from being
lost. One engine works on the table at a time (control holds a lock), so rows need no lease.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, Table, Text, delete, insert, select, update

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Moment, RowId
from clary.store.resources import Resource

WORK = Table(
    "work",
    METADATA,
    Column("resource_id", RowId, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("version", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A resource to look at, and the version of the request for it."""

    resource_id: int
    kind: str
    version: int


def enqueue(tx: Transaction, resource: Resource, now: datetime) -> None:
    """Ask for a look. A look that is under way is followed by another one."""
    changed = tx.execute(update(WORK).where(WORK.c.resource_id == resource.id).values(version=WORK.c.version + 1))
    if changed.rowcount == 0:
        tx.execute(
            insert(WORK).values(
                resource_id=resource.id,
                account=resource.account,
                region=resource.region,
                kind=resource.kind,
                since=now,
                version=1,
            )
        )
    tx.touch(resource.id, resource.kind)


def find(tx: Transaction, resource_id: int) -> Item | None:
    """The request for this resource, or None when it is at rest."""
    columns = (WORK.c.resource_id, WORK.c.kind, WORK.c.version)
    row = tx.execute(select(*columns).where(WORK.c.resource_id == resource_id)).first()
    return None if row is None else Item(row.resource_id, row.kind, row.version)


def pending(tx: Transaction) -> list[Item]:
    """Everything that is not at rest, for the start of the engine."""
    rows = tx.execute(select(WORK.c.resource_id, WORK.c.kind, WORK.c.version).order_by(WORK.c.resource_id))
    return [Item(row.resource_id, row.kind, row.version) for row in rows]


def finish(tx: Transaction, item: Item) -> bool:
    """The resource is at rest; False when somebody asked again since `item` was read."""
    gone = tx.execute(delete(WORK).where(WORK.c.resource_id == item.resource_id, WORK.c.version == item.version))
    return gone.rowcount == 1
