"""AddAssociation, DeleteAssociation and ListAssociations: the edges between what lineage knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clary.base.errors import ResourceNotFound, ValidationException
from clary.services.context import Context
from clary.services.sagemaker.lineage import vertices
from clary.services.sagemaker.user_context import user_context
from clary.store import lineage, resources
from clary.store.database import Transaction
from clary.store.lineage import Edge, EdgeQuery
from clary.store.resources import Resource

_SORTS = {
    "SourceArn": "source_arn",
    "DestinationArn": "destination_arn",
    "SourceType": "source_type",
    "DestinationType": "destination_type",
    "CreationTime": "created_at",
}
_FILTERS = {
    "SourceType": "source_type",
    "DestinationType": "destination_type",
    "AssociationType": "kind",
    "CreatedAfter": "created_after",
    "CreatedBefore": "created_before",
}


def source_arn(_context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table; the handlers ask for the destination themselves."""
    return str(request["SourceArn"]).lower()


def add_association(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    context.authorize("sagemaker:AddAssociation", request["DestinationArn"].lower())
    with context.database.write() as tx:
        source = vertices.find_end(tx, context, request["SourceArn"])
        destination = vertices.find_end(tx, context, request["DestinationArn"])
        if source.id == destination.id:
            raise ValidationException(f"{source.arn} cannot be associated with itself.")
        if not join(tx, context, source, destination, request.get("AssociationType", "")):
            raise ValidationException(f"Association between {source.arn} and {destination.arn} already exists.")
    return {"SourceArn": source.arn, "DestinationArn": destination.arn}


def delete_association(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    context.authorize("sagemaker:DeleteAssociation", request["DestinationArn"].lower())
    with context.database.write() as tx:
        source = vertices.find_end(tx, context, request["SourceArn"])
        destination = vertices.find_end(tx, context, request["DestinationArn"])
        if not lineage.part(tx, source.id, destination.id):
            raise ResourceNotFound(f"There is no association between {source.arn} and {destination.arn}.")
    return {"SourceArn": source.arn, "DestinationArn": destination.arn}


def list_associations(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    size, token = request.get("MaxResults", 10), request.get("NextToken")
    sort = _SORTS[request.get("SortBy", "CreationTime")]
    descending = request.get("SortOrder", "Descending") == "Descending"
    filters = {name: request[member] for member, name in _FILTERS.items() if member in request}
    for member, name in (("SourceArn", "source_arn"), ("DestinationArn", "destination_arn")):
        if member in request:
            filters[name] = request[member].lower()
    scope = f"{context.account}/{context.region}/{sort}/{descending}/{sorted(map(str, filters.items()))}"
    query = EdgeQuery(
        context.account,
        context.region,
        sort=sort,
        descending=descending,
        limit=size + 1,
        after=context.pager.decode("ListAssociations", scope, token) if token else None,
        **filters,
    )
    with context.database.read() as tx:
        edges = lineage.page(tx, query)
        page: dict[str, Any] = {"AssociationSummaries": [_summary(tx, edge) for edge in edges[:size]]}
    if len(edges) > size:
        page["NextToken"] = context.pager.encode("ListAssociations", scope, lineage.position(edges[size - 1], sort))
    return page


def join(tx: Transaction, context: Context, source: Resource, destination: Resource, kind: str) -> bool:
    """Whether the association is new."""
    return lineage.join(
        tx,
        source,
        vertices.end_of(source),
        vertices.end_of(destination),
        kind=kind,
        by=user_context(context),
        now=context.now,
    )


def join_new(tx: Transaction, context: Context, pairs: Sequence[tuple[Resource, Resource, str]]) -> None:
    """Associations of a row that has just been made: source, destination and type of each."""
    edges = [(vertices.end_of(source), vertices.end_of(destination), kind) for source, destination, kind in pairs]
    if pairs:
        lineage.join_new(tx, pairs[0][0], edges, by=user_context(context), now=context.now)


def _summary(tx: Transaction, edge: Edge) -> dict[str, Any]:
    shown = {
        "SourceArn": edge.source.arn,
        "DestinationArn": edge.destination.arn,
        "SourceType": edge.source.type,
        "DestinationType": edge.destination.type,
        "AssociationType": edge.kind,
        "SourceName": _name(tx, edge.source.id),
        "DestinationName": _name(tx, edge.destination.id),
        "CreationTime": edge.created_at,
        "CreatedBy": edge.created_by,
    }
    return {member: value for member, value in shown.items() if value}


def _name(tx: Transaction, row_id: int) -> str:
    """Artifacts need not have one."""
    row = resources.find_by_id(tx, row_id)
    if row is None:
        return ""
    return row.document.get("ArtifactName", "") if row.kind == vertices.ARTIFACT else row.name
