"""Edges between the things that lineage knows, and where to find those things by what they stand for.

Both ends of an edge are rows of the resources table (artifacts, actions, contexts, trial components, experiments).
An edge carries the ARNs and types of its ends, which never change: a walk through the graph reads edges alone. What
may be joined, and what a walk answers, is decided by services/sagemaker/lineage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    insert,
    or_,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from clary.store.database import Transaction
from clary.store.metadata import METADATA, Document, Moment, RowId, to_micros
from clary.store.resources import Resource

EDGES = Table(
    "lineage_edges",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("source", Integer, nullable=False),
    Column("source_arn", Text, nullable=False),
    Column("source_type", Text, nullable=False),
    Column("destination", Integer, nullable=False, index=True),
    Column("destination_arn", Text, nullable=False),
    Column("destination_type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Document, nullable=False),
    UniqueConstraint("source", "destination"),
    sqlite_autoincrement=True,
)

SOURCES = Table(
    "lineage_sources",
    METADATA,
    Column("resource", Integer, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("digest", Text, nullable=False, index=True),
)

_CHUNK = 500

By = dict[str, Any]
"""Who made an edge, as answers show it."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of an edge: the row's id, its ARN and its type."""

    id: int
    arn: str
    type: str


@dataclass(frozen=True, slots=True)
class Edge:
    """`kind` is the association type, empty when none was given."""

    id: int
    source: End
    destination: End
    kind: str
    created_at: datetime
    created_by: By


@dataclass(frozen=True, slots=True)
class EdgeQuery:
    """What ListAssociations asks for. A type may also be a kind: `Context` is every context."""

    account: str
    region: str
    source_arn: str | None = None
    destination_arn: str | None = None
    source_type: str | None = None
    destination_type: str | None = None
    kind: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    sort: str = "created_at"
    descending: bool = True
    limit: int = 100
    after: list[Any] | None = field(default=None)


def digest(uri: str) -> str:
    """32 letters that stand for a URI."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def remember_source(tx: Transaction, row: Resource, uri: str) -> None:
    """From now on the row is found by what it stands for."""
    values = {"resource": row.id, "account": row.account, "region": row.region, "digest": digest(uri)}
    tx.execute(insert(SOURCES).values(values))


def by_source(tx: Transaction, account: str, region: str, uri: str) -> list[int]:
    """Ids of everything that stands for this URI, oldest first."""
    table = SOURCES.c
    chosen = select(table.resource).where(
        table.digest == digest(uri), table.account == account, table.region == region
    )
    return [row[0] for row in tx.execute(chosen.order_by(table.resource))]


def find(tx: Transaction, source: int, destination: int) -> Edge | None:
    table = EDGES.c
    return next(iter(_edges(tx, select(EDGES).where(table.source == source, table.destination == destination))), None)


def join(tx: Transaction, like: Resource, source: End, destination: End, *, kind: str, by: By, now: datetime) -> bool:
    """Whether the edge is new; one that is there stays as it is. In the account and region of `like`."""
    if find(tx, source.id, destination.id) is not None:
        return False
    join_new(tx, like, [(source, destination, kind)], by=by, now=now)
    return True


def join_new(
    tx: Transaction, like: Resource, edges: Sequence[tuple[End, End, str]], *, by: By, now: datetime
) -> None:
    """Edges of a row that has just been made, which cannot be there yet; each with its kind."""
    values = [
        {
            "account": like.account,
            "region": like.region,
            "source": source.id,
            "source_arn": source.arn,
            "source_type": source.type,
            "destination": destination.id,
            "destination_arn": destination.arn,
            "destination_type": destination.type,
            "kind": kind,
            "created_at": now,
            "created_by": by,
        }
        for source, destination, kind in edges
    ]
    if values:
        tx.execute(insert(EDGES), values)


def part(tx: Transaction, source: int, destination: int) -> bool:
    """Whether there was something to take apart."""
    table = EDGES.c
    return tx.execute(delete(EDGES).where(table.source == source, table.destination == destination)).rowcount > 0


def has_edges(tx: Transaction, resource_id: int) -> bool:
    table = EDGES.c
    either = or_(table.source == resource_id, table.destination == resource_id)
    return tx.execute(select(table.id).where(either).limit(1)).first() is not None


def forget(tx: Transaction, resource_id: int) -> None:
    """The row is gone: with its edges, and it stands for nothing any more."""
    table = EDGES.c
    tx.execute(delete(EDGES).where(or_(table.source == resource_id, table.destination == resource_id)))
    tx.execute(delete(SOURCES).where(SOURCES.c.resource == resource_id))


def out_of(tx: Transaction, ids: Collection[int]) -> list[Edge]:
    """Edges that begin at any of these."""
    return _touching(tx, EDGES.c.source, ids)


def into(tx: Transaction, ids: Collection[int]) -> list[Edge]:
    """Edges that end at any of these."""
    return _touching(tx, EDGES.c.destination, ids)


def page(tx: Transaction, query: EdgeQuery) -> list[Edge]:
    """Up to `limit` edges in order; pass `position(last, sort)` as `after` for the next page."""
    column = EDGES.c[query.sort]
    statement = select(EDGES).where(*_filters(query))
    if query.after is not None:
        statement = statement.where(_beyond(column, query.after, query.descending))
    order = (column.desc(), EDGES.c.id.desc()) if query.descending else (column.asc(), EDGES.c.id.asc())
    return _edges(tx, statement.order_by(*order).limit(query.limit))


def position(edge: Edge, sort: str) -> list[Any]:
    """Where a page ended, as plain JSON values for a paging token."""
    values: dict[str, Any] = {
        "created_at": to_micros(edge.created_at),
        "source_arn": edge.source.arn,
        "destination_arn": edge.destination.arn,
        "source_type": edge.source.type,
        "destination_type": edge.destination.type,
    }
    return [values[sort], edge.id]


def _touching(tx: Transaction, column: Column[int], ids: Collection[int]) -> list[Edge]:
    found: list[Edge] = []
    for chunk in _chunks(sorted(ids)):
        found += _edges(tx, select(EDGES).where(column.in_(chunk)))
    return found


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _filters(query: EdgeQuery) -> list[ColumnElement[bool]]:
    table = EDGES.c
    found: list[ColumnElement[bool]] = [table.account == query.account, table.region == query.region]
    optional = (
        (query.source_arn, lambda v: table.source_arn == v),
        (query.destination_arn, lambda v: table.destination_arn == v),
        (query.source_type, lambda v: _of_type(table.source_type, table.source_arn, v)),
        (query.destination_type, lambda v: _of_type(table.destination_type, table.destination_arn, v)),
        (query.kind, lambda v: table.kind == v),
        (query.created_after, lambda v: table.created_at > v),
        (query.created_before, lambda v: table.created_at < v),
    )
    return found + [build(value) for value, build in optional if value is not None]


_KINDS = {"Artifact": "artifact", "Action": "action", "Context": "context"}


def _of_type(type_column: Column[str], arn_column: Column[str], wanted: str) -> ColumnElement[bool]:
    """The SageMaker SDK also asks for all actions, or all contexts, by the word for the kind."""
    if wanted in _KINDS:
        return or_(type_column == wanted, arn_column.contains(f":{_KINDS[wanted]}/", autoescape=True))
    return type_column == wanted


def _beyond(column: Column[Any], after: list[Any], descending: bool) -> ColumnElement[bool]:
    from_value, from_id = after
    if isinstance(column.type, Moment):
        from_value = column.type.process_result_value(from_value, None)  # type: ignore[arg-type]  # unused
    same = column == from_value
    if descending:
        return or_(column < from_value, and_(same, EDGES.c.id < from_id))
    return or_(column > from_value, and_(same, EDGES.c.id > from_id))


def _edges(tx: Transaction, statement: Select[Any]) -> list[Edge]:
    return [_edge(row) for row in tx.execute(statement).mappings()]


def _edge(row: RowMapping) -> Edge:
    return Edge(
        row["id"],
        End(row["source"], row["source_arn"], row["source_type"]),
        End(row["destination"], row["destination_arn"], row["destination_type"]),
        row["kind"],
        row["created_at"],
        row["created_by"],
    )
