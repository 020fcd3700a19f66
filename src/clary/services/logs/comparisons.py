"""What filter patterns are made of: tokens, values with wildcards, and how they compare with what a message has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clary.services.logs.expressions import BadExpression, Expression

Filter = Callable[[str], bool]
Condition = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>&&|\|\||[()]|!=|<=|>=|[=<>])
      | (?P<selector>\$(?:\.[A-Za-z0-9_\-@*]+|\[\d{1,6}\]|\["[^"]*"\])*)
      | "(?P<text>(?:[^"\\]|\\.)*)"
      | %(?P<expression>(?:[^%\\]|\\.)+)%
      | (?P<word>[^\s()=!<>&|"%]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


def read_tokens(text: str) -> list[Token]:
    tokens = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise BadExpression(f"cannot read {text[position : position + 20].strip()!r}")
        tokens.append(Token(found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


def matcher(text: str) -> Filter:
    return Expression(text).search


def comparison(select: Callable[[Any], Any], operator: str, value: Token) -> Condition:
    """Numbers compare as numbers, everything else as text with `*` for anything. Missing fields match nothing."""
    if value.kind == "word" and NUMBER.fullmatch(value.text):
        return _number_comparison(select, operator, float(value.text))
    if operator not in ("=", "!="):
        raise BadExpression(f"{operator} needs a number")
    matches = _value_test(value)

    def holds(document: Any) -> bool:
        found = select(document)
        if not isinstance(found, (str, int, float)):
            return False
        text = found if isinstance(found, str) else json.dumps(found)
        return matches(text) == (operator == "=")

    return holds


def _number_comparison(select: Callable[[Any], Any], operator: str, wanted: float) -> Condition:
    tests: dict[str, Callable[[float], bool]] = {
        "=": lambda number: number == wanted,
        "!=": lambda number: number != wanted,
        "<": lambda number: number < wanted,
        "<=": lambda number: number <= wanted,
        ">": lambda number: number > wanted,
        ">=": lambda number: number >= wanted,
    }
    if operator not in tests:
        raise BadExpression(f"{operator!r} is not a comparison")
    test = tests[operator]

    def holds(document: Any) -> bool:
        found = select(document)
        return isinstance(found, (int, float)) and not isinstance(found, bool) and test(found)

    return holds


def _value_test(value: Token) -> Filter:
    if value.kind == "expression":
        return matcher(value.text)
    if value.kind == "text":
        return _wildcard(re.sub(r"\\(.)", r"\1", value.text))
    if value.kind == "word":
        return _wildcard(value.text)
    raise BadExpression(f"{value.text!r} is not a value")


def _wildcard(pattern: str) -> Filter:
    """Whole-text match where `*` stands for any text, in one pass."""
    head, *middle = pattern.split("*")
    if not middle:
        return lambda text: text == pattern
    *middle, tail = middle

    def matches(text: str) -> bool:
        if not text.startswith(head):
            return False
        position = len(head)
        for part in middle:
            found = text.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        return len(text) - len(tail) >= position and text.endswith(tail)

    return matches
