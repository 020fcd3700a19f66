"""The rows that lineage joins: found, made, listed, and seen as ends of edges.

Artifacts, actions and contexts live here; trial components and experiments belong to the package experiments and can
be ends of edges as well. An artifact's key is a digest of its source URI: there is one artifact for each URI.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.base.errors import ResourceNotFound, ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import rows
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.user_context import user_context
from clary.store import lineage, resources, tags
from clary.store.database import Transaction
from clary.store.lineage import End
from clary.store.resources import Resource

ARTIFACT, ACTION, CONTEXT = "artifact", "action", "context"
_MOST_PROPERTIES = 30
_SORTS = {"Name": "name", "CreationTime": "created_at"}

LINEAGE_TYPES = {ARTIFACT: "Artifact", ACTION: "Action", CONTEXT: "Context", rows.COMPONENT: "TrialComponent"}
"""What the kinds are called in queries; experiments have no such name."""


def described_arn(kind: str, member: str) -> Callable[[Context, dict[str, Any]], str]:
    """For dispatch tables: Describe takes a name or an ARN."""

    def arn_of_request(context: Context, request: dict[str, Any]) -> str:
        return _arn(context, kind, request[member])

    return arn_of_request


def get(tx: Transaction, context: Context, kind: str, name_or_arn: str) -> Resource:
    """Only one's own: names in ARNs of other accounts are not found."""
    arn = _arn(context, kind, name_or_arn)
    found = resources.find(tx, context.account, context.region, kind, arn.rpartition("/")[2])
    if found is None or found.arn != arn:
        raise ResourceNotFound(f"Requested resource not found: {arn}")
    return found


def add(
    tx: Transaction, context: Context, kind: str, name: str, document: dict[str, Any], given: list[Any] | None = None
) -> Resource:
    """`document` has the Source."""
    row = names.add(tx, context, kind, name, {**document, "created_by": user_context(context)})
    lineage.remember_source(tx, row, document["Source"]["SourceUri"])
    if given:
        put_tags(tx, row.arn, given)
    return row


def change(
    tx: Transaction, context: Context, row: Resource, members: dict[str, Any], request: dict[str, Any]
) -> None:
    """New members replace old ones; properties join those that are there, and those to remove go."""
    properties = {**row.document.get("Properties", {}), **request.get("Properties", {})}
    for key in request.get("PropertiesToRemove", []):
        properties.pop(key, None)
    if len(properties) > _MOST_PROPERTIES:
        raise ValidationException(f"{row.arn} may have at most {_MOST_PROPERTIES} properties.")
    document = {**row.document, **members, "Properties": properties, "changed_by": user_context(context)}
    resources.save(tx, row, now=context.now, document=document)


def remove(tx: Transaction, context: Context, row: Resource) -> None:
    if lineage.has_edges(tx, row.id):
        raise ValidationException(f"{row.arn} cannot be deleted: it still has associations. Delete them first.")
    resources.remove(tx, row, now=context.now)
    lineage.forget(tx, row.id)
    tags.drop_all(tx, row.arn)


def described(context: Context, row: Resource) -> dict[str, Any]:
    """What every Describe has in common."""
    kept = {key: value for key, value in row.document.items() if key[0].isupper()}
    shown = {
        **kept,
        "CreationTime": row.created_at,
        "CreatedBy": row.document["created_by"],
        "LastModifiedTime": row.updated_at,
        "LineageGroupArn": group_arn(context),
    }
    if "changed_by" in row.document:
        shown["LastModifiedBy"] = row.document["changed_by"]
    return shown


GROUP_NAME = "sagemaker-default-lineage-group"


def group_arn(context: Context) -> str:
    return names.arn(context, "lineage-group", GROUP_NAME)


def standing_for(tx: Transaction, context: Context, uri: str) -> list[Resource]:
    """Everything whose source is this URI, oldest first; of trial components, those of the job with this ARN."""
    found = (
        resources.find_by_id(tx, row_id) for row_id in lineage.by_source(tx, context.account, context.region, uri)
    )
    return [row for row in found if row is not None]


def list_page(
    tx: Transaction,
    context: Context,
    request: dict[str, Any],
    kind: str,
    *,
    type_member: str,
    summary: Callable[[Resource], dict[str, Any]],
) -> dict[str, Any]:
    """One page, newest first unless asked otherwise. With a source URI only what stands for it is looked at."""
    member = f"{LINEAGE_TYPES[kind]}Summaries"
    wanted_type = request.get(type_member)
    if "SourceUri" in request:
        found = [row for row in standing_for(tx, context, request["SourceUri"]) if row.kind == kind]
        return _cut(
            context, request, kind, member, [row for row in found if _passes(row, request, type_member)], summary
        )
    return rows.list_page(
        tx,
        context,
        request,
        kind,
        member=member,
        wanted=lambda row: wanted_type is None or row.document.get(type_member) == wanted_type,
        summary=summary,
    )


def _arn(context: Context, kind: str, name_or_arn: str) -> str:
    return name_or_arn.lower() if name_or_arn.startswith("arn:") else names.arn(context, kind, name_or_arn)


def _passes(row: Resource, request: dict[str, Any], type_member: str) -> bool:
    return (
        (type_member not in request or row.document.get(type_member) == request[type_member])
        and ("CreatedAfter" not in request or row.created_at > request["CreatedAfter"])
        and ("CreatedBefore" not in request or row.created_at < request["CreatedBefore"])
    )


def _cut(
    context: Context,
    request: dict[str, Any],
    kind: str,
    member: str,
    found: list[Resource],
    summary: Callable[[Resource], dict[str, Any]],
) -> dict[str, Any]:
    """A page of rows that are all in memory."""
    sort = _SORTS[request.get("SortBy", "CreationTime")]
    descending = request.get("SortOrder", "Descending") == "Descending"
    size = request.get("MaxResults", 10)
    scope = f"{context.account}/{context.region}/{kind}/{sort}/{descending}/{request['SourceUri']}"
    token = request.get("NextToken")
    found = sorted(found, key=lambda row: resources.position(row, sort), reverse=descending)
    if token:
        last = context.pager.decode(f"List/{kind}", scope, token)
        found = [row for row in found if (resources.position(row, sort) < last) is descending]
        found = [row for row in found if resources.position(row, sort) != last]
    page: dict[str, Any] = {member: [summary(row) for row in found[:size]]}
    if len(found) > size:
        page["NextToken"] = context.pager.encode(f"List/{kind}", scope, resources.position(found[size - 1], sort))
    return page


def end_of(row: Resource) -> End:
    """The row as an end of an edge."""
    return End(row.id, row.arn, _type(row))


def find_end(tx: Transaction, context: Context, arn: str) -> Resource:
    """The row that an association names."""
    row = resources.find_by_arn(tx, arn.lower())
    known = {*LINEAGE_TYPES, rows.EXPERIMENT}
    if row is None or row.kind not in known or (row.account, row.region) != (context.account, context.region):
        raise ResourceNotFound(f"Requested resource not found: {arn}")
    return row


def _type(row: Resource) -> str:
    if row.kind == rows.EXPERIMENT:
        return "SageMakerExperiment"
    if row.kind == rows.COMPONENT:
        source: str = row.document.get("Source", {}).get("SourceType", "SageMakerExperimentTrialComponent")
        return source
    kind: str = row.document[f"{LINEAGE_TYPES[row.kind]}Type"]
    return kind
