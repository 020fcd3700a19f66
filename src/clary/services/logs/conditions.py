"""Conditions of filter patterns: those on JSON, and the grammar that those on fields share with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from clary.services.logs.comparisons import Condition, Filter, Token, comparison, read_tokens
from clary.services.logs.expressions import BadExpression

_STEP = re.compile(r'\.([A-Za-z0-9_\-@*]+)|\[(\d{1,6})\]|\["([^"]*)"\]')
_MISSING = object()
_DEEPEST = 50


def json_filter(text: str) -> Filter:
    if not text.endswith("}"):
        raise BadExpression("a JSON pattern must end with }")
    condition = Conditions(text[1:-1]).parse()

    def matches(message: str) -> bool:
        if "{" not in message:
            return False
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return condition(document)

    return matches


class Conditions:
    """Reads `$.a = 1 && ($.b = "x" || $.c NOT EXISTS)`: `&&` binds more tightly than `||`."""

    def __init__(self, text: str) -> None:
        self._tokens = read_tokens(text)
        self._at = 0

    @property
    def count(self) -> int:
        """How many tokens there are."""
        return len(self._tokens)

    def first(self, kind: str) -> str:
        """The text of the first token of a kind."""
        for token in self._tokens:
            if token.kind == kind:
                return token.text
        raise BadExpression(f"a {kind} is missing")

    def parse(self) -> Condition:
        condition = self._any(0)
        if self._at < len(self._tokens):
            raise BadExpression(f"{self._tokens[self._at].text!r} is not expected there")
        return condition

    def _any(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise BadExpression("too many nested conditions")
        choices = [self._all(depth)]
        while self._take("mark", "||"):
            choices.append(self._all(depth))
        return choices[0] if len(choices) == 1 else lambda document: any(choice(document) for choice in choices)

    def _all(self, depth: int) -> Condition:
        needed = [self._one(depth)]
        while self._take("mark", "&&"):
            needed.append(self._one(depth))
        return needed[0] if len(needed) == 1 else lambda document: all(one(document) for one in needed)

    def _one(self, depth: int) -> Condition:
        if self._take("mark", "("):
            condition = self._any(depth + 1)
            if not self._take("mark", ")"):
                raise BadExpression("a parenthesis is not closed")
            return condition
        return self.simple()

    def simple(self) -> Condition:
        """One comparison; patterns of other kinds have other subjects."""
        select = _selector(self.next("selector").text)
        if self._take("word", "NOT"):
            self._keyword("EXISTS")
            return lambda document: select(document) is _MISSING
        if self._take("word", "EXISTS"):
            return lambda document: select(document) is not _MISSING
        if self._take("word", "IS"):
            return self._is(select)
        return comparison(select, self.next("mark").text, self.next_value())

    def _is(self, select: Callable[[Any], Any]) -> Condition:
        word = self.next("word").text.upper()
        if word not in ("NULL", "TRUE", "FALSE"):
            raise BadExpression("IS must be followed by NULL, TRUE or FALSE")
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}[word]
        return lambda document: select(document) is wanted

    def _keyword(self, word: str) -> None:
        if not self._take("word", word):
            raise BadExpression(f"{word} is missing")

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == kind and token.text.upper() == text:
                self._at += 1
                return True
        return False

    def next(self, kind: str) -> Token:
        token = self.next_value()
        if token.kind != kind:
            raise BadExpression(f"{token.text!r} is not a {kind}")
        return token

    def next_value(self) -> Token:
        if self._at >= len(self._tokens):
            raise BadExpression("the pattern ends too early")
        self._at += 1
        return self._tokens[self._at - 1]


def _selector(text: str) -> Callable[[Any], Any]:
    steps = [(name or quoted, index) for name, index, quoted in _STEP.findall(text)]

    def select(document: Any) -> Any:
        for name, index in steps:
            if index and isinstance(document, list) and int(index) < len(document):
                document = document[int(index)]
            elif not index and isinstance(document, dict) and name in document:
                document = document[name]
            else:
                return _MISSING
        return document

    return select
