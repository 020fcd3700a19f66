"""A walk through the graph, level by level: which rows are reached, how far away they are, over which edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from clary.base.errors import ValidationException
from clary.store import lineage
from clary.store.database import Transaction
from clary.store.lineage import Edge, End

_MOST = 10_000


@dataclass(slots=True)
class Reached:
    """`depth` of every row that was reached, by id; the ends with their ARNs and types; and the edges crossed."""

    depth: dict[int, int] = field(default_factory=dict)
    ends: dict[int, End] = field(default_factory=dict)
    edges: dict[int, Edge] = field(default_factory=dict)


def walk(tx: Transaction, start: Iterable[End], direction: str, depth: int) -> Reached:
    """Ascendants follow edges backwards, Descendants forwards, Both does both from every row that is reached."""
    reached = Reached()
    level = {end.id: end for end in start}
    for distance in range(depth + 1):
        reached.depth.update(dict.fromkeys(level, distance))
        reached.ends.update(level)
        if len(reached.ends) > _MOST:
            raise ValidationException(
                f"More than {_MOST} entities are within reach; ask for one direction, or a smaller MaxDepth."
            )
        if distance == depth or not level:
            break
        level = _next(tx, reached, level, direction)
    return reached


def _next(tx: Transaction, reached: Reached, level: dict[int, End], direction: str) -> dict[int, End]:
    found: dict[int, End] = {}
    if direction != "Ascendants":
        for edge in lineage.out_of(tx, level):
            reached.edges[edge.id] = edge
            found[edge.destination.id] = edge.destination
    if direction != "Descendants":
        for edge in lineage.into(tx, level):
            reached.edges[edge.id] = edge
            found[edge.source.id] = edge.source
    return {row_id: end for row_id, end in found.items() if row_id not in reached.depth}


def on_paths(reached: Reached, wanted: set[int]) -> tuple[set[int], list[Edge]]:
    """Rows and edges that lead from the start to what is wanted, wanted rows among them."""
    on_path = set(wanted)
    for edge in sorted(reached.edges.values(), key=lambda edge: -_far(reached, edge)):
        near, far = sorted((edge.source.id, edge.destination.id), key=lambda row_id: reached.depth[row_id])
        if far in on_path and reached.depth[near] < reached.depth[far]:
            on_path.add(near)
    edges = [edge for edge in reached.edges.values() if {edge.source.id, edge.destination.id} <= on_path]
    return on_path, edges


def _far(reached: Reached, edge: Edge) -> int:
    return max(reached.depth[edge.source.id], reached.depth[edge.destination.id])
