"""Buckets: one namespace of names for the whole installation; each belongs to one account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, RowMapping, Table, Text, UniqueConstraint, delete, insert, select, update

from clary.base.errors import ClaryError
from clary.store.database import Database, Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId

BUCKETS = Table(
    "buckets",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("versioning", Text, nullable=False, server_default=""),
    UniqueConstraint("name"),
    Index(None, "account", "name"),
    sqlite_autoincrement=True,
)


NOTIFICATIONS = Table(
    "bucket_notifications",
    METADATA,
    Column("bucket_id", RowId, primary_key=True, autoincrement=False),
    Column("document", Document, nullable=False),
)


SETTINGS = Table(
    "bucket_settings",
    METADATA,
    Column("bucket_id", RowId, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("document", Document, nullable=False),
)


class BucketNotFound(ClaryError):
    """No bucket has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no bucket {name}.")
        self.name = name


class BucketOfOther(ClaryError):
    """The bucket exists and belongs to another account."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The bucket {name} belongs to another account.")
        self.name = name


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket. `notifications` says who is told of its objects (see `object_events`); None when nobody is.

    `versioning` is empty until it is first switched on, then Enabled or Suspended.
    """

    id: int
    name: str
    account: str
    region: str
    created_at: datetime
    versioning: str = ""
    notifications: dict[str, Any] | None = None


POLICY, PUBLIC_ACCESS = "policy", "public-access-block"


@dataclass(frozen=True, slots=True)
class Access:
    """What bears on everybody who wants something of a bucket: its owner, its policy and what is blocked."""

    account: str
    policy: Any = None
    public_access: Any = None


def access(database: Database, name: str) -> Access | None:
    """Of the bucket with this name; read once, until something of it changes."""
    found: Access | None = database.facts.get(_access_fact(name), lambda: _read_access(database, name))
    return found


def create(tx: Transaction, *, account: str, region: str, name: str, now: datetime) -> Bucket:
    """Insert a bucket; the caller has looked whether the name is free (in the same transaction)."""
    values = {"name": name, "account": account, "region": region, "created_at": now}
    result = tx.execute(insert(BUCKETS).values(values))
    tx.stale.add(_access_fact(name))
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    return Bucket(id=row_id, name=name, account=account, region=region, created_at=now)


def find(tx: Transaction, name: str) -> Bucket | None:
    """The bucket, whoever owns it."""
    told = BUCKETS.outerjoin(NOTIFICATIONS, BUCKETS.c.id == NOTIFICATIONS.c.bucket_id)
    chosen = select(BUCKETS, NOTIFICATIONS.c.document.label("notifications")).select_from(told)
    row = tx.execute(chosen.where(BUCKETS.c.name == name)).mappings().first()
    return None if row is None else Bucket(**row)


def get(tx: Transaction, account: str, name: str) -> Bucket:
    """The account's own bucket, or BucketNotFound or BucketOfOther."""
    bucket = find(tx, name)
    if bucket is None:
        raise BucketNotFound(name)
    if bucket.account != account:
        raise BucketOfOther(name)
    return bucket


def remove(tx: Transaction, bucket: Bucket) -> None:
    """Delete the row; the caller has looked whether the bucket is empty."""
    tx.execute(delete(BUCKETS).where(BUCKETS.c.id == bucket.id))
    tx.stale.add(_access_fact(bucket.name))
    set_notifications(tx, bucket, None)
    tx.execute(delete(SETTINGS).where(SETTINGS.c.bucket_id == bucket.id))


def set_versioning(tx: Transaction, bucket: Bucket, status: str) -> None:
    tx.execute(update(BUCKETS).where(BUCKETS.c.id == bucket.id).values(versioning=status))


def setting(tx: Transaction, bucket: Bucket, kind: str) -> Any:
    """A document of the bucket (its tags, its lifecycle rules ...), or None."""
    table = SETTINGS.c
    return tx.execute(select(table.document).where(table.bucket_id == bucket.id, table.kind == kind)).scalar()


def set_setting(tx: Transaction, bucket: Bucket, kind: str, document: Any) -> None:
    """Replace a document of the bucket; None removes it."""
    tx.execute(delete(SETTINGS).where(SETTINGS.c.bucket_id == bucket.id, SETTINGS.c.kind == kind))
    tx.stale |= {_access_fact(bucket.name)} if kind in (POLICY, PUBLIC_ACCESS) else set()
    if document is not None:
        tx.execute(insert(SETTINGS).values(bucket_id=bucket.id, kind=kind, document=document))


def setting_by_name(tx: Transaction, name: str, kind: str) -> Any:
    """The same, whoever owns the bucket; None when there is no such bucket."""
    joined = SETTINGS.join(BUCKETS, BUCKETS.c.id == SETTINGS.c.bucket_id)
    statement = select(SETTINGS.c.document).select_from(joined)
    return tx.execute(statement.where(BUCKETS.c.name == name, SETTINGS.c.kind == kind)).scalar()


def with_setting(tx: Transaction, kind: str) -> list[tuple[Bucket, Any]]:
    """Every bucket that has a document of this kind, with it."""
    rows = tx.execute(
        select(BUCKETS.c.name, SETTINGS.c.document)
        .select_from(SETTINGS.join(BUCKETS, BUCKETS.c.id == SETTINGS.c.bucket_id))
        .where(SETTINGS.c.kind == kind)
        .order_by(BUCKETS.c.id)
    )
    found = [(find(tx, row.name), row.document) for row in rows.all()]
    return [(bucket, document) for bucket, document in found if bucket is not None]


def set_notifications(tx: Transaction, bucket: Bucket, document: dict[str, Any] | None) -> None:
    """Replace what is said about who is told; None for nobody."""
    tx.execute(delete(NOTIFICATIONS).where(NOTIFICATIONS.c.bucket_id == bucket.id))
    if document is not None:
        tx.execute(insert(NOTIFICATIONS).values(bucket_id=bucket.id, document=document))


def page(
    tx: Transaction, account: str, *, prefix: str = "", region: str | None = None, after: str = "", limit: int
) -> list[Bucket]:
    """The account's buckets by name, from behind `after`."""
    names = BUCKETS.c.name
    statement = select(BUCKETS).where(BUCKETS.c.account == account, names > after)
    if prefix:
        statement = statement.where(names.startswith(prefix, autoescape=True))
    if region is not None:
        statement = statement.where(BUCKETS.c.region == region)
    return [_bucket(row) for row in tx.execute(statement.order_by(names).limit(limit)).mappings()]


def _access_fact(name: str) -> tuple[str, str]:
    return ("access to bucket", name)


def _read_access(database: Database, name: str) -> Access | None:
    with database.read() as tx:
        bucket = find(tx, name)
        if bucket is None:
            return None
        return Access(bucket.account, setting(tx, bucket, POLICY), setting(tx, bucket, PUBLIC_ACCESS))


def _bucket(row: RowMapping) -> Bucket:
    return Bucket(**{name: row[name] for name in Bucket.__slots__ if name != "notifications"})
