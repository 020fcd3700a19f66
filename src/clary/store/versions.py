"""Old versions of objects and delete markers: finding, listing and removing them one by one.

How they come to be is in `objects` (put and delete there archive what was current). Removing the newest entry of a
key makes the one before it current again, unless that is a delete marker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, RowMapping, Select, delete, insert, literal, select, union_all, update

from clary.store import contents, objects
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.objects import OBJECTS, VERSIONS, StoredObject, end_of_prefix

_NEWEST = 2**62  # the place of the row in `objects` among the versions of its key
_SHOWN = ("key", "version", "size", "etag", "modified_at", "storage_class", "checksum")


@dataclass(frozen=True, slots=True)
class Version:
    """One version or delete marker as listings show it. `place` orders the entries of a key, greatest first."""

    place: int
    marker: bool
    key: str
    version: str
    size: int
    etag: str
    modified_at: datetime
    storage_class: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Archived:
    """An old version (or a delete marker, whose `stored` has no bytes)."""

    stored: StoredObject
    marker: bool


def find(tx: Transaction, bucket: Bucket, key: str, version: str) -> Archived | None:
    """The version, be it the current one or an old one."""
    current = objects.find(tx, bucket, key)
    if current is not None and current.version == version:
        return Archived(current, False)
    same = (VERSIONS.c.bucket_id == bucket.id, VERSIONS.c.key == key, VERSIONS.c.version == version)
    return _archived(tx.execute(select(VERSIONS).where(*same)).mappings().first())


def newest_archived(tx: Transaction, bucket: Bucket, key: str) -> Archived | None:
    """What was current before the object that is there; without one, the delete marker in force."""
    same = (VERSIONS.c.bucket_id == bucket.id, VERSIONS.c.key == key)
    statement = select(VERSIONS).where(*same).order_by(VERSIONS.c.id.desc()).limit(1)
    return _archived(tx.execute(statement).mappings().first())


def change_document(tx: Transaction, bucket: Bucket, stored: StoredObject, document: dict[str, Any]) -> None:
    """Replace the document (tags) of one version."""
    same = (VERSIONS.c.bucket_id == bucket.id, VERSIONS.c.key == stored.key, VERSIONS.c.version == stored.version)
    current = objects.find(tx, bucket, stored.key)
    if current is not None and current.version == stored.version:
        objects.change_document(tx, current, document)
    else:
        tx.execute(update(VERSIONS).where(*same).values(document=document))


def remove(tx: Transaction, bucket: Bucket, found: Archived) -> list[str]:
    """Delete one version for good. Returns blobs to delete after the commit."""
    stored = found.stored
    current = objects.find(tx, bucket, stored.key)
    if current is not None and current.version == stored.version:
        garbage = objects.remove(tx, [current])
        current = None
    else:
        tx.execute(delete(VERSIONS).where(VERSIONS.c.id == stored.id))
        garbage = contents.release(tx, [stored.content])
    if current is None:
        _promote(tx, bucket, stored.key)
    return garbage


def page(
    tx: Transaction,
    bucket: Bucket,
    *,
    prefix: str = "",
    start: bytes = b"",
    after: tuple[str, int] | None,
    limit: int,
) -> list[Version]:
    """Up to `limit` versions by key, newest first, of keys at or behind `start`; behind `after` (key, place)."""
    found: list[Version] = []
    if after is not None:
        same_key = _union(bucket, after[0].encode(), after[0].encode() + b"\0")
        rows = same_key.where(same_key.selected_columns.place < after[1])
        found = _rows(tx, rows, limit)
        start = max(start, after[0].encode() + b"\0")
    if len(found) < limit:
        everything = _union(bucket, max(prefix.encode(), start), end_of_prefix(prefix), limit)
        found += _rows(tx, everything, limit - len(found))
    return found


def place_of(tx: Transaction, bucket: Bucket, key: str, version: str) -> int | None:
    """Where a version stands among those of its key; None when it is gone."""
    found = find(tx, bucket, key, version)
    if found is None:
        return None
    current = objects.find(tx, bucket, key)
    return _NEWEST if current is not None and current.version == version else found.stored.id


def _union(bucket: Bucket, first: bytes, end: bytes | None, limit: int | None = None) -> Select[Any]:
    """Both tables as one; each half is cut to the page in the order of its own index first."""
    halves = []
    for table, place, marker in (
        (OBJECTS, literal(_NEWEST, BigInteger), literal(False)),
        (VERSIONS, VERSIONS.c.id, VERSIONS.c.marker),
    ):
        columns = [table.c[name] for name in _SHOWN]
        half = select(place.label("place"), marker.label("marker"), *columns)
        half = half.where(table.c.bucket_id == bucket.id, table.c.key >= first)
        if end is not None:
            half = half.where(table.c.key < end)
        if limit is not None:
            half = half.order_by(table.c.key, table.c.id.desc()).limit(limit)
        halves.append(select(half.subquery()))
    both = union_all(*halves).subquery()
    return select(both)


def _rows(tx: Transaction, statement: Select[Any], limit: int) -> list[Version]:
    columns = statement.selected_columns
    rows = tx.execute(statement.order_by(columns.key, columns.place.desc()).limit(limit)).mappings()
    return [Version(**{name: row[name] for name in Version.__slots__}) for row in rows]


def _promote(tx: Transaction, bucket: Bucket, key: str) -> None:
    newest = newest_archived(tx, bucket, key)
    if newest is None or newest.marker:
        return
    stored = newest.stored
    values = {name: getattr(stored, name) for name in StoredObject.__slots__ if name != "id"}
    tx.execute(delete(VERSIONS).where(VERSIONS.c.id == stored.id))
    tx.execute(insert(OBJECTS).values(**values))


def _archived(row: RowMapping | None) -> Archived | None:
    if row is None:
        return None
    stored = StoredObject(**{name: row[name] for name in StoredObject.__slots__})
    return Archived(stored, bool(row["marker"]))
