"""One page of a bucket's keys, with or without a delimiter, straight from the index.

A delimiter folds all keys that share a beginning into one entry. Reading them all to fold them would cost a folder
listing as much as the whole tree, so the query jumps: from each entry it seeks the next key behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, LargeBinary, Select, and_, case, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.objects import OBJECTS, end_of_prefix

_COLUMNS = (
    OBJECTS.c.key,
    OBJECTS.c.size,
    OBJECTS.c.etag,
    OBJECTS.c.modified_at,
    OBJECTS.c.storage_class,
    OBJECTS.c.checksum,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing tells of an object."""

    key: str
    size: int
    etag: str
    modified_at: datetime
    storage_class: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Folded:
    """All keys that begin like this, up to and including the delimiter."""

    prefix: str


Entry = Listed | Folded


def behind(entry: Entry) -> bytes:
    """Where the listing goes on after this entry."""
    if isinstance(entry, Folded):
        return end_of_prefix(entry.prefix) or b""
    return behind_key(entry.key)


def behind_key(key: str) -> bytes:
    """The smallest key greater than `key`."""
    return key.encode() + b"\0"


def page(
    tx: Transaction, bucket: Bucket, *, prefix: str = "", delimiter: str = "", start: bytes = b"", limit: int
) -> list[Entry]:
    """Up to `limit` entries whose keys are at or behind `start`, in the order of keys."""
    statement = page_statement(bucket, prefix=prefix, delimiter=delimiter, start=start, limit=limit)
    return [_entry(row, prefix, delimiter) for row in tx.execute(statement)]


def page_statement(
    bucket: Bucket, *, prefix: str = "", delimiter: str = "", start: bytes = b"", limit: int
) -> Select[Any]:
    """The query behind `page`; tests look at its plan."""
    first = max(prefix.encode(), start)
    end = end_of_prefix(prefix)
    if not delimiter:
        return select(*_COLUMNS).where(*_range(bucket, first, end)).order_by(OBJECTS.c.key).limit(limit)
    seek = _seek(bucket, literal(first, LargeBinary), end)
    walk = select(seek.label("key"), literal(1, Integer).label("entry")).cte("walk", recursive=True)
    following = _seek(bucket, _behind_folded(walk.c.key, prefix, delimiter), end)
    # The walk ends by itself where no key is left.
    more = select(following, walk.c.entry + 1).where(walk.c.key.is_not(None), walk.c.entry < limit)
    walk = walk.union_all(more)
    return (
        select(*_COLUMNS)
        .select_from(walk.join(OBJECTS, and_(OBJECTS.c.bucket_id == bucket.id, OBJECTS.c.key == walk.c.key)))
        .order_by(walk.c.entry)
    )


def folded(key: str, prefix: str, delimiter: str) -> Folded | None:
    """What a key is folded to, if the delimiter is in it behind the prefix."""
    position = key.find(delimiter, len(prefix))
    return None if position < 0 else Folded(key[: position + len(delimiter)])


def _range(bucket: Bucket, first: bytes, end: bytes | None) -> list[ColumnElement[bool]]:
    bounds = [OBJECTS.c.bucket_id == bucket.id, OBJECTS.c.key >= first]
    return bounds if end is None else [*bounds, OBJECTS.c.key < end]


def _seek(bucket: Bucket, first: ColumnElement[Any], end: bytes | None) -> ColumnElement[Any]:
    """The smallest key at or behind `first`, as a scalar subquery (one step in the index)."""
    statement = select(OBJECTS.c.key).where(OBJECTS.c.bucket_id == bucket.id, OBJECTS.c.key >= first)
    if end is not None:
        statement = statement.where(OBJECTS.c.key < end)
    return statement.order_by(OBJECTS.c.key).limit(1).scalar_subquery()


def _behind_folded(key: ColumnElement[Any], prefix: str, delimiter: str) -> ColumnElement[Any]:
    """In SQL: the smallest key behind `key`, or behind everything that is folded together with it."""
    skipped = len(prefix.encode())
    last = delimiter.encode()
    raised = last[:-1] + bytes([last[-1] + 1])
    found = func.instr(func.substr(key, skipped + 1), literal(last, LargeBinary))
    kept = func.substr(key, 1, found + (skipped - 1))
    following = case(
        (found > 0, kept.op("||")(literal(raised, LargeBinary))),
        else_=key.op("||")(literal(b"\0", LargeBinary)),
    )
    return following.cast(LargeBinary)


def _entry(row: Any, prefix: str, delimiter: str) -> Entry:
    entry = folded(row.key, prefix, delimiter) if delimiter else None
    return entry or Listed(row.key, row.size, row.etag, row.modified_at, row.storage_class, row.checksum)
