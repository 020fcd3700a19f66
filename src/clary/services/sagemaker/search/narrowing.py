"""What of an expression the database can decide by itself, as a condition on rows. Pure."""

from __future__ import annotations

from typing import Any

from clary.services.sagemaker.search import comparing
from clary.services.sagemaker.search.expressions import Filter, Group, Nested
from clary.services.sagemaker.search.kinds import Kind
from clary.store.conditions import Column, Condition, Every, Some, Tag

_TEXT_OPERATORS = frozenset({"Equals", "NotEquals", "Contains", "In"})
_TIME_OPERATORS = frozenset({"GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"})


def narrowed(kind: Kind, part: Filter | Nested | Group) -> tuple[Condition | None, bool]:
    """A condition that every row has for which the part holds (None when there is none to name), and whether the
    part holds for all rows that have it."""
    if isinstance(part, Filter):
        condition = _filter(kind, part)
        return condition, condition is not None
    if isinstance(part, Nested):
        return None, False
    found = [narrowed(kind, each) for each in part.parts]
    conditions = tuple(condition for condition, _ in found if condition is not None)
    exact = all(each for _, each in found)
    if part.some and found:
        return (Some(conditions), exact) if len(conditions) == len(found) else (None, False)
    return Every(conditions), exact


def _filter(kind: Kind, entry: Filter) -> Condition | None:
    if entry.path.startswith("Tags."):
        return _tag(entry)
    column = kind.column(entry.path)
    if column in {"created_at", "updated_at"} and entry.operator in _TIME_OPERATORS:
        return Column(column, entry.operator, comparing.read_time(entry.text))
    if column == "name" and entry.path == kind.folded() and entry.operator in _TEXT_OPERATORS:
        return Column("name", entry.operator, _choices(entry))
    if column in {"status", "parent"} and entry.operator in _TEXT_OPERATORS - {"Contains"}:
        return Column(column, entry.operator, _choices(entry))
    return None


def _choices(entry: Filter) -> Any:
    return [text.strip() for text in entry.text.split(",")] if entry.operator == "In" else entry.text


def _tag(entry: Filter) -> Condition | None:
    key = entry.path.removeprefix("Tags.")
    if entry.operator == "Exists":
        return Tag(key)
    if entry.operator == "Equals":
        return Tag(key, (entry.text,))
    return Tag(key, tuple(_choices(entry))) if entry.operator == "In" else None
