"""Where properties are kept, so that Search can look at thousands of rows without rendering them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.store import attachments, projections
from clary.store.database import Transaction
from clary.store.resources import Query

# With the paths below the property that are looked at; None when all of it is.
Batch = Callable[[Transaction, Query, Sequence[str] | None], Mapping[int, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """The fields of a row (columns, or pointers into its document) that a property is made of, and how."""

    fields: tuple[str, ...]
    build: Callable[..., Any]


def at(field: str) -> Place:
    """The field itself."""
    return Place((field,), lambda value: value)


def or_else(field: str, default: Any) -> Place:
    return Place((field,), lambda value: default if value is None else value)


def inside(folder: str, members: str) -> dict[str, Place]:
    """Members that the document has under their own names."""
    return {member: at(f"{folder}/{member}") for member in members.split()}


def nowhere(members: str) -> dict[str, Place]:
    """Properties that the model has and that no resource here ever has."""
    return {member: Place((), lambda: None) for member in members.split()}


def read(
    tx: Transaction,
    query: Query,
    places: Mapping[str, Place],
    batches: Mapping[str, Batch],
    paths: Iterable[str],
) -> list[tuple[int, dict[str, Any]]]:
    """Id and record of every row that the query means; a record has the properties that the paths begin with."""
    heads = sorted({path.split(".")[0] for path in paths})
    placed = [head for head in heads if head in places]
    fields = list(dict.fromkeys(field for head in placed for field in places[head].fields))
    positions = [(head, places[head].build, [fields.index(f) for f in places[head].fields]) for head in placed]
    beside = {head: batches[head](tx, query, _below(head, paths)) for head in heads if head in batches}
    if "Tags" in heads:
        beside["Tags"] = attachments.tags(tx, query, _below("Tags", paths))
    return [
        (
            row_id,
            {head: build(*[found[position] for position in chosen]) for head, build, chosen in positions}
            | {head: values[row_id] for head, values in beside.items() if row_id in values},
        )
        for row_id, found in projections.read(tx, query, fields)
    ]


def _below(head: str, paths: Iterable[str]) -> Sequence[str] | None:
    found = [path.partition(".")[2] for path in paths if path.split(".")[0] == head]
    return found if all(found) else None
