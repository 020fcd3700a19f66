"""The tables of log groups, streams and events, and the records that are read from them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from clary.store.metadata import METADATA, RowId

GROUPS = Table(
    "log_groups",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("retention_days", Integer),
    UniqueConstraint("account", "region", "name"),
    sqlite_autoincrement=True,
)

STREAMS = Table(
    "log_streams",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("group_id", RowId, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("first_ms", BigInteger),
    Column("last_ms", BigInteger),
    Column("ingested_ms", BigInteger),
    Column("cursor", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    UniqueConstraint("group_id", "name"),
    Index(None, "group_id", "last_ms", "name"),
    sqlite_autoincrement=True,
)

EVENTS = Table(
    "log_events",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("group_id", RowId, nullable=False),
    Column("stream_id", RowId, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("ingested_ms", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Index(None, "stream_id", "timestamp", "id"),
    Index(None, "group_id", "timestamp", "id"),
    sqlite_autoincrement=True,
)

OVERHEAD = 26
"""Bytes that CloudWatch counts for an event beside its message."""

Position = tuple[int, int]
"""Time stamp and id of an event: where a page ended."""


@dataclass(frozen=True, slots=True)
class Group:
    """One log group. Times are milliseconds since 1970, here and below."""

    id: int
    account: str
    region: str
    name: str
    created_ms: int
    retention_days: int | None


@dataclass(frozen=True, slots=True)
class Stream:
    """One log stream; `first_ms` and `last_ms` are None while it has no events."""

    id: int
    group_id: int
    name: str
    created_ms: int
    first_ms: int | None
    last_ms: int | None
    ingested_ms: int | None
    cursor: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event, with the stream it belongs to."""

    id: int
    stream_id: int
    timestamp: int
    ingested_ms: int
    message: str

    @property
    def position(self) -> Position:
        return self.timestamp, self.id


@dataclass(frozen=True, slots=True)
class Span:
    """Which events to read: `start_ms` inclusive, `end_ms` exclusive; None is without bound."""

    start_ms: int | None = None
    end_ms: int | None = None
