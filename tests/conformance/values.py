"""Values as corpora write them in JSON (blobs as text, moments as seconds, NaN as a word), and as Clary has them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from clary.wire.catalog import Shape


def written(shape: Shape | None, value: Any) -> Any:
    """One of Clary's values, or of botocore's, as a corpus writes it."""
    if value is None or shape is None or _is_events(shape, value):
        return value
    kind = shape.type_name
    if kind == "structure" and not shape.is_document_type:
        return {name: written(shape.members.get(name), item) for name, item in value.items() if item is not None}
    if kind == "list":
        return [written(shape.member, item) for item in value]
    if kind == "map":
        return {key: written(shape.value, item) for key, item in value.items()}
    return _written_scalar(value)


def _written_scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def meant(shape: Shape | None, value: Any) -> Any:
    """The opposite: what a handler would return."""
    if value is None or shape is None or _is_events(shape, value):
        return value
    kind = shape.type_name
    if kind == "structure" and not shape.is_document_type:
        return {name: meant(shape.members.get(name), item) for name, item in value.items()}
    if kind == "list":
        return [meant(shape.member, item) for item in value]
    if kind == "map":
        return {key: meant(shape.value, item) for key, item in value.items()}
    return _meant_scalar(kind, value)


def _meant_scalar(kind: str, value: Any) -> Any:
    if kind == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    if kind == "blob":
        return value.encode()
    if kind in ("float", "double"):
        return float(value)
    return value


def _is_events(shape: Shape, value: Any) -> bool:
    """Events are a list of structures, whatever their shape says."""
    return bool(shape.serialization.get("eventstream")) and isinstance(value, list)


def without_holes(value: Any) -> Any:
    """Without members that are None: clients do not send them. Lists keep theirs."""
    if isinstance(value, dict):
        return {name: without_holes(item) for name, item in value.items() if item is not None}
    return [without_holes(item) for item in value] if isinstance(value, list) else value


def equal(first: Any, second: Any) -> bool:
    """Whether two documents are the same; here NaN is NaN."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(equal(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(equal, first, second))
    both_nan = isinstance(first, float) and isinstance(second, float) and math.isnan(first) and math.isnan(second)
    return bool(first == second) or both_nan
