"""Search expressions: read from a request, checked, and decided over one record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clary.base.errors import ValidationException
from clary.services.sagemaker.search import comparing
from clary.services.sagemaker.search.paths import spread, values

_DEEPEST = 20
_MOST = 50
_TIMES = frozenset({"CreationTime", "LastModifiedTime"})
_WITHOUT_VALUE = frozenset({"Exists", "NotExists"})
_DECIDED_BY_ALL = _WITHOUT_VALUE | {"NotEquals"}
# AWS searches these for several texts at once; of all others an expression may have one Contains.
_OFTEN_CONTAINED = frozenset(
    {
        "DisplayName",
        "ExperimentName",
        "InputArtifacts",
        "OutputArtifacts",
        "Tags",
        "TrialComponentName",
        "TrialName",
    }
)


@dataclass(frozen=True, slots=True)
class Filter:
    """`decide` looks at one value; `path` begins with the name of a property."""

    path: str
    operator: str
    text: str
    decide: Callable[[Any], bool]

    def holds(self, record: Mapping[str, Any]) -> bool:
        found = values(record, self.path)
        if len(found) == 1 and self.operator not in _DECIDED_BY_ALL:
            return self.decide(found[0])
        if self.operator in _WITHOUT_VALUE:
            return bool(found) is (self.operator == "Exists")
        if self.operator == "NotEquals":
            return not any(map(self.decide, found))
        return any(map(self.decide, found))


@dataclass(frozen=True, slots=True)
class Nested:
    """One entry of the list at `path` must satisfy all filters."""

    path: str
    filters: tuple[Filter, ...]

    def holds(self, record: Mapping[str, Any]) -> bool:
        entries: list[Any] = [record]
        for name in self.path.split("."):
            entries = [e for item in entries if isinstance(item, Mapping) for e in spread(item.get(name))]
        return any(self._entry(item) for item in entries if isinstance(item, Mapping))

    def _entry(self, item: Mapping[str, Any]) -> bool:
        return all(each.holds(item) for each in self.filters)


@dataclass(frozen=True, slots=True)
class Group:
    """All parts must hold, or `some` of them; a group without parts holds."""

    some: bool
    parts: tuple[Filter | Nested | Group, ...]

    def holds(self, record: Mapping[str, Any]) -> bool:
        if self.some and self.parts:
            return any(part.holds(record) for part in self.parts)
        return all(part.holds(record) for part in self.parts)

    def paths(self) -> Iterator[str]:
        """Everything that is looked at, however deep."""
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.paths()
            else:
                yield part.path


class Reader:
    """Reads one expression. `property_path` gives a path its proper form or refuses it; `folded` is the property
    that is compared whatever its case."""

    def __init__(self, property_path: Callable[[str], str], folded: str) -> None:
        self._property_path = property_path
        self._folded = folded
        self._parts = 0
        self._contains = 0

    def read(self, expression: Mapping[str, Any], depth: int = 0) -> Group:
        """ValidationException for what cannot be evaluated, or would take too long."""
        if depth > _DEEPEST:
            raise ValidationException("The search expression is nested too deeply.")
        filters = [self._filter(each) for each in expression.get("Filters") or []]
        nested = [self._nested(each) for each in expression.get("NestedFilters") or []]
        self._count(len(expression.get("SubExpressions") or []))
        inner = [self.read(each, depth + 1) for each in expression.get("SubExpressions") or []]
        return Group(expression.get("Operator") == "Or", (*filters, *nested, *inner))

    def _nested(self, nested: Mapping[str, Any]) -> Nested:
        """Names of the filters begin with the list's."""
        self._count(1)
        path = self._property_path(nested["NestedPropertyName"])
        prefix = nested["NestedPropertyName"] + "."
        filters = [self._filter(each, each["Name"].removeprefix(prefix)) for each in nested["Filters"]]
        return Nested(path, tuple(filters))

    def _filter(self, entry: Mapping[str, Any], inner: str = "") -> Filter:
        """`inner` is the path within an entry of a list."""
        self._count(1)
        path = inner or self._property_path(entry["Name"])
        operator, text = entry.get("Operator", "Equals"), entry.get("Value", "")
        _check_value(entry, path, operator)
        if operator == "Contains" and path.split(".")[0] not in _OFTEN_CONTAINED:
            self._contains += 1
            if self._contains > 1:
                raise ValidationException("'CONTAINS' operator usage limit of 1 exceeded.")
        kind = comparing.FOLDED if path == self._folded else comparing.kind_of(path)
        return Filter(path, operator, text, comparing.decider(operator, text, kind))

    def _count(self, more: int) -> None:
        self._parts += more
        if self._parts > _MOST:
            raise ValidationException(
                f"A search expression may have at most {_MOST} subexpressions, nested filters and filters."
            )


def _check_value(entry: Mapping[str, Any], path: str, operator: str) -> None:
    if operator in _WITHOUT_VALUE and "Value" in entry:
        raise ValidationException(f"A filter with the operator {operator} has no Value.")
    if operator not in _WITHOUT_VALUE and "Value" not in entry:
        raise ValidationException(f"The filter on {entry['Name']} needs a Value.")
    if path in _TIMES and operator not in _WITHOUT_VALUE and comparing.read_time(entry["Value"]) is None:
        raise ValidationException(f"The filter on {entry['Name']} needs a time such as 2026-01-31T12:00:00Z.")
