"""Objects of buckets: one row per key, with its headers and checksums in a document and its bytes as a content.

A row here is what a key shows now. Earlier versions and delete markers lie in a second table (`versions`), so that
reading and listing cost the same whether a bucket keeps versions or not.

Keys are kept as UTF-8 bytes: that is S3's order, it is the same in every database, and no collation can change it.
Listing is in `listing`, multipart uploads in `uploads`, the bytes in `contents` and `blobs`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from clary.base import ids
from clary.base.crash import crash_here
from clary.base.errors import ClaryError
from clary.store import buckets, contents, object_events
from clary.store.blobs import BlobMissing, Blobs, Extent, Incoming, Slice
from clary.store.buckets import Bucket
from clary.store.database import Database, Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId

_PIECE = 1 << 20
_ATTEMPTS = 10
_WALK = 1000
_VERSION_LENGTH = 32
NULL_VERSION = "null"
"""The version of what was put while the bucket kept none."""


class Key(TypeDecorator[str]):
    """A key as UTF-8 bytes. Bytes are taken as they are: bounds of a range need not be whole characters."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> bytes | None:
        return value.encode() if isinstance(value, str) else value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode()


OBJECTS = Table(
    "objects",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("bucket_id", RowId, nullable=False),
    Column("key", Key, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("storage_class", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("content", Text),
    Column("document", Document, nullable=False),
    Column("version", Text, nullable=False, server_default="null"),
    UniqueConstraint("bucket_id", "key"),
    sqlite_autoincrement=True,
)


VERSIONS = Table(
    "object_versions",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("bucket_id", RowId, nullable=False),
    Column("key", Key, nullable=False),
    Column("version", Text, nullable=False),
    Column("marker", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("storage_class", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("content", Text),
    Column("document", Document, nullable=False),
    Index(None, "bucket_id", "key", "id"),
    sqlite_autoincrement=True,
)
"""Of one key, a greater id is newer, and the row in `objects`, if there is one, is the newest of all. A delete marker
is in force when its key has no row in `objects`."""


class ObjectNotFound(ClaryError, FileNotFoundError):
    """The bucket has no object with this key."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """What an object is to become. `checksum` is `ALGORITHM:TYPE` for listings; `document` is the services' own.

    `version` is its id if the bucket keeps versions; `put` makes it `null` in buckets that do not.
    """

    key: str
    size: int
    etag: str
    storage_class: str = "STANDARD"
    checksum: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    version: str = field(default_factory=lambda: ids.short_id(_VERSION_LENGTH))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One row. `etag` is without quotes; `content` names its bytes; treat `document` as immutable."""

    id: int
    bucket_id: int
    key: str
    size: int
    etag: str
    modified_at: datetime
    storage_class: str
    checksum: str
    content: str | None
    document: dict[str, Any]
    version: str = NULL_VERSION


@dataclass(frozen=True, slots=True)
class Marked:
    """A new delete marker: its version, and blobs to delete after the commit."""

    version: str
    garbage: list[str]


def find(tx: Transaction, bucket: Bucket, key: str) -> StoredObject | None:
    """The object at `key`, if there is one."""
    statement = select(OBJECTS).where(OBJECTS.c.bucket_id == bucket.id, OBJECTS.c.key == key)
    row = tx.execute(statement).mappings().first()
    return None if row is None else _object(row)


def find_many(tx: Transaction, bucket: Bucket, keys: Sequence[str]) -> dict[str, StoredObject]:
    """Those of (at most some thousand) keys that exist."""
    statement = select(OBJECTS).where(OBJECTS.c.bucket_id == bucket.id, OBJECTS.c.key.in_(list(keys)))
    return {row["key"]: _object(row) for row in tx.execute(statement).mappings()}


def read(tx: Transaction, account: str, bucket: str, key: str) -> StoredObject | None:
    """The object at `key`; BucketNotFound or BucketOfOther when it is not the account's bucket."""
    return find(tx, buckets.get(tx, account, bucket), key)


def walk(tx: Transaction, account: str, bucket: str, prefix: str = "") -> Iterator[StoredObject]:
    """All objects below a prefix in the order of their keys, read in batches."""
    bucket_id = buckets.get(tx, account, bucket).id
    after = prefix.encode()
    end = end_of_prefix(prefix)
    while True:
        statement = select(OBJECTS).where(OBJECTS.c.bucket_id == bucket_id, OBJECTS.c.key >= after)
        if end is not None:
            statement = statement.where(OBJECTS.c.key < end)
        batch = [_object(row) for row in tx.execute(statement.order_by(OBJECTS.c.key).limit(_WALK)).mappings()]
        yield from batch
        if len(batch) < _WALK:
            return
        after = batch[-1].key.encode() + b"\0"


def put(tx: Transaction, bucket: Bucket, new: NewObject, content: str | None, now: datetime) -> list[str]:
    """Make `key` this object, using up one use of `content`. Returns blobs to delete after the commit.

    What was there is kept if the bucket keeps versions.
    """
    garbage = make_way(tx, bucket, find(tx, bucket, new.key), new.key)
    crash_here("objects.between_old_and_new")
    values = {name: getattr(new, name) for name in NewObject.__slots__}
    values["version"] = shown_version(bucket, new)
    modified_at = now.replace(microsecond=0)  # clients see whole seconds, and conditions compare what clients saw
    tx.execute(insert(OBJECTS).values(bucket_id=bucket.id, modified_at=modified_at, content=content, **values))
    return garbage


def shown_version(bucket: Bucket, new: NewObject) -> str:
    """The version that `put` gives to a new object."""
    return new.version if bucket.versioning == "Enabled" else NULL_VERSION


def make_way(tx: Transaction, bucket: Bucket, current: StoredObject | None, key: str) -> list[str]:
    """Take the current object away before another (or a delete marker) follows. Returns blobs to delete.

    Buckets that keep versions archive it; while they are suspended, the null version is replaced for good.
    """
    if not bucket.versioning:
        return remove(tx, [current] if current else [])
    garbage = []
    if current is not None and (bucket.versioning == "Enabled" or current.version != NULL_VERSION):
        _archive(tx, current)
    elif current is not None:
        garbage = remove(tx, [current])
    if bucket.versioning == "Suspended":
        garbage += _remove_archived(tx, bucket, key, NULL_VERSION)
    return garbage


def mark_deleted(tx: Transaction, bucket: Bucket, current: StoredObject | None, key: str, now: datetime) -> Marked:
    """Put a delete marker over a key of a bucket that keeps versions."""
    garbage = make_way(tx, bucket, current, key)
    version = ids.short_id(_VERSION_LENGTH) if bucket.versioning == "Enabled" else NULL_VERSION
    marker = {"bucket_id": bucket.id, "key": key, "version": version, "marker": True, "size": 0, "etag": ""}
    marker |= {"storage_class": "", "checksum": "", "content": None, "document": {}}
    tx.execute(insert(VERSIONS).values(modified_at=now.replace(microsecond=0), **marker))
    return Marked(version, garbage)


def _archive(tx: Transaction, current: StoredObject) -> None:
    names = (name for name in StoredObject.__slots__ if name != "id")
    tx.execute(insert(VERSIONS).values(marker=False, **{name: getattr(current, name) for name in names}))
    tx.execute(delete(OBJECTS).where(OBJECTS.c.id == current.id))


def _remove_archived(tx: Transaction, bucket: Bucket, key: str, version: str) -> list[str]:
    same = (VERSIONS.c.bucket_id == bucket.id, VERSIONS.c.key == key, VERSIONS.c.version == version)
    used = [row.content for row in tx.execute(select(VERSIONS.c.content).where(*same))]
    tx.execute(delete(VERSIONS).where(*same))
    return contents.release(tx, used)


def change_document(tx: Transaction, stored: StoredObject, document: dict[str, Any]) -> None:
    """Replace the document (tags); neither the bytes nor the time of the last change move."""
    tx.execute(update(OBJECTS).where(OBJECTS.c.id == stored.id).values(document=document))


def remove(tx: Transaction, stored: Sequence[StoredObject]) -> list[str]:
    """Delete rows. Returns blobs to delete after the commit."""
    if not stored:
        return []
    tx.execute(delete(OBJECTS).where(OBJECTS.c.id.in_([entry.id for entry in stored])))
    return contents.release(tx, [entry.content for entry in stored])


def has_any(tx: Transaction, bucket: Bucket) -> bool:
    """Whether anything is in the bucket, be it an old version or a delete marker."""
    return any(
        tx.execute(select(table.c.id).where(table.c.bucket_id == bucket.id).limit(1)).first() is not None
        for table in (OBJECTS, VERSIONS)
    )


def end_of_prefix(prefix: str) -> bytes | None:
    """The smallest key behind all keys with this prefix; None when there is no end."""
    raw = prefix.encode()
    return raw[:-1] + bytes([raw[-1] + 1]) if raw else None  # no UTF-8 text ends in 0xff


def adopt(blobs: Blobs, incoming: Incoming) -> list[Extent]:
    """Make a body durable, before the transaction that names it. An empty body needs no blob."""
    if incoming.size == 0:
        incoming.discard()
        return []
    return [Extent(blobs.adopt(incoming), 0, incoming.size)]


def put_file(
    database: Database,
    blobs: Blobs,
    account: str,
    bucket: str,
    key: str,
    source: Path,
    *,
    now: datetime,
    document: dict[str, Any] | None = None,
) -> None:
    """Store a copy of a regular file as an object. Links are not followed: jobs own what lies there."""
    with database.read() as tx:
        buckets.get(tx, account, bucket)
    incoming = spool_file(blobs, source)
    try:
        extents = adopt(blobs, incoming)
    finally:
        incoming.discard()
    new = NewObject(key, incoming.size, incoming.md5.hex(), document=document or {})
    try:
        with database.write() as tx:
            owner = buckets.get(tx, account, bucket)
            garbage = put(tx, owner, new, contents.add(tx, extents), now)
            cause = object_events.Cause("PutObject")
            told = object_events.Told(new.key, new.size, new.etag, shown_version(owner, new))
            object_events.tell(tx, owner, cause, [told], now)
    except ClaryError:  # raised before the commit; after anything else the row may be there
        blobs.delete(extent.blob for extent in extents)
        raise
    blobs.delete(garbage)


def spool_file(blobs: Blobs, source: Path) -> Incoming:
    """Copy a file to where bodies arrive, hashing what is written."""
    path = blobs.new_incoming_path()
    digest, size = md5(usedforsecurity=False), 0
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        with os.fdopen(descriptor, "rb") as file, path.open("xb") as target:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(f"{source} is not a regular file")
            while piece := file.read(_PIECE):
                target.write(piece)
                size += len(piece)
                digest.update(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Incoming(path, size, digest.digest(), {})


def export(database: Database, blobs: Blobs, account: str, bucket: str, key: str, target: Path) -> StoredObject:
    """Copy an object into the new file `target`; ObjectNotFound (a FileNotFoundError) when there is none."""
    for _ in range(_ATTEMPTS):
        with database.read() as tx:
            stored = read(tx, account, bucket, key)
            if stored is None:
                raise ObjectNotFound(f"There is no object s3://{bucket}/{key}.")
            extents = contents.extents(tx, stored.content)
        try:
            blobs.export(extents, target)
        except BlobMissing:
            target.unlink(missing_ok=True)
            continue
        return stored
    raise BlobMissing(f"the bytes of s3://{bucket}/{key} are gone")


def open_reader(
    database: Database, blobs: Blobs, stored: StoredObject, start: int = 0, length: int | None = None
) -> Slice:
    """A reader over (a range of) an object. BlobMissing: it was overwritten meanwhile, so read the row again."""
    with database.read() as tx:
        whole = contents.extents(tx, stored.content)
    if sum(extent.length for extent in whole) != stored.size:
        raise BlobMissing("the content has been dropped")
    return blobs.open(contents.cut(whole, start, stored.size if length is None else length))


def _object(row: RowMapping) -> StoredObject:
    return StoredObject(**{name: row[name] for name in StoredObject.__slots__})
