"""The audit trail: one row per management call, only ever appended to and, when old, removed.

Rows are written in batches by control/audit (which keeps calls in a file until then) and read by services/cloudtrail.
`event` is the whole record as CloudTrail words it; the other columns are what can be looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Index, Table, Text, and_, delete, func, insert, or_, select
from sqlalchemy.sql.elements import ColumnElement

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Moment, RowId, from_micros, to_micros

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("access_key_id", Text, nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("resource_types", Text, nullable=False),
    Column("resource_names", Text, nullable=False),
    Column("event", Text, nullable=False),
    Index(None, "account", "region", "at", "id"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)
_A = AUDIT.c
_CHUNK = 500
_LINE = "\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `resource_types` and `resource_names` go in pairs."""

    event_id: str
    account: str
    region: str
    at: datetime
    name: str
    source: str
    username: str
    access_key_id: str
    read_only: bool
    resource_types: tuple[str, ...]
    resource_names: tuple[str, ...]
    event: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which entries: `start` and `end` inclusive, `column` one of the columns above with its value."""

    account: str
    region: str
    limit: int
    start: datetime | None = None
    end: datetime | None = None
    column: str = ""
    value: Any = None
    after: tuple[int, int] | None = None


def add(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Append; entries that are there already (from before a crash) are passed over."""
    for begin in range(0, len(entries), _CHUNK):
        chunk = entries[begin : begin + _CHUNK]
        wanted = [entry.event_id for entry in chunk]
        known = set(tx.execute(select(_A.event_id).where(_A.event_id.in_(wanted))).scalars())
        rows = {entry.event_id: _row(entry) for entry in chunk if entry.event_id not in known}
        if rows:
            tx.execute(insert(AUDIT), list(rows.values()))


def lookup(tx: Transaction, wanted: Lookup) -> list[tuple[Entry, tuple[int, int]]]:
    """The newest first, each with its position, which continues a page as `after`."""
    conditions: list[ColumnElement[bool]] = [_A.account == wanted.account, _A.region == wanted.region]
    if wanted.start is not None:
        conditions.append(_A.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(_A.at <= wanted.end)
    if wanted.column:
        column = _A[wanted.column]
        is_list = wanted.column.startswith("resource_")
        conditions.append(
            column.contains(f"{_LINE}{wanted.value}{_LINE}", autoescape=True) if is_list else column == wanted.value
        )
    if wanted.after is not None:
        at, row_id = from_micros(wanted.after[0]), wanted.after[1]
        conditions.append(or_(_A.at < at, and_(_A.at == at, _A.id < row_id)))
    found = select(AUDIT).where(*conditions).order_by(_A.at.desc(), _A.id.desc()).limit(wanted.limit)
    return [(_entry(row), (to_micros(row.at), row.id)) for row in tx.execute(found)]


def expire(tx: Transaction, now: datetime, *, days: int, most: int, limit: int = 5000) -> int:
    """Remove up to `limit` entries that are too old or beyond the newest `most`; returns how many."""
    newest: int = tx.execute(select(func.coalesce(func.max(_A.id), 0))).scalar_one()
    due = select(_A.id).where(or_(_A.at < now - timedelta(days=days), _A.id <= newest - most)).limit(limit)
    return tx.execute(delete(AUDIT).where(_A.id.in_(due))).rowcount


def _row(entry: Entry) -> dict[str, Any]:
    row = asdict(entry)
    for name in ("resource_types", "resource_names"):
        row[name] = "".join(f"{_LINE}{text}" for text in row[name]) + _LINE
    return row


def _entry(row: Any) -> Entry:
    values: dict[str, Any] = {name: row._mapping[name] for name in Entry.__slots__}
    for name in ("resource_types", "resource_names"):
        values[name] = tuple(values[name].split(_LINE)[1:-1])
    return Entry(**values)
