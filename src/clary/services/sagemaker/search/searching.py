"""Search: as much as possible is left to the database; the rest is decided row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.search import expressions
from clary.services.sagemaker.search.kinds import Kind, find_kind
from clary.store import resources
from clary.store import tags as tag_store
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_SCANNED = 500
_SORTED_BY_TABLE = {"created_at", "updated_at", "name", "status"}


def search(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("Search", request, "VisibilityConditions")
    if request.get("CrossAccountFilterOption", "SameAccount") != "SameAccount":
        names.refuse_unserved("Search", request, "CrossAccountFilterOption")
    kind = find_kind(request["Resource"])
    expression = request.get("SearchExpression") or {}
    expressions.check(expression)
    with context.database.read() as tx:
        if (query := _as_query(context, kind, request, expression)) is not None:
            return _page_by_table(context, tx, kind, request, query)
        return _page_by_scan(context, tx, kind, request, expression)


def _as_query(context: Context, kind: Kind, request: dict[str, Any], expression: Mapping[str, Any]) -> Query | None:
    """The whole question as one query of the table, if it can be put so."""
    filters = expression.get("Filters") or []
    only_filters = not expression.get("NestedFilters") and not expression.get("SubExpressions")
    sort = kind.columns.get(request.get("SortBy", "LastModifiedTime"))
    joined = len(filters) < 2 or expression.get("Operator", "And") == "And"
    if not only_filters or not joined or sort not in _SORTED_BY_TABLE:
        return None
    asked: dict[str, Any] = {}
    for entry in filters:
        found = _as_column(kind, entry)
        if found is None or asked.get(found[0], found[1]) != found[1]:
            return None
        asked[found[0]] = found[1]
    return Query(
        context.account,
        context.region,
        kind.kind,
        **asked,
        sort=sort or "updated_at",
        descending=request.get("SortOrder", "Descending") == "Descending",
    )


def _as_column(kind: Kind, entry: Mapping[str, Any]) -> tuple[str, Any] | None:
    """A filter as a member of Query and its value, if the table can decide it."""
    column, operator = kind.columns.get(entry["Name"], ""), entry.get("Operator", "Equals")
    if operator == "Equals" and column in {"name", "status", "parent"}:
        return column, entry["Value"]
    side = {"GreaterThan": "after", "LessThan": "before"}.get(operator)
    if side and column in {"created_at", "updated_at"}:
        return f"{column.removesuffix('_at')}_{side}", expressions.read_time(entry["Value"])
    return None


def _page_by_table(
    context: Context, tx: Transaction, kind: Kind, request: dict[str, Any], query: Query
) -> dict[str, Any]:
    size, token = request.get("MaxResults", 10), request.get("NextToken")
    scope = f"{query}/{request.get('SearchExpression')}"
    after = context.pager.decode("Search", scope, token) if token else None
    rows = resources.page(tx, resources.narrowed(query, limit=size + 1, after=after))
    answer: dict[str, Any] = {
        "Results": [_record(tx, kind, row) for row in rows[:size]],
        "TotalHits": {"Value": resources.count(tx, query), "Relation": "EqualTo"},
    }
    if len(rows) > size:
        answer["NextToken"] = context.pager.encode("Search", scope, resources.position(rows[size - 1], query.sort))
    return answer


def _page_by_scan(
    context: Context, tx: Transaction, kind: Kind, request: dict[str, Any], expression: Mapping[str, Any]
) -> dict[str, Any]:
    """Every row of the kind is rendered and looked at; sorted and paged in memory."""
    sort, size = request.get("SortBy", "LastModifiedTime"), request.get("MaxResults", 10)
    scope = f"{context.account}/{context.region}/{kind.kind}/{expression}/{sort}/{request.get('SortOrder')}"
    by_tags = sort.startswith("Tags") or any(f["Name"].startswith("Tags") for f in expressions.filters_in(expression))
    token = request.get("NextToken")
    begin = int(context.pager.decode("Search", scope, token)[0]) if token else 0
    found = []
    for row in _all(context, tx, kind):
        record = _with_tags(tx, row, _plain(tx, kind, row)) if by_tags else _plain(tx, kind, row)
        if expressions.holds(expression, record):
            found.append((_sort_key(record, sort), row.id, row))
    found.sort(key=lambda entry: entry[:2], reverse=request.get("SortOrder", "Descending") == "Descending")
    answer: dict[str, Any] = {
        "Results": [_record(tx, kind, row) for _, _, row in found[begin : begin + size]],
        "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
    }
    if len(found) > begin + size:
        answer["NextToken"] = context.pager.encode("Search", scope, [begin + size])
    return answer


def _all(context: Context, tx: Transaction, kind: Kind) -> Iterator[Resource]:
    after: list[Any] | None = None
    while True:
        query = Query(context.account, context.region, kind.kind, limit=_SCANNED, after=after)
        rows = resources.page(tx, query)
        yield from rows
        if len(rows) < _SCANNED:
            return
        after = resources.position(rows[-1], "created_at")


def _plain(tx: Transaction, kind: Kind, row: Resource) -> dict[str, Any]:
    return {name: value for name, value in kind.render(tx, row).items() if value is not None}


def _with_tags(tx: Transaction, row: Resource, record: dict[str, Any]) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in tag_store.read(tx, row.arn).items()]
    return {**record, "Tags": tags}


def _record(tx: Transaction, kind: Kind, row: Resource) -> dict[str, Any]:
    record = _with_tags(tx, row, _plain(tx, kind, row))
    return {kind.member: {"Model": record} if kind.member == "Model" else record}


def _sort_key(record: Mapping[str, Any], path: str) -> tuple[int, Any]:
    """What is missing comes first; numbers and times before texts."""
    found = expressions.values(record, path)
    if not found:
        return (0, 0)
    value = found[0]
    if isinstance(value, datetime):
        return (1, value.timestamp())
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, dict | list):
        raise ValidationException(f"Results cannot be sorted by {path}.")
    return (2, str(value))
