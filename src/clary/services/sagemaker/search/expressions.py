"""Search expressions over one record: filters, nested filters, sub-expressions. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from clary.base.errors import ValidationException

_DEEPEST = 20
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
# Lists whose entries are addressed by name: `Tags.key`, `Metrics.name.Last`.
_NAMED = {
    "Tags": ("Key", "Value"),
    "Metrics": ("MetricName", "Last"),
    "FinalMetricDataList": ("MetricName", "Value"),
    "PipelineParameters": ("Name", "Value"),
}
_MOST_FILTERS = 100
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda a, b: bool(a > b),
    "GreaterThanOrEqualTo": lambda a, b: bool(a >= b),
    "LessThan": lambda a, b: bool(a < b),
    "LessThanOrEqualTo": lambda a, b: bool(a <= b),
}
_TIMES = frozenset({"CreationTime", "LastModifiedTime"})
_WITHOUT_VALUE = frozenset({"Exists", "NotExists"})


def check(expression: Mapping[str, Any]) -> None:
    """ValidationException for what cannot be evaluated, or would take too long."""
    for number, entry in enumerate(filters_in(expression)):
        if number >= _MOST_FILTERS:
            raise ValidationException(f"A search expression may have at most {_MOST_FILTERS} filters.")
        _check_filter(entry)


def filters_in(expression: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every filter, however deep."""
    if depth > _DEEPEST:
        raise ValidationException("The search expression is nested too deeply.")
    yield from expression.get("Filters") or []
    for nested in expression.get("NestedFilters") or []:
        yield from nested["Filters"]
    for inner in expression.get("SubExpressions") or []:
        yield from filters_in(inner, depth + 1)


def holds(expression: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """An expression without anything in it holds."""
    results = _results(expression, record)
    if expression.get("Operator") == "Or":
        found = list(results)
        return any(found) if found else True
    return all(results)


def values(record: Any, path: str) -> list[Any]:
    """Everything that a property path leads to; lists are looked into."""
    found = [record]
    parts = path.split(".")
    position = 0
    while position < len(parts):
        name = parts[position]
        key_member, value_member = _NAMED.get(name, ("", ""))
        if key_member and position + 1 < len(parts):
            wanted = ".".join(parts[position + 1 :])
            return [value for item in found for value in _named(item, name, key_member, value_member, wanted)]
        # Keys of maps may have dots in them, such as SageMaker.ImageUri.
        rest = ".".join(parts[position:])
        whole = [item[rest] for item in found if isinstance(item, Mapping) and rest in item]
        if whole:
            return [_plain(entry) for value in whole for entry in _spread(value)]
        held = [item[name] for item in found if isinstance(item, Mapping) and name in item]
        found = [entry for value in held for entry in _spread(value)]
        position += 1
    return [_plain(value) for value in found]


def _results(expression: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[bool]:
    for entry in expression.get("Filters") or []:
        yield _matches(entry, record)
    for nested in expression.get("NestedFilters") or []:
        yield _nested(nested, record)
    for inner in expression.get("SubExpressions") or []:
        yield holds(inner, record)


def _nested(nested: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """One entry of the list must satisfy all filters; their names begin with the list's."""
    prefix = nested["NestedPropertyName"]
    entries: list[Any] = [record]
    for name in prefix.split("."):
        entries = [e for item in entries if isinstance(item, Mapping) and name in item for e in _spread(item[name])]
    filters = [{**entry, "Name": entry["Name"].removeprefix(f"{prefix}.")} for entry in nested["Filters"]]
    return any(all(_matches(entry, item) for entry in filters) for item in entries if isinstance(item, Mapping))


def _matches(entry: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    operator, text = entry.get("Operator", "Equals"), entry.get("Value", "")
    found = values(record, entry["Name"])
    if operator in _WITHOUT_VALUE:
        return bool(found) is (operator == "Exists")
    if operator == "NotEquals":
        return not any(_equal(item, text) for item in found)
    return any(_compare(operator, item, text) for item in found)


def _compare(operator: str, item: Any, text: str) -> bool:
    if operator == "Equals":
        return _equal(item, text)
    if operator == "In":
        return any(_equal(item, choice.strip()) for choice in text.split(","))
    if operator == "Contains":
        return text.lower() in str(item).lower()
    return _ordered(operator, item, text)


def _equal(item: Any, text: str) -> bool:
    if isinstance(item, bool):
        return str(item).lower() == text.lower()
    if isinstance(item, int | float):
        number = _number(text)
        return number is not None and item == number
    if isinstance(item, datetime):
        return item == read_time(text)
    return str(item) == text


def _ordered(operator: str, item: Any, text: str) -> bool:
    if isinstance(item, datetime):
        moment = read_time(text)
        return moment is not None and _ORDERS[operator](item, moment)
    number = item if isinstance(item, int | float) else _number(str(item))
    other = _number(text)
    if number is not None and other is not None:
        return _ORDERS[operator](number, other)
    return _ORDERS[operator](str(item), text)


def _named(item: Any, name: str, key_member: str, value_member: str, wanted: str) -> Iterator[Any]:
    """Entries of a list by their name; names may have dots in them, so a member name at the end is tried last."""
    for entry in _spread(item.get(name)) if isinstance(item, Mapping) else []:
        key = entry.get(key_member)
        if key == wanted:
            yield _plain(entry.get(value_member, entry.get("Value")))
            continue
        member = wanted.removeprefix(f"{key}.").capitalize()
        if key is not None and wanted.startswith(f"{key}.") and member in entry:
            yield _plain(entry[member])


def _spread(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    """Parameters of trial components are wrapped by their type."""
    if isinstance(value, Mapping):
        for member in ("NumberValue", "StringValue", "Value"):
            if member in value:
                return value[member]
    return value


def _check_filter(entry: Mapping[str, Any]) -> None:
    operator = entry.get("Operator", "Equals")
    if operator in _WITHOUT_VALUE and "Value" in entry:
        raise ValidationException(f"A filter with the operator {operator} has no Value.")
    if operator not in _WITHOUT_VALUE and "Value" not in entry:
        raise ValidationException(f"The filter on {entry['Name']} needs a Value.")
    if entry["Name"] in _TIMES and operator not in _WITHOUT_VALUE and read_time(entry["Value"]) is None:
        raise ValidationException(f"The filter on {entry['Name']} needs a time such as 2026-01-31T12:00:00Z.")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def read_time(text: str) -> datetime | None:
    """ISO text or epoch seconds; None for what is no time."""
    if not _TIME.fullmatch(text):
        number = _number(text)
        return datetime.fromtimestamp(number, UTC) if number is not None and 0 <= number < 4e9 else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
