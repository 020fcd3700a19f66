"""Search: what the database can decide and sort, it does; the rest is decided over the properties that are named.

Only the rows of the page that is answered are read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.search import narrowing, places
from clary.services.sagemaker.search.expressions import Group, Reader
from clary.services.sagemaker.search.kinds import Kind, find_kind
from clary.services.sagemaker.search.paths import sort_key
from clary.store import resources
from clary.store import tags as tag_store
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_SCANNED = 500
_SORTED_BY_TABLE = frozenset({"created_at", "updated_at", "name", "status"})


@dataclass(frozen=True, slots=True)
class _Question:
    """A request as it is understood. `query` means all rows that may be an answer."""

    kind: Kind
    expression: Group
    sort: str
    descending: bool
    size: int
    token: str | None
    scope: str
    query: Query


def search(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("Search", request, "VisibilityConditions")
    if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        names.refuse_unserved("Search", request, "CrossAccountFilterOption")
    question, exact = _question(context, request)
    column = question.kind.column(question.sort)
    with context.database.read() as tx:
        if exact and column in _SORTED_BY_TABLE:
            return _page_by_table(context, tx, question, column or "")
        return _page_by_scan(context, tx, question)


def _question(context: Context, request: dict[str, Any]) -> tuple[_Question, bool]:
    """And whether the database can decide the whole expression."""
    kind = find_kind(request["Resource"])
    given = request.get("SearchExpression") or {}
    expression = Reader(kind.property_path, kind.folded()).read(given)
    sort = kind.property_path(request.get("SortBy", "LastModifiedTime"))
    order = request.get("SortOrder", "Descending")
    condition, exact = narrowing.narrowed(kind, expression)
    question = _Question(
        kind,
        expression,
        sort,
        order == "Descending",
        request.get("MaxResults", 10),
        request.get("NextToken"),
        f"{context.account}/{context.region}/{kind.kind}/{given}/{sort}/{order}",
        Query(context.account, context.region, kind.kind, condition=condition),
    )
    return question, exact


def _page_by_table(context: Context, tx: Transaction, question: _Question, column: str) -> dict[str, Any]:
    size = question.size
    after = context.pager.decode("Search", question.scope, question.token) if question.token else None
    query = resources.ordered(question.query, column, descending=question.descending)
    rows = resources.page(tx, resources.narrowed(query, limit=size + 1, after=after))
    position = resources.position(rows[size - 1], column) if len(rows) > size else None
    return _answer(context, tx, question, rows[:size], resources.count(tx, query), position)


def _page_by_scan(context: Context, tx: Transaction, question: _Question) -> dict[str, Any]:
    """Places in the order are (rank, value, id), so a page goes on after the last one whatever was added."""
    found = sorted(
        (
            (*sort_key(record, question.sort), row_id)
            for row_id, record in _records(tx, question)
            if question.expression.holds(record)
        ),
        reverse=question.descending,
    )
    total = len(found)
    if question.token:
        after = tuple(context.pager.decode("Search", question.scope, question.token))
        found = [place for place in found if (place < after if question.descending else place > after)]
    page = found[: question.size]
    rows = resources.by_ids(tx, [place[2] for place in page])
    position = list(page[-1]) if len(found) > question.size else None
    return _answer(context, tx, question, rows, total, position)


def _records(tx: Transaction, question: _Question) -> Iterator[tuple[int, dict[str, Any]]]:
    paths = {*question.expression.paths(), question.sort}
    if any(path.split(".")[0] in question.kind.rendered for path in paths):
        yield from _rendered(tx, question)
        return
    yield from places.read(tx, question.query, question.kind.places, question.kind.batches, paths)


def _rendered(tx: Transaction, question: _Question) -> Iterator[tuple[int, dict[str, Any]]]:
    after: list[Any] | None = None
    while True:
        rows = resources.page(tx, resources.narrowed(question.query, limit=_SCANNED, after=after))
        for row in rows:
            yield row.id, _record(tx, question.kind, row)
        if len(rows) < _SCANNED:
            return
        after = resources.position(rows[-1], "created_at")


def _answer(
    context: Context,
    tx: Transaction,
    question: _Question,
    rows: list[Resource],
    total: int,
    position: list[Any] | None,
) -> dict[str, Any]:
    member = question.kind.member
    records = [_record(tx, question.kind, row) for row in rows]
    answer: dict[str, Any] = {
        "Results": [{member: {member: each} if member == "Model" else each} for each in records],
        "TotalHits": {"Value": total, "Relation": "EqualTo"},
    }
    if position is not None:
        answer["NextToken"] = context.pager.encode("Search", question.scope, position)
    return answer


def _record(tx: Transaction, kind: Kind, row: Resource) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in tag_store.read(tx, row.arn).items()]
    shown = {name: value for name, value in kind.render(tx, row).items() if value is not None}
    return {**shown, "Tags": tags} if kind.tagged else shown
