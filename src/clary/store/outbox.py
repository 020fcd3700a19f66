"""The outbox: what has happened and must be told, written in the transaction that made it happen.

Three topics. `change`: a resource whose kind is in `WATCHED` was created, removed, or changed in a way that others
may wait for; the entry holds a copy of the row as it was then. `event`: an event that is already in its final form
(from PutEvents). `object`: an object of a bucket that wants it told was made or removed. The engine's dispatcher
reads entries in order, turns them into deliveries and removes them, all in one transaction: nothing is lost, and at
worst something is told twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, Text, delete, insert, select

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("document", Document, nullable=False),
    sqlite_autoincrement=True,
)

TOUCHED = -1
"""The id under which listeners of the database hear of new entries (kind `outbox`)."""

WATCHED: Mapping[str, tuple[str, ...]] = {
    "training-job": ("secondary",),
    "processing-job": (),
    "transform-job": (),
    "hyper-parameter-tuning-job": (),
    "model": (),
    "endpoint": (),
    "model-package": ("approval", "life_cycle"),
    "pipeline-execution": (),
    "pipeline-step": (),
}
"""Kinds whose changes are told, and the document entries that count besides the status."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to tell."""

    id: int
    account: str
    region: str
    topic: str
    at: datetime
    document: dict[str, Any]


def add(tx: Transaction, *, account: str, region: str, topic: str, document: dict[str, Any], at: datetime) -> None:
    """Append an entry."""
    values = {"account": account, "region": region, "topic": topic, "at": at, "document": document}
    tx.execute(insert(OUTBOX).values(values))
    tx.touch(TOUCHED, "outbox")


def first(tx: Transaction, limit: int) -> list[Entry]:
    """The oldest entries, in order."""
    rows = tx.execute(select(OUTBOX).order_by(OUTBOX.c.id).limit(limit)).mappings()
    return [Entry(**row) for row in rows]


def remove(tx: Transaction, ids: Iterable[int]) -> None:
    """These entries have been turned into deliveries."""
    tx.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(list(ids))))
