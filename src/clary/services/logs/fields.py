"""Patterns of space-delimited fields: `[ip, user, ..., status >= 500, size]`.

A message is cut at its blanks; what stands in quotation marks or brackets is one field. There must be as many fields
as the pattern names, `...` standing for any number of others. Conditions on one field are joined by `&&` and `||`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clary.services.logs.comparisons import NUMBER, Condition, Filter, comparison
from clary.services.logs.conditions import Conditions
from clary.services.logs.expressions import BadExpression

_WORD = re.compile(r"\S+")
_CLOSING = {'"': '"', "[": "]"}
_PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)+%|[^",%])*', re.DOTALL)
_REST = "..."


def field_filter(text: str) -> Filter:
    """The text begins with a bracket. BadExpression for what is no pattern."""
    if not text.endswith("]"):
        raise BadExpression("a pattern of fields must end with ]")
    parts = [part.strip() for part in _parts(text[1:-1])]
    if parts.count(_REST) > 1:
        raise BadExpression("... may stand there once")
    gap = parts.index(_REST) if _REST in parts else len(parts)
    first, last = [_condition(part) for part in parts[:gap]], [_condition(part) for part in parts[gap + 1 :]]

    def matches(message: str) -> bool:
        fields = _fields(message)
        if len(fields) < len(first) + len(last) or (gap == len(parts) and len(fields) > len(first)):
            return False
        return _hold(first, fields) and _hold(last, fields[len(fields) - len(last) :])

    return matches


def _fields(message: str) -> list[str]:
    """In one pass: that nothing closes a bracket is found out once."""
    fields: list[str] = []
    position, unclosed = 0, set[str]()
    while found := _WORD.search(message, position):
        start = found.start()
        closing = _CLOSING.get(message[start], "")
        end = -1 if not closing or closing in unclosed else message.find(closing, start + 1)
        if end >= 0:
            fields.append(message[start + 1 : end])
            position = end + 1
            continue
        unclosed.add(closing)
        fields.append(found[0])
        position = found.end()
    return fields


def _hold(conditions: Sequence[Condition | None], fields: Sequence[str]) -> bool:
    return all(condition is None or condition(field) for condition, field in zip(conditions, fields, strict=False))


def _parts(text: str) -> list[str]:
    """Cut at commas outside of quotation marks and expressions."""
    parts, position = [], 0
    while True:
        found = _PART.match(text, position)
        end = found.end() if found else position
        parts.append(text[position:end])
        if end == len(text):
            return parts
        if text[end] != ",":
            raise BadExpression(f"cannot read {text[end : end + 20]!r}")
        position = end + 1


def _condition(part: str) -> Condition | None:
    """None for a field that may be anything."""
    if not part:
        raise BadExpression("a field has no name")
    conditions = _FieldConditions(part)
    return None if conditions.bare else conditions.parse()


class _FieldConditions(Conditions):
    """Reads `size > 10 && size < 20`, all of one field."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._name = self.first("word")

    @property
    def bare(self) -> bool:
        """Only a name."""
        return self.count == 1

    def simple(self) -> Condition:
        name = self.next("word").text
        if name != self._name:
            raise BadExpression(f"{name!r} is not the field {self._name!r}")
        operator, value = self.next("mark").text, self.next_value()
        if value.kind == "word" and NUMBER.fullmatch(value.text):
            return comparison(_as_number, operator, value)
        return comparison(str, operator, value)


def _as_number(field: str) -> float | str:
    return float(field) if NUMBER.fullmatch(field) else field
