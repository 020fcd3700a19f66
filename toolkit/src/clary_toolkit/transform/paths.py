"""The JSONPath subset of DataProcessing: `$`, `.name`, `*`, `['a','b']`, `[0,2]`, `[-1]` and slices. Pure.

One name or index selects a value. Several indexes, slices and `*` select a list, several names an object; what
follows them is applied to each of their values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

NAME = re.compile(r"\.(\*|[^.\[\]'\"*\s]+)")
BRACKET = re.compile(r"\[((?:'[^']*'|\"[^\"]*\"|[^\]'\"])*)\]")
QUOTED = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*(?:,|$)")
INDEXES = re.compile(r"\s*-?\d{1,9}\s*(?:,\s*-?\d{1,9}\s*)*")
SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*(?::\s*(-?\d{1,9})?\s*)?")

Step = Callable[[Any], Any]


class PathError(ValueError):
    """The expression is none, or what it names is not in the record."""


class Path:
    """One expression, ready to be applied."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self._steps = _parsed(expression)

    def select(self, value: Any) -> Any:
        """What the expression selects. Raises PathError."""
        return _select(value, self._steps)


def _select(value: Any, steps: Sequence[tuple[Step, bool]]) -> Any:
    if not steps:
        return value
    (step, several), rest = steps[0], steps[1:]
    found = step(value)
    if not several:
        return _select(found, rest)
    if isinstance(found, dict):
        return {name: _select(each, rest) for name, each in found.items()}
    return [_select(each, rest) for each in found]


def _parsed(expression: str) -> list[tuple[Step, bool]]:
    text = expression.strip()
    if not text.startswith("$"):
        raise PathError(f"{expression!r} does not begin with $")
    position, steps = 1, []
    while position < len(text):
        match = NAME.match(text, position) or BRACKET.match(text, position)
        if match is None:
            raise PathError(f"{expression!r} cannot be understood from {text[position:]!r} on")
        steps.append(_by_name(match[1]) if match.re is NAME else _by_bracket(match[1], expression))
        position = match.end()
    return steps


def _by_name(name: str) -> tuple[Step, bool]:
    return (_children, True) if name == "*" else (lambda value: _member(value, name), False)


def _by_bracket(inside: str, expression: str) -> tuple[Step, bool]:
    if inside.strip() == "*":
        return _children, True
    if INDEXES.fullmatch(inside):
        return _by_indexes([int(each) for each in inside.split(",")])
    found = SLICE.fullmatch(inside)
    if found:
        start, stop, step = (None if each is None else int(each) for each in found.groups())
        if step == 0:
            raise PathError(f"{expression!r} has a slice with the step 0")
        return (lambda value: _items(value)[start:stop:step]), True
    names = _quoted(inside, expression)
    if len(names) == 1:
        return (lambda value: _member(value, names[0])), False
    return (lambda value: {name: _member(value, name) for name in names}), True


def _by_indexes(indexes: list[int]) -> tuple[Step, bool]:
    if len(indexes) == 1:
        return (lambda value: _item(value, indexes[0])), False
    return (lambda value: [_item(value, index) for index in indexes]), True


def _quoted(inside: str, expression: str) -> list[str]:
    names, position = [], 0
    while position < len(inside):
        match = QUOTED.match(inside, position)
        if match is None:
            break
        names.append(match[1] if match[1] is not None else match[2])
        position = match.end()
    if not names or position < len(inside) or inside.rstrip().endswith(","):
        raise PathError(f"{expression!r} cannot be understood at [{inside}]")
    return names


def _children(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else _items(value)


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise PathError(f"the record has no {name!r}")
    return value[name]


def _item(value: Any, index: int) -> Any:
    items = _items(value)
    if not -len(items) <= index < len(items):
        raise PathError(f"index {index} is out of range: there are {len(items)}")
    return items[index]


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PathError("the record is not a list where the expression has an index")
    return value
