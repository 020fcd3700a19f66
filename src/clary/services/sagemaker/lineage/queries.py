"""QueryLineage: what came before a thing, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clary.base.arns import parse_arn
from clary.base.errors import ResourceNotFound, ValidationException
from clary.services.context import Context
from clary.services.sagemaker.experiments import rows
from clary.services.sagemaker.lineage import graph, vertices
from clary.store import resources
from clary.store.database import Transaction
from clary.store.lineage import Edge, End
from clary.store.resources import Resource

_DEEPEST = 10
_LARGEST_PAGE = 50
_OF_ROWS = ("CreatedBefore", "CreatedAfter", "ModifiedBefore", "ModifiedAfter", "Properties")


def query_lineage(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Without edges, only what matches the filters, beyond the start; with edges also what lies on the way."""
    depth = _bounded(request, "MaxDepth", _DEEPEST)
    size = _bounded(request, "MaxResults", _LARGEST_PAGE)
    filters = request.get("Filters") or {}
    with context.database.read() as tx:
        start = _start(tx, context, request.get("StartArns") or [])
        reached = graph.walk(tx, map(vertices.end_of, start), request.get("Direction", "Both"), depth)
        wanted = {end.id for end in reached.ends.values() if _matches(tx, end, filters)}
    if request.get("IncludeEdges", True):
        shown, edges = graph.on_paths(reached, wanted)
        shown |= {row.id for row in start}
    else:
        shown, edges = wanted - {row.id for row in start}, []
    order = sorted((reached.depth[row_id], row_id) for row_id in shown)
    return _page(context, request, reached, order, edges, size)


def _page(
    context: Context,
    request: dict[str, Any],
    reached: graph.Reached,
    order: list[tuple[int, int]],
    edges: list[Edge],
    size: int,
) -> dict[str, Any]:
    """An edge is told on the page of its farther end: on that page or before both ends have been told."""
    scope = f"{context.account}/{context.region}/" + str(
        sorted((key, str(value)) for key, value in request.items() if key not in {"NextToken", "MaxResults"})
    )
    token = request.get("NextToken")
    if token:
        depth, row_id = context.pager.decode("QueryLineage", scope, token)
        order = [place for place in order if place > (depth, row_id)]
    page = order[:size]
    told = set(page)
    answer: dict[str, Any] = {
        "Vertices": [_vertex(reached.ends[row_id]) for _, row_id in page],
        "Edges": [_edge(edge) for edge in edges if _place(reached, edge) in told],
    }
    if len(order) > size:
        answer["NextToken"] = context.pager.encode("QueryLineage", scope, list(page[-1]))
    return answer


def _bounded(request: dict[str, Any], member: str, most: int) -> int:
    value: int = request.get(member, most)
    if not 1 <= value <= most:
        raise ValidationException(f"{member} must be between 1 and {most}.")
    return value


def _start(tx: Transaction, context: Context, arns: list[str]) -> list[Resource]:
    """A thing of lineage by its own ARN, or what stands for the job, endpoint, package or group of the ARN."""
    if not arns:
        raise ValidationException("StartArns must name at least one entity.")
    found: dict[int, Resource] = {}
    for arn in arns:
        kind = parse_arn(arn).resource_type
        if kind in vertices.LINEAGE_TYPES or kind == rows.EXPERIMENT:
            some = [vertices.find_end(tx, context, arn)]
        else:
            standing = vertices.standing_for(tx, context, arn.lower())
            # What was done with a thing is not the thing: its actions are reached from its context or artifact.
            some = [row for row in standing if row.kind != vertices.ACTION] or standing
        if not some:
            raise ResourceNotFound(f"Requested resource not found: {arn}")
        found.update({row.id: row for row in some})
    return list(found.values())


def _matches(tx: Transaction, end: End, filters: dict[str, Any]) -> bool:
    if filters.get("Types") and _type(end) not in filters["Types"]:
        return False
    if filters.get("LineageTypes") and _lineage_type(end) not in filters["LineageTypes"]:
        return False
    if not any(filters.get(member) for member in _OF_ROWS):
        return True
    row = resources.find_by_id(tx, end.id)
    return row is not None and _row_matches(row, filters)


def _row_matches(row: Resource, filters: dict[str, Any]) -> bool:
    """Of the properties, one that is as asked for is enough."""
    properties = row.document.get("Properties", {})
    asked = filters.get("Properties") or {}
    return (
        ("CreatedBefore" not in filters or row.created_at < filters["CreatedBefore"])
        and ("CreatedAfter" not in filters or row.created_at > filters["CreatedAfter"])
        and ("ModifiedBefore" not in filters or row.updated_at < filters["ModifiedBefore"])
        and ("ModifiedAfter" not in filters or row.updated_at > filters["ModifiedAfter"])
        and (not asked or any(properties.get(key) == value for key, value in asked.items()))
    )


def _vertex(end: End) -> dict[str, Any]:
    shown = {"Arn": end.arn, "Type": _type(end), "LineageType": _lineage_type(end)}
    return {member: value for member, value in shown.items() if value}


def _edge(edge: Edge) -> dict[str, Any]:
    shown = {"SourceArn": edge.source.arn, "DestinationArn": edge.destination.arn, "AssociationType": edge.kind}
    return {member: value for member, value in shown.items() if value}


def _place(reached: graph.Reached, edge: Edge) -> tuple[int, int]:
    ends: Iterable[int] = (edge.source.id, edge.destination.id)
    return max((reached.depth[row_id], row_id) for row_id in ends)


def _kind(end: End) -> str:
    return parse_arn(end.arn).resource_type


def _lineage_type(end: End) -> str:
    return vertices.LINEAGE_TYPES.get(_kind(end), "")


def _type(end: End) -> str:
    """Queries call a training job's component TrainingJob, lists of associations SageMakerTrainingJob."""
    return end.type if _kind(end) in {"artifact", "action", "context"} else end.type.removeprefix("SageMaker")
