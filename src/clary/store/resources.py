"""Resources: one row per thing a client can name, of any kind, with its whole state in a JSON document.

Lookup by name is case-insensitive (ARNs carry names in lower case). Updates are compare-and-set on `revision`:
a loser gets StaleRevision, reads again and decides again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from clary.base.errors import ClaryError
from clary.store import outbox
from clary.store.conditions import Condition, compiled
from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId, to_micros
from clary.store.transitions import check_transition

RESOURCES = Table(
    "resources",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("arn", Text, nullable=False),
    Column("parent", Text, nullable=False, default=""),
    Column("status", Text, nullable=False, default=""),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("account", "region", "kind", "parent", "key"),
    Index(None, "arn"),
    Index(None, "kind"),
    Index(None, "account", "region", "kind", "created_at", "id"),
    # With all that Search needs of thousands of rows whose documents it remembers, so that no row is looked up.
    Index(None, "account", "region", "kind", "updated_at", "id", "revision", "status"),
    Index(None, "account", "region", "kind", "status", "id"),
    sqlite_autoincrement=True,
)


class AlreadyExists(ClaryError):
    """The name is taken (by a living resource of the same kind)."""


class StaleRevision(ClaryError):
    """Someone else changed the resource since it was read."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One row. `document` holds what Describe answers and what the engine needs; treat it as immutable."""

    id: int
    account: str
    region: str
    kind: str
    name: str
    arn: str
    parent: str
    status: str
    created_at: datetime
    updated_at: datetime
    revision: int
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """What List operations ask for. `sort` is name, created_at, updated_at or status; `after` continues a page."""

    account: str
    region: str
    kind: str
    parent: str | None = None
    status: str | None = None
    name: str | None = None
    name_contains: str | None = None
    name_prefix: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    sort: str = "created_at"
    descending: bool = False
    limit: int = 100
    after: list[Any] | None = field(default=None)
    condition: Condition | None = None


def create(
    tx: Transaction,
    *,
    account: str,
    region: str,
    kind: str,
    name: str,
    arn: str,
    document: dict[str, Any],
    now: datetime,
    status: str = "",
    parent: str = "",
) -> Resource:
    """Insert a resource or raise AlreadyExists."""
    if find(tx, account, region, kind, name, parent=parent):
        raise AlreadyExists(f"{kind} {name} exists")
    values = {
        "account": account,
        "region": region,
        "kind": kind,
        "key": name.lower(),
        "name": name,
        "arn": arn,
        "parent": parent,
        "status": status,
        "created_at": now,
        "updated_at": now,
        "revision": 1,
        "document": document,
    }
    result = tx.execute(insert(RESOURCES).values(values))
    row_id: int = result.inserted_primary_key[0]  # type: ignore[index]  # an insert always has one
    tx.touch(row_id, kind)
    del values["key"]
    created = Resource(id=row_id, **values)  # type: ignore[arg-type]  # the dict mirrors the record
    _tell(tx, "created", None, created, now)
    return created


def find(tx: Transaction, account: str, region: str, kind: str, name: str, *, parent: str = "") -> Resource | None:
    """The resource of that name, whatever its case."""
    table = RESOURCES.c
    return _one(
        tx,
        select(RESOURCES).where(
            table.account == account,
            table.region == region,
            table.kind == kind,
            table.parent == parent,
            table.key == name.lower(),
        ),
    )


def find_all(tx: Transaction, account: str, region: str, kind: str, names: Iterable[str]) -> dict[str, Resource]:
    """Those of the names that there are (of a kind without parents), by name in lower case. For a few names."""
    table = RESOURCES.c
    chosen = select(RESOURCES).where(
        table.account == account,
        table.region == region,
        table.kind == kind,
        table.parent == "",
        table.key.in_([name.lower() for name in names]),
    )
    return {row["key"]: _resource(row) for row in tx.execute(chosen).mappings()}


def find_by_id(tx: Transaction, resource_id: int) -> Resource | None:
    return _one(tx, select(RESOURCES).where(RESOURCES.c.id == resource_id))


def find_by_arn(tx: Transaction, arn: str) -> Resource | None:
    return _one(tx, select(RESOURCES).where(RESOURCES.c.arn == arn).order_by(RESOURCES.c.id.desc()).limit(1))


def save(
    tx: Transaction,
    resource: Resource,
    *,
    now: datetime,
    document: dict[str, Any] | None = None,
    status: str | None = None,
) -> Resource:
    """Write a changed document and/or status; StaleRevision when the row moved on meanwhile."""
    new_status = resource.status if status is None else status
    check_transition(resource.kind, resource.status, new_status)
    new_document = resource.document if document is None else document
    result = tx.execute(
        update(RESOURCES)
        .where(RESOURCES.c.id == resource.id, RESOURCES.c.revision == resource.revision)
        .values(status=new_status, document=new_document, updated_at=now, revision=resource.revision + 1)
    )
    if result.rowcount != 1:
        raise StaleRevision(f"{resource.kind} {resource.name} changed")
    tx.touch(resource.id, resource.kind)
    saved = replace(
        resource, status=new_status, updated_at=now, revision=resource.revision + 1, document=new_document
    )
    _tell(tx, "changed", resource, saved, now)
    return saved


def rename(tx: Transaction, resource: Resource, *, name: str, arn: str, now: datetime) -> Resource:
    """Give the row another name and ARN; the new name must be free. StaleRevision as for `save`."""
    result = tx.execute(
        update(RESOURCES)
        .where(RESOURCES.c.id == resource.id, RESOURCES.c.revision == resource.revision)
        .values(key=name.lower(), name=name, arn=arn, updated_at=now, revision=resource.revision + 1)
    )
    if result.rowcount != 1:
        raise StaleRevision(f"{resource.kind} {resource.name} changed")
    tx.touch(resource.id, resource.kind)
    return replace(resource, name=name, arn=arn, updated_at=now, revision=resource.revision + 1)


def remove(tx: Transaction, resource: Resource, *, now: datetime | None = None) -> None:
    """Delete the row if it is still as it was read; StaleRevision otherwise. `now` is needed for watched kinds."""
    result = tx.execute(
        delete(RESOURCES).where(RESOURCES.c.id == resource.id, RESOURCES.c.revision == resource.revision)
    )
    if result.rowcount != 1:
        raise StaleRevision(f"{resource.kind} {resource.name} changed")
    tx.touch(resource.id, resource.kind)
    _tell(tx, "removed", resource, resource, now or resource.updated_at)


def remove_below(tx: Transaction, owner: Resource, kind: str) -> None:
    """Delete every row of a kind whose parent is the owner, or something below it. Nobody is told: what belongs to
    a thing goes with it."""
    table = RESOURCES.c
    below = and_(table.parent >= f"{owner.arn}/", table.parent < f"{owner.arn}/\U0010ffff")
    tx.execute(
        delete(RESOURCES).where(
            table.account == owner.account,
            table.region == owner.region,
            table.kind == kind,
            or_(table.parent == owner.arn, below),
        )
    )


def newest_below(tx: Transaction, like: Resource, owner_arn: str, kind: str, name: str, limit: int) -> list[Resource]:
    """Rows of a kind and name whose parent is something below the owner, newest first; in the account and region
    of `like`."""
    table = RESOURCES.c
    chosen = (
        select(RESOURCES)
        .where(
            table.account == like.account,
            table.region == like.region,
            table.kind == kind,
            table.parent >= f"{owner_arn}/",
            table.parent < f"{owner_arn}/\U0010ffff",
            table.key == name.lower(),
        )
        .order_by(table.id.desc())
        .limit(limit)
    )
    return [_resource(row) for row in tx.execute(chosen).mappings()]


def page(tx: Transaction, query: Query) -> list[Resource]:
    """Up to `limit` resources in order; pass `position(last, sort)` as `after` for the next page."""
    column = RESOURCES.c[_SORTS[query.sort]]
    statement = select(RESOURCES).where(*filters(query))
    if query.after is not None:
        statement = statement.where(_beyond(column, query.after, query.descending))
    order = (column.desc(), RESOURCES.c.id.desc()) if query.descending else (column.asc(), RESOURCES.c.id.asc())
    rows = tx.execute(statement.order_by(*order).limit(query.limit)).mappings()
    return [_resource(row) for row in rows]


def count(tx: Transaction, query: Query) -> int:
    """How many resources there are in all pages of a query."""
    found: int = tx.execute(select(func.count()).select_from(RESOURCES).where(*filters(query))).scalar_one()
    return found


def ordered(query: Query, sort: str, *, descending: bool) -> Query:
    """The same question in another order."""
    return replace(query, sort=sort, descending=descending)


def narrowed(query: Query, *, limit: int, after: list[Any] | None) -> Query:
    """The same question, one page of it."""
    return replace(query, limit=limit, after=after)


def by_ids(tx: Transaction, ids: list[int]) -> list[Resource]:
    """The rows of these ids that exist, in the order of the ids."""
    rows = tx.execute(select(RESOURCES).where(RESOURCES.c.id.in_(ids))).mappings()
    found = {row["id"]: _resource(row) for row in rows}
    return [found[each] for each in ids if each in found]


def all_of_kind(tx: Transaction, kind: str) -> list[Resource]:
    """Every resource of a kind in all accounts and regions, oldest first; for the engine's snapshots."""
    rows = tx.execute(select(RESOURCES).where(RESOURCES.c.kind == kind).order_by(RESOURCES.c.id)).mappings()
    return [_resource(row) for row in rows]


def position(resource: Resource, sort: str) -> list[Any]:
    """Where a page ended: sort value and id, plain JSON values for a paging token."""
    value = getattr(resource, sort)
    if sort == "name":
        value = resource.name.lower()
    return [to_micros(value) if isinstance(value, datetime) else value, resource.id]


def _tell(tx: Transaction, what: str, before: Resource | None, after: Resource, now: datetime) -> None:
    """Put a copy of the row into the outbox when others may wait for this change."""
    entries = outbox.WATCHED.get(after.kind)
    if entries is None or (what == "changed" and before is not None and _same(before, after, entries)):
        return
    document = {
        "what": what,
        "kind": after.kind,
        "name": after.name,
        "arn": after.arn,
        "parent": after.parent,
        "status": after.status,
        "previous_status": before.status if before else "",
        "created_at": after.created_at,
        "updated_at": after.updated_at,
        "document": after.document,
    }
    outbox.add(tx, account=after.account, region=after.region, topic="change", document=document, at=now)


def _same(before: Resource, after: Resource, entries: tuple[str, ...]) -> bool:
    return before.status == after.status and all(
        before.document.get(entry) == after.document.get(entry) for entry in entries
    )


_SORTS = {"name": "key", "created_at": "created_at", "updated_at": "updated_at", "status": "status"}


def filters(query: Query) -> list[ColumnElement[bool]]:
    """What a row must satisfy, for other questions about the same rows."""
    table = RESOURCES.c
    found = [table.account == query.account, table.region == query.region, table.kind == query.kind]
    optional = (
        (query.parent, lambda v: table.parent == v),
        (query.status, lambda v: table.status == v),
        (query.name, lambda v: table.key == v.lower()),
        (query.name_contains, lambda v: table.key.contains(v.lower(), autoescape=True)),
        (query.name_prefix, lambda v: table.key.startswith(v.lower(), autoescape=True)),
        (query.created_after, lambda v: table.created_at > v),
        (query.created_before, lambda v: table.created_at < v),
        (query.updated_after, lambda v: table.updated_at > v),
        (query.updated_before, lambda v: table.updated_at < v),
        (query.condition, lambda v: compiled(RESOURCES, v)),
    )
    return found + [build(value) for value, build in optional if value is not None]


def _beyond(column: Column[Any], after: list[Any], descending: bool) -> ColumnElement[bool]:
    from_value, from_id = after
    if isinstance(column.type, Moment):
        from_value = column.type.process_result_value(from_value, None)  # type: ignore[arg-type]  # unused
    same = column == from_value
    if descending:
        return or_(column < from_value, and_(same, RESOURCES.c.id < from_id))
    return or_(column > from_value, and_(same, RESOURCES.c.id > from_id))


def _one(tx: Transaction, statement: Select[Any]) -> Resource | None:
    row = tx.execute(statement).mappings().first()
    return None if row is None else _resource(row)


def _resource(row: RowMapping) -> Resource:
    return Resource(**{name: row[name] for name in Resource.__slots__})
