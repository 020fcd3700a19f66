"""Event patterns: which events a rule wants. Compiled once, then matched any number of times.

The language is EventBridge's: a pattern is an object whose leaves are lists of alternatives. Matching costs at most
the size of the pattern times the size of the event, whatever either holds: no regular expressions, no backtracking.
The alternatives themselves (prefix, numeric and so on) are in `alternatives`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.base.errors import ApiError
from clary.events.alternatives import Test, make_test

_DEEPEST = 50
_MOST_CHARACTERS = 65_536
_OR = "$or"


class InvalidEventPattern(ApiError):
    code = "InvalidEventPatternException"
    status = 400


class _Absent:
    """Stands for a field that an event does not have."""


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class _Leaf:
    tests: tuple[Test, ...]
    if_absent: bool

    def matches(self, value: Any) -> bool:
        if value is ABSENT or isinstance(value, dict) or value == []:
            return self.if_absent
        if isinstance(value, list):
            return any(self.matches(item) for item in value if item != [])
        return any(test(value) for test in self.tests)


@dataclass(frozen=True, slots=True)
class _Fields:
    fields: tuple[tuple[str, _Leaf | _Fields], ...]
    choices: tuple[_Fields, ...]

    def matches(self, value: Any) -> bool:
        """An array of objects matches when one of them does, as a whole."""
        if isinstance(value, list) and value:
            return any(self.matches(item) for item in value)
        found = value if isinstance(value, dict) else {}
        return all(node.matches(found.get(name, ABSENT)) for name, node in self.fields) and (
            not self.choices or any(choice.matches(found) for choice in self.choices)
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    root: _Fields

    def matches(self, event: Mapping[str, Any]) -> bool:
        return self.root.matches(dict(event))


def compile_pattern(text: str) -> Pattern:
    """The pattern, or InvalidEventPattern with the reason."""
    if len(text) > _MOST_CHARACTERS:
        raise _invalid("Pattern is too long")
    try:
        pattern = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"Filter is not valid JSON ({type(error).__name__})") from None
    if not isinstance(pattern, dict):
        raise _invalid("Filter is not an object")
    if not pattern:
        raise _invalid("Filter must have at least one field")
    return Pattern(_fields(pattern, 1))


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """Whether the rule of this pattern wants the event."""
    return pattern.matches(event)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs)  # the last one counts, as in EventBridge


def _fields(pattern: dict[str, Any], depth: int) -> _Fields:
    if depth > _DEEPEST:
        raise _invalid(f"Filter is nested deeper than {_DEEPEST} levels")
    if not pattern:
        raise _invalid("Empty objects are not allowed")
    choices = _choices(pattern[_OR], depth) if _is_choice(pattern.get(_OR)) else ()
    nodes = tuple((name, _node(name, node, depth)) for name, node in pattern.items() if name != _OR or not choices)
    return _Fields(nodes, choices)


def _is_choice(node: Any) -> bool:
    """`$or` is the operator only with two objects or more; else it is a field of that name."""
    return isinstance(node, list) and len(node) > 1 and all(isinstance(item, dict) and item for item in node)


def _choices(node: list[dict[str, Any]], depth: int) -> tuple[_Fields, ...]:
    return tuple(_fields(item, depth + 1) for item in node)


def _node(name: str, node: Any, depth: int) -> _Leaf | _Fields:
    if isinstance(node, dict):
        return _fields(node, depth + 1)
    if not isinstance(node, list):
        raise _invalid(f'"{name}" must be an object or an array')
    if not node:
        raise _invalid("Empty arrays are not allowed")
    tests: list[Test] = []
    if_absent = False
    for item in node:
        if isinstance(item, dict) and list(item) == ["exists"]:
            if not isinstance(item["exists"], bool):
                raise _invalid("exists match pattern must be either true or false.")
            if item["exists"]:
                tests.append(_always)
            else:
                if_absent = True
            continue
        try:
            tests.append(make_test(item))
        except ValueError as error:
            raise _invalid(str(error)) from None
    return _Leaf(tuple(tests), if_absent)


def _always(_value: Any) -> bool:
    return True


def _invalid(reason: str) -> InvalidEventPattern:
    return InvalidEventPattern(f"Event pattern is not valid. Reason: {reason}")
