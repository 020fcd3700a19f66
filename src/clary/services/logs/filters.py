"""Filter patterns of FilterLogEvents: terms, phrases, regular expressions and conditions on JSON.

ERROR timeout        both are in the message         ?ERROR ?WARN    one of them is
"out of memory"      this very text is in it         -DEBUG          it is not
%fold [0-9]+%        a regular expression matches    { $.code >= 500 && $.user = "a*" }
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clary.services.logs.expressions import BadExpression, Expression
from clary.services.logs.names import invalid_parameter

Filter = Callable[[str], bool]

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|([^\s"%]\S*))(?=\s|$)', re.DOTALL)
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
_STEP = re.compile(r'\.([A-Za-z0-9_\-@*]+)|\[(\d{1,6})\]|\["([^"]*)"\]')
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?")
_MISSING = object()
_DEEPEST = 50


def parse_filter(pattern: str) -> Filter:
    """A function that tells whether a message matches; InvalidParameterException for what is no pattern."""
    text = pattern.strip()
    try:
        if not text:
            return lambda _message: True
        if text.startswith("{"):
            return _json_filter(text)
        if text.startswith("["):
            raise BadExpression("patterns of space-delimited fields are not served")
        return _term_filter(text)
    except BadExpression as error:
        raise invalid_parameter(f"Invalid filter pattern: {error}") from None


def _term_filter(text: str) -> Filter:
    needed: list[Filter] = []
    optional: list[Filter] = []
    excluded: list[Filter] = []
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise BadExpression(f"cannot read {text[position : position + 20].strip()!r}")
        position = found.end()
        kind, phrase, expression, word = found.groups()
        target = {"": needed, "?": optional, "-": excluded}[kind]
        target.append(_expression(expression) if expression is not None else _contains(_unescape(phrase, word)))

    def matches(message: str) -> bool:
        if any(test(message) for test in excluded) or not all(test(message) for test in needed):
            return False
        # Beside other terms, CloudWatch does not look at optional ones.
        return bool(needed) or not optional or any(test(message) for test in optional)

    return matches


def _unescape(phrase: str | None, word: str | None) -> str:
    return (word or "") if phrase is None else re.sub(r"\\(.)", r"\1", phrase)


def _contains(part: str) -> Filter:
    return lambda message: part in message


def _expression(text: str) -> Filter:
    return Expression(text).search


def _json_filter(text: str) -> Filter:
    if not text.endswith("}"):
        raise BadExpression("a JSON pattern must end with }")
    condition = _Conditions(text[1:-1]).parse()

    def matches(message: str) -> bool:
        if "{" not in message:
            return False
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return condition(document)

    return matches


Condition = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _Conditions:
    """Reads `$.a = 1 && ($.b = "x" || $.c NOT EXISTS)`: `&&` binds more tightly than `||`."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

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
        select = _selector(self._next("selector").text)
        if self._take("word", "NOT"):
            self._keyword("EXISTS")
            return lambda document: select(document) is _MISSING
        if self._take("word", "EXISTS"):
            return lambda document: select(document) is not _MISSING
        if self._take("word", "IS"):
            return self._is(select)
        return _comparison(select, self._next("mark").text, self._next_value())

    def _is(self, select: Callable[[Any], Any]) -> Condition:
        word = self._next("word").text.upper()
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

    def _next(self, kind: str) -> _Token:
        token = self._next_value()
        if token.kind != kind:
            raise BadExpression(f"{token.text!r} is not a {kind}")
        return token

    def _next_value(self) -> _Token:
        if self._at >= len(self._tokens):
            raise BadExpression("the pattern ends too early")
        self._at += 1
        return self._tokens[self._at - 1]


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise BadExpression(f"cannot read {text[position : position + 20].strip()!r}")
        tokens.append(_Token(found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


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


def _comparison(select: Callable[[Any], Any], operator: str, value: _Token) -> Condition:
    """Numbers compare as numbers, everything else as text with `*` for anything. Missing fields match nothing."""
    if value.kind == "word" and _NUMBER.fullmatch(value.text):
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


def _value_test(value: _Token) -> Filter:
    if value.kind == "expression":
        return _expression(value.text)
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
