"""Rows of experiments, trials and trial components: found, made and listed with the words AWS uses for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.user_context import user_context
from clary.store import associations, lineage, metric_series, resources, tags
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

EXPERIMENT = "experiment"
TRIAL = "experiment-trial"
COMPONENT = "experiment-trial-component"

_SORTS = {"Name": "name", "CreationTime": "created_at"}
_SCANNED = 200


def add(
    tx: Transaction, context: Context, kind: str, name: str, document: dict[str, Any], given: list[Any] | None
) -> Resource:
    """Create the row with its tags."""
    who = user_context(context)
    row = names.add(tx, context, kind, name, {**document, "CreatedBy": who, "LastModifiedBy": who})
    put_tags(tx, row.arn, given)
    return row


def change(tx: Transaction, context: Context, row: Resource, changes: dict[str, Any]) -> None:
    """Put the changes into the document, and who made them."""
    document = {**row.document, **changes, "LastModifiedBy": user_context(context)}
    resources.save(tx, row, now=context.now, document=document)


def delete(context: Context, kind: str, name: str, still: str) -> str:
    """The ARN of what was deleted; `still` says what others may be joined with it, which keep it."""
    with context.database.write() as tx:
        row = names.get(tx, context, kind, name)
        if associations.below_of(tx, [row.id]) or (kind == COMPONENT and associations.above_of(tx, row.id)):
            raise ValidationException(f"{row.arn} cannot be deleted: it still {still}.")
        remove(tx, context, row)
    return row.arn


def remove(tx: Transaction, context: Context, row: Resource) -> None:
    resources.remove(tx, row, now=context.now)
    associations.forget(tx, row.id)
    metric_series.drop(tx, row.id)
    lineage.forget(tx, row.id)
    tags.drop_all(tx, row.arn)


def chosen(request: dict[str, Any], *members: str) -> dict[str, Any]:
    """What of a request is kept in the document."""
    return {member: request[member] for member in members if member in request}


def times(row: Resource) -> dict[str, Any]:
    return {"CreationTime": row.created_at, "LastModifiedTime": row.updated_at}


def list_page(
    tx: Transaction,
    context: Context,
    request: dict[str, Any],
    kind: str,
    *,
    member: str,
    wanted: Callable[[Resource], bool],
    summary: Callable[[Resource], dict[str, Any]],
) -> dict[str, Any]:
    """One page of the rows that are wanted, newest first unless asked otherwise."""
    sort = _SORTS[request.get("SortBy", "CreationTime")]
    descending = request.get("SortOrder", "Descending") == "Descending"
    size = request.get("MaxResults", 10)
    scope = f"{context.account}/{context.region}/{kind}/{sort}/{descending}"
    token = request.get("NextToken")
    after = context.pager.decode(f"List/{kind}", scope, token) if token else None
    found: list[Resource] = []
    while len(found) <= size:
        query = Query(
            context.account,
            context.region,
            kind,
            created_after=request.get("CreatedAfter"),
            created_before=request.get("CreatedBefore"),
            sort=sort,
            descending=descending,
            limit=_SCANNED,
            after=after,
        )
        scanned = resources.page(tx, query)
        found += [row for row in scanned if wanted(row)]
        if len(scanned) < _SCANNED:
            break
        after = resources.position(scanned[-1], sort)
    page: dict[str, Any] = {member: [summary(row) for row in found[:size]]}
    if len(found) > size:
        page["NextToken"] = context.pager.encode(f"List/{kind}", scope, resources.position(found[size - 1], sort))
    return page
