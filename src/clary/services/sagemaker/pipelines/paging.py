"""Pages of pipelines, versions, executions and steps: newest first unless asked otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.listing import kept
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_SORTS = {"Name": "name", "CreationTime": "created_at", "PipelineExecutionArn": "name"}


def list_page(
    context: Context,
    tx: Transaction,
    request: dict[str, Any],
    kind: str,
    *,
    member: str,
    summary: Callable[[Resource], dict[str, Any]],
    parent: str = "",
    name_prefix: str | None = None,
    keep: Callable[[Resource], bool] | None = None,
) -> dict[str, Any]:
    """One page; there is a NextToken only when more rows exist."""
    sort = _SORTS[request.get("SortBy", "CreationTime")]
    order = request.get("SortOrder", "Descending")
    size = request.get("MaxResults", 10)
    token = request.get("NextToken")
    scope = f"{context.account}/{context.region}/{kind}/{parent}/{sort}/{order}"
    query = Query(
        context.account,
        context.region,
        kind,
        parent=parent,
        name_prefix=name_prefix,
        created_after=request.get("CreatedAfter"),
        created_before=request.get("CreatedBefore"),
        sort=sort,
        descending=order == "Descending",
        limit=size + 1,
        after=context.pager.decode(f"List/{kind}", scope, token) if token else None,
    )
    rows = resources.page(tx, query) if keep is None else kept(tx, query, sort, keep)
    page: dict[str, Any] = {member: [summary(row) for row in rows[:size]]}
    if len(rows) > size:
        page["NextToken"] = context.pager.encode(f"List/{kind}", scope, resources.position(rows[size - 1], sort))
    return page
