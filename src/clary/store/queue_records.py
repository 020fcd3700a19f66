"""The tables of queued messages, and the records that are read from them. Queues themselves are resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, Table, Text

from clary.store.metadata import METADATA, Document, Moment, RowId

MESSAGES = Table(
    "queue_messages",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("queue_id", RowId, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("document", Document, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("visible_at", Moment, nullable=False),
    Column("receives", Integer, nullable=False),
    Column("first_received_at", Moment),
    Column("receipt", Text, nullable=False),
    Index(None, "queue_id", "visible_at", "id"),
    Index(None, "queue_id", "group_id", "id"),
    Index(None, "queue_id", "sent_at"),
    sqlite_autoincrement=True,
)

GROUPS = Table(
    "queue_groups",
    METADATA,
    Column("queue_id", RowId, primary_key=True, autoincrement=False),
    Column("group_id", Text, primary_key=True),
    Column("available_at", Moment, nullable=False),
    Index(None, "queue_id", "available_at", "group_id"),
)
"""One row per message group of a FIFO queue that has messages: when the next of them may be handed out."""

DEDUPLICATIONS = Table(
    "queue_deduplications",
    METADATA,
    Column("queue_id", RowId, primary_key=True, autoincrement=False),
    Column("scope", Text, primary_key=True),
    Column("deduplication_id", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("sequence", RowId, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "queue_id", "at"),
)
"""What was sent to FIFO queues (and published to FIFO topics) in the last minutes."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Its `id` grows with every send: the order of FIFO queues.

    It is in flight while it has been received and `visible_at` lies ahead; `receipt` belongs to the last receive.
    """

    id: int
    queue_id: int
    message_id: str
    group_id: str
    body: str
    document: dict[str, Any]
    sent_at: datetime
    visible_at: datetime
    receives: int
    first_received_at: datetime | None
    receipt: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages a queue has: to be had now, handed out, and not yet due."""

    visible: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Where messages go that were received `max_receives` times; `source` is the ARN of the queue they come from."""

    queue_id: int
    max_receives: int
    source: str
