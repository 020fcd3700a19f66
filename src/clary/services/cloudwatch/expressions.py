"""Math expressions of GetMetricData: text to a tree. Nothing is computed here (`arithmetic`).

sum     = product (("+" | "-") product)*
product = power (("*" | "/") power)*
power   = factor ("^" power)?
factor  = "-" factor | number | text | name | NAME "(" sum ("," sum)* ")" | "[" sum, ... "]" | "(" sum ")"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clary.services.cloudwatch import errors

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,30}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,3})?)|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|\"(?P<text>[^\"]*)\"|'(?P<other>[^']*)'|(?P<sign>[-+*/^(),\[\]]))"
)
_LOGIC = frozenset("<>=!&|")
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A query's id, or a word such as REPEAT."""

    value: str


@dataclass(frozen=True, slots=True)
class Many:
    """`[a, b]`"""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negative:
    of: Node


@dataclass(frozen=True, slots=True)
class Pair:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Many | Negative | Pair | Function


def parse(text: str) -> Node:
    """The tree; raises ValidationError where the text is none."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._sum()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return node

    def _sum(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise errors.validation("The expression is nested too deeply.")
        node = self._product()
        while self._sign() in ("+", "-"):
            node = Pair(self._take(), node, self._product())
        self._depth -= 1
        return node

    def _product(self) -> Node:
        node = self._power()
        while self._sign() in ("*", "/"):
            node = Pair(self._take(), node, self._power())
        return node

    def _power(self) -> Node:
        bases = [self._factor()]
        while self._sign() == "^":
            self._take()
            bases.append(self._factor())
        node = bases.pop()
        while bases:
            node = Pair("^", bases.pop(), node)
        return node

    def _factor(self) -> Node:
        negative = False
        while self._sign() == "-":
            self._take()
            negative = not negative
        node = self._atom()
        return Negative(node) if negative else node

    def _atom(self) -> Node:
        if self._at >= len(self._tokens):
            raise errors.validation("The expression ends too early.")
        kind, value = self._tokens[self._at]
        if kind == "sign" and value in "([":
            self._take()
            items = self._list(")" if value == "(" else "]")
            if value == "(" and len(items) != 1:
                raise self._unexpected()
            return items[0] if value == "(" else Many(items)
        if kind == "sign":
            raise self._unexpected()
        self._take()
        if kind == "number":
            return Number(float(value))
        if kind != "name":
            return Text(value)
        if self._sign() == "(":
            self._take()
            return Function(value, self._list(")"))
        return Name(value)

    def _list(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self._sign() != end:
            if items and self._take() != ",":
                raise self._unexpected()
            items.append(self._sum())
        self._take()
        return tuple(items)

    def _sign(self) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "sign":
            return self._tokens[self._at][1]
        return ""

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise errors.validation("The expression ends too early.")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _unexpected(self) -> Exception:
        place = self._tokens[self._at][1] if self._at < len(self._tokens) else "its end"
        return errors.validation(f"The expression cannot be read at {place[:50]}.")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unread(text[at:].lstrip()[:1])
        kind = match.lastgroup or ""
        found.append(("text" if kind == "other" else kind, match[kind]))
        at = match.end()
    return found


def _unread(character: str) -> Exception:
    """AWS knows comparisons and logical operators, too."""
    if character in _LOGIC:
        return errors.not_served(f"The operator {character} in an expression")
    return errors.validation(f"The expression has a character that is not known: {character}.")
