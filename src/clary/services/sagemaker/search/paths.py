"""What a property path leads to in a record: through maps, lists, and lists whose entries are found by name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from clary.base.errors import ValidationException
from clary.services.sagemaker.search.comparing import read_number

# Lists whose entries are addressed by name: `Metrics.name.Last`.
_NAMED = {
    "Metrics": ("MetricName", "Last"),
    "FinalMetricDataList": ("MetricName", "Value"),
    "PipelineParameters": ("Name", "Value"),
}
# What often follows the name of a metric; looked up, since this too is done for thousands of rows.
_MEMBERS = {name.lower(): name for name in ("Max", "Min", "Last", "Count", "Avg", "StdDev", "Value")}
# What most properties are: found without a closer look, since this is done for thousands of rows.
_SCALARS = frozenset({str, int, float, bool, datetime})
# Maps of people's own texts, which sort as numbers where they are numbers.
_TEXTS = ("HyperParameters.", "Environment.", "PipelineParameters.", "Parameters.", "Tags.")


def values(record: Mapping[str, Any], path: str) -> list[Any]:
    """Everything that a property path leads to; lists are looked into."""
    head, _, rest = path.partition(".")
    held = record.get(head)
    if held is None:
        return []
    if not rest:
        return [held] if type(held) in _SCALARS else [_plain(entry) for entry in spread(held)]
    if type(held) is dict and type(held.get(rest)) in _SCALARS:
        return [held[rest]]
    if head == "Tags":
        return _tag(held, rest)
    if head in _NAMED:
        return list(_named(held, *_NAMED[head], rest))
    return _inside(held, rest)


def spread(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def sort_key(record: Mapping[str, Any], path: str) -> tuple[int, Any]:
    """What is missing comes first; numbers and times before texts."""
    found = values(record, path)
    if not found:
        return (0, 0)
    value = found[0]
    if isinstance(value, datetime):
        return (1, value.timestamp())
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, dict | list):
        raise ValidationException(f"Results cannot be sorted by {path}.")
    number = read_number(value) if path.startswith(_TEXTS) else None
    return (2, str(value)) if number is None else (1, number)


def _inside(held: Any, path: str) -> list[Any]:
    """Keys of maps may have dots in them, such as SageMaker.ImageUri: the whole rest is tried first."""
    found = []
    name, _, rest = path.partition(".")
    for item in spread(held):
        if not isinstance(item, Mapping):
            continue
        if path in item:
            found += [_plain(entry) for entry in spread(item[path])]
        elif rest and name in item:
            found += _inside(item[name], rest)
    return found


def _tag(held: Any, key: str) -> list[Any]:
    if isinstance(held, Mapping):
        return [held[key]] if key in held else []
    return [entry["Value"] for entry in spread(held) if entry.get("Key") == key]


def _named(held: Any, key_member: str, value_member: str, wanted: str) -> Iterator[Any]:
    """Names may have dots in them, so a member at the end (`max`, in any case) is tried last."""
    for entry in spread(held):
        key = entry.get(key_member)
        if key == wanted:
            yield _plain(entry.get(value_member, entry.get("Value")))
        elif key is not None and wanted.startswith(f"{key}."):
            member = wanted[len(key) + 1 :].lower()
            name = _MEMBERS.get(member) or next((name for name in entry if name.lower() == member), "")
            if name in entry:
                yield _plain(entry[name])


def _plain(value: Any) -> Any:
    """Parameters of trial components are wrapped by their type."""
    if isinstance(value, Mapping):
        for member in ("NumberValue", "StringValue", "Value"):
            if member in value:
                return value[member]
    return value
