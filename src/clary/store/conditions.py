"""Conditions on rows of resources that the database decides, as plain data that services may build.

Not here: what no index or column holds (documents); Search decides that itself, over what these leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, and_, exists, false, func, or_, true
from sqlalchemy.sql.elements import ColumnElement

from clary.store.tags import TAGS


@dataclass(frozen=True, slots=True)
class Column:
    """`operator` is one of the keys of OPERATORS; names are compared whatever their case."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Tag:
    """The resource has a tag of this key, with one of the values if any are given."""

    key: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Condition, ...]


Condition = Column | Tag | Every | Some

OPERATORS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "Equals": lambda column, value: column == value,
    "NotEquals": lambda column, value: column != value,
    "GreaterThan": lambda column, value: column > value,
    "GreaterThanOrEqualTo": lambda column, value: column >= value,
    "LessThan": lambda column, value: column < value,
    "LessThanOrEqualTo": lambda column, value: column <= value,
    "Contains": lambda column, value: column.contains(value, autoescape=True),
    "In": lambda column, value: column.in_(value),
}


def compiled(table: Table, condition: Condition) -> ColumnElement[bool]:
    """The condition over a row of the table of resources."""
    if isinstance(condition, Column):
        return _column(table, condition)
    if isinstance(condition, Tag):
        return _tagged(table, condition)
    parts = [compiled(table, part) for part in condition.parts]
    return and_(true(), *parts) if isinstance(condition, Every) else or_(false(), *parts)


def _column(table: Table, condition: Column) -> ColumnElement[bool]:
    if condition.name != "name":
        return OPERATORS[condition.operator](table.c[condition.name], condition.value)
    value = condition.value
    lowered = value.lower() if isinstance(value, str) else [each.lower() for each in value]
    return OPERATORS[condition.operator](table.c.key, lowered)


def _tagged(table: Table, condition: Tag) -> ColumnElement[bool]:
    chosen = exists().where(TAGS.c.arn == func.lower(table.c.arn), TAGS.c.key == condition.key)
    if condition.values is not None:
        chosen = chosen.where(TAGS.c.value.in_(condition.values))
    return chosen.correlate(table)
