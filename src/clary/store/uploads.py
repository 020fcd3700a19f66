"""Multipart uploads under way and their parts. Completing one turns the parts' extents into an object's content.

Nothing is copied on completion: an object made of parts is the list of the parts' blobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    insert,
    or_,
    select,
)

from clary.base import ids
from clary.base.crash import crash_here
from clary.store import contents
from clary.store.blobs import Extent
from clary.store.buckets import Bucket
from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId
from clary.store.objects import Key, end_of_prefix

UPLOADS = Table(
    "uploads",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("bucket_id", RowId, nullable=False),
    Column("key", Key, nullable=False),
    Column("upload_id", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("storage_class", Text, nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("upload_id"),
    Index(None, "bucket_id", "key", "upload_id"),
    sqlite_autoincrement=True,
)

PARTS = Table(
    "parts",
    METADATA,
    Column("upload", RowId, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("content", Text),
)


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload under way. `document` is the services' own."""

    id: int
    bucket_id: int
    key: str
    upload_id: str
    started_at: datetime
    storage_class: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One part that has arrived. `etag` is without quotes; `checksum` is base64 in the upload's algorithm."""

    number: int
    size: int
    etag: str
    checksum: str
    modified_at: datetime
    content: str | None


def start(
    tx: Transaction, bucket: Bucket, key: str, *, storage_class: str, document: dict[str, Any], now: datetime
) -> Upload:
    """A new upload; several for one key are fine."""
    values = {
        "bucket_id": bucket.id,
        "key": key,
        "upload_id": ids.short_id(48),
        "started_at": now,
        "storage_class": storage_class,
        "document": document,
    }
    result = tx.execute(insert(UPLOADS).values(values))
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    return Upload(id=row_id, **values)  # type: ignore[arg-type]  # the dict mirrors the record


def find(tx: Transaction, bucket: Bucket, key: str, upload_id: str) -> Upload | None:
    """The upload, if it is one of this bucket and key."""
    table = UPLOADS.c
    statement = select(UPLOADS).where(table.upload_id == upload_id, table.bucket_id == bucket.id, table.key == key)
    row = tx.execute(statement).mappings().first()
    return None if row is None else _upload(row)


def page(
    tx: Transaction, bucket: Bucket, *, prefix: str = "", start: bytes = b"", upload_id: str = "", limit: int
) -> list[Upload]:
    """Uploads by key and upload id, from `start` on; of the key `start` itself only those behind `upload_id`."""
    table = UPLOADS.c
    end = end_of_prefix(prefix)
    bounds = [table.bucket_id == bucket.id, table.key >= max(start, prefix.encode())]
    if end is not None:
        bounds.append(table.key < end)
    if upload_id:
        bounds.append(or_(table.key > start, and_(table.key == start, table.upload_id > upload_id)))
    statement = select(UPLOADS).where(*bounds).order_by(table.key, table.upload_id).limit(limit)
    return [_upload(row) for row in tx.execute(statement).mappings()]


def put_part(tx: Transaction, upload: Upload, part: Part) -> list[str]:
    """Add a part or replace the one of the same number. Returns blobs to delete after the commit."""
    same = (PARTS.c.upload == upload.id, PARTS.c.number == part.number)
    old = [row.content for row in tx.execute(select(PARTS.c.content).where(*same))]
    tx.execute(delete(PARTS).where(*same))
    values = {name: getattr(part, name) for name in Part.__slots__}
    tx.execute(insert(PARTS).values(upload=upload.id, **values))
    return contents.release(tx, old)


def parts(tx: Transaction, upload: Upload, *, after: int = 0, limit: int = 10_000) -> list[Part]:
    """Parts by number, from behind `after`."""
    statement = select(PARTS).where(PARTS.c.upload == upload.id, PARTS.c.number > after)
    rows = tx.execute(statement.order_by(PARTS.c.number).limit(limit)).mappings()
    return [_part(row) for row in rows]


def join(tx: Transaction, upload: Upload, chosen: Sequence[Part]) -> tuple[str | None, list[str]]:
    """End the upload: a content of the chosen parts, and the blobs of all others to delete after the commit."""
    extents: list[Extent] = []
    for part in chosen:
        extents += [replace(extent, part=part.number) for extent in contents.extents(tx, part.content)]
    content = contents.add(tx, extents)
    crash_here("uploads.after_join")
    return content, remove(tx, upload)


def remove(tx: Transaction, upload: Upload) -> list[str]:
    """Forget an upload and its parts. Returns blobs to delete after the commit."""
    rows = tx.execute(select(PARTS.c.content).where(PARTS.c.upload == upload.id))
    used = [row.content for row in rows]
    tx.execute(delete(PARTS).where(PARTS.c.upload == upload.id))
    tx.execute(delete(UPLOADS).where(UPLOADS.c.id == upload.id))
    return contents.release(tx, used)


def remove_all(tx: Transaction, bucket: Bucket) -> list[str]:
    """Forget every upload of a bucket that is being deleted."""
    rows = tx.execute(select(UPLOADS).where(UPLOADS.c.bucket_id == bucket.id)).mappings().all()
    return [blob for row in rows for blob in remove(tx, _upload(row))]


def _upload(row: RowMapping) -> Upload:
    return Upload(**{name: row[name] for name in Upload.__slots__})


def _part(row: RowMapping) -> Part:
    return Part(**{name: row[name] for name in Part.__slots__})
