"""Conditions: whether the top list holds (all of it), with Not and Or inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from clary.base.errors import ValidationException
from clary.definitions.paths import UnresolvedReference
from clary.definitions.references import Scope, as_text, resolve

_DEEPEST = 20
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "NotEquals": lambda left, right: bool(left != right),
    "GreaterThan": lambda left, right: bool(left > right),
    "GreaterThanOrEqualTo": lambda left, right: bool(left >= right),
    "LessThan": lambda left, right: bool(left < right),
    "LessThanOrEqualTo": lambda left, right: bool(left <= right),
}


def check_conditions(step: str, conditions: Any, depth: int = 0) -> None:
    """Known types with all their members; ValidationException otherwise."""
    if not isinstance(conditions, list) or depth > _DEEPEST:
        raise _invalid(f"Conditions of the step {step} must be a list.")
    for condition in conditions:
        kind = condition.get("Type") if isinstance(condition, dict) else None
        if kind in _COMPARISONS:
            _need(step, condition, "LeftValue", "RightValue")
        elif kind == "In":
            _need(step, condition, *(("QueryValue", "Values") if "QueryValue" in condition else ("Value", "In")))
        elif kind == "Not":
            _need(step, condition, "Expression" if "Expression" in condition else "Condition")
            check_conditions(step, [condition.get("Expression") or condition.get("Condition")], depth + 1)
        elif kind == "Or":
            _need(step, condition, "Conditions")
            check_conditions(step, condition["Conditions"], depth + 1)
        else:
            raise _invalid(f"The step {step} has a condition of the unknown Type {kind!r}.")


def holds(conditions: list[dict[str, Any]], scope: Scope) -> bool:
    """All of them hold. An empty list does."""
    return all(_holds(condition, scope) for condition in conditions)


def _holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    kind = condition["Type"]
    if kind == "Not":
        return not _holds(condition.get("Expression") or condition["Condition"], scope)
    if kind == "Or":
        return any(_holds(entry, scope) for entry in condition["Conditions"])
    if kind == "In":
        value = resolve(condition.get("QueryValue", condition.get("Value")), scope)
        listed = resolve(condition.get("Values", condition.get("In")), scope)
        if not isinstance(listed, list):
            raise UnresolvedReference(f"{listed!r} is no list in which a value could be (In).")
        return any(_same(value, entry) for entry in listed)
    left, right = (resolve(condition[member], scope) for member in ("LeftValue", "RightValue"))
    return _compare(kind, left, right)


def _compare(kind: str, left: Any, right: Any) -> bool:
    pair = _pair(left, right)
    try:
        return _COMPARISONS[kind](*pair)
    except TypeError as error:
        raise UnresolvedReference(f"{left!r} and {right!r} cannot be compared ({kind}).") from error


def _same(left: Any, right: Any) -> bool:
    pair = _pair(left, right)
    return bool(pair[0] == pair[1])


def _pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values that can be compared: a number beside a text that is one compares as a number."""
    if isinstance(left, datetime):
        left = as_text(left)
    if isinstance(right, datetime):
        right = as_text(right)
    if _is_number(left) and isinstance(right, str):
        return left, _number(right)
    if isinstance(left, str) and _is_number(right):
        return _number(left), right
    return left, right


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _need(step: str, condition: Mapping[str, Any], *members: str) -> None:
    for member in members:
        if member not in condition:
            raise _invalid(f"The {condition['Type']} condition of the step {step} needs {member}.")


def _invalid(text: str) -> ValidationException:
    return ValidationException(f"Invalid pipeline definition: {text}")
