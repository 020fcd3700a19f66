"""What all List operations share: filters, sort orders, page sizes and tokens, as the service model names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_READ_ON = 500
_SORTS = {"Name": "name", "CreationTime": "created_at", "LastModifiedTime": "updated_at", "Status": "status"}
_FILTERS = {
    "StatusEquals": "status",
    "NameContains": "name_contains",
    "CreationTimeAfter": "created_after",
    "CreationTimeBefore": "created_before",
    "LastModifiedTimeAfter": "updated_after",
    "LastModifiedTimeBefore": "updated_before",
}


def list_page(
    context: Context,
    request: dict[str, Any],
    kind: str,
    *,
    member: str,
    summary: Callable[[Resource], dict[str, Any]],
    descending: bool = False,
    keep: Callable[[Resource], bool] | None = None,
) -> dict[str, Any]:
    """One page of `kind`; `descending` is the operation's own default order.

    `keep` is a filter that the database cannot apply: then rows are read on until the page is full.

    There is a NextToken only when more rows exist: clients follow tokens until there is none.
    """
    sort = _SORTS[request.get("SortBy", "CreationTime")]
    order = request.get("SortOrder")
    size = request.get("MaxResults", 10)
    token = request.get("NextToken")
    scope = f"{context.account}/{context.region}/{kind}/{sort}/{order}"
    query = Query(
        context.account,
        context.region,
        kind,
        sort=sort,
        descending=descending if order is None else order == "Descending",
        limit=size + 1,
        after=context.pager.decode(f"List/{kind}", scope, token) if token else None,
        **{name: request[key] for key, name in _FILTERS.items() if key in request},
    )
    with context.database.read() as tx:
        rows = resources.page(tx, query) if keep is None else kept(tx, query, sort, keep)
    page: dict[str, Any] = {member: [summary(row) for row in rows[:size]]}
    if len(rows) > size:
        page["NextToken"] = context.pager.encode(f"List/{kind}", scope, resources.position(rows[size - 1], sort))
    return page


def kept(tx: Transaction, query: Query, sort: str, keep: Callable[[Resource], bool]) -> list[Resource]:
    """A page of the rows that pass a filter that the database cannot apply."""
    found: list[Resource] = []
    after = query.after
    while len(found) < query.limit:
        rows = resources.page(tx, resources.narrowed(query, limit=_READ_ON, after=after))
        found += [row for row in rows if keep(row)]
        if len(rows) < _READ_ON:
            break
        after = resources.position(rows[-1], sort)
    return found[: query.limit]
