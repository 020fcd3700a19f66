"""Comparing one value of a record with the text of a filter: texts, numbers, times. Pure."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

PLAIN, FOLDED, HYPERPARAMETER = "plain", "folded", "hyperparameter"
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operators.gt,
    "GreaterThanOrEqualTo": operators.ge,
    "LessThan": operators.lt,
    "LessThanOrEqualTo": operators.le,
}


def kind_of(path: str) -> str:
    return HYPERPARAMETER if path.startswith("HyperParameters.") else PLAIN


def decider(operator: str, text: str, kind: str) -> Callable[[Any], bool]:
    """What an operator says of one value; NotEquals is the opposite of Equals, and decided by the caller."""
    if operator in _ORDERS:
        return _ordered(_ORDERS[operator], text, kind)
    if operator == "Contains":
        lowered = text.lower()
        return lambda item: lowered in str(item).lower()
    if operator == "In":
        choices = [_equals(choice.strip(), kind) for choice in text.split(",")]
        return lambda item: any(choice(item) for choice in choices)
    return _equals(text, kind)


def read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def read_time(text: str) -> datetime | None:
    """ISO text or epoch seconds; None for what is no time."""
    if not _TIME.fullmatch(text):
        number = read_number(text)
        return datetime.fromtimestamp(number, UTC) if number is not None and 0 <= number < 4e9 else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _equals(text: str, kind: str) -> Callable[[Any], bool]:
    lowered, number, moment = text.lower(), read_number(text), read_time(text)

    def equal(item: Any) -> bool:
        if isinstance(item, str):
            if kind == HYPERPARAMETER and number is not None and (other := read_number(item)) is not None:
                return _rounded(other, text) == number
            return item == text or (kind == FOLDED and item.lower() == lowered)
        if isinstance(item, bool):
            return str(item).lower() == lowered
        if isinstance(item, datetime):
            return item == moment
        return isinstance(item, int | float) and item == number

    return equal


def _ordered(order: Callable[[Any, Any], bool], text: str, kind: str) -> Callable[[Any], bool]:
    number, moment = read_number(text), read_time(text)

    def ordered(item: Any) -> bool:
        if isinstance(item, datetime):
            return moment is not None and order(item, moment)
        other = item if isinstance(item, int | float) else read_number(str(item))
        if other is not None and number is not None:
            return order(_rounded(other, text) if kind == HYPERPARAMETER else other, number)
        return isinstance(item, str) and order(item, text)

    return ordered


def _rounded(number: float, text: str) -> float:
    """As AWS: compared with a whole number, a decimal hyperparameter counts as one."""
    return int(number) if _WHOLE.fullmatch(text) else number
