"""Patterns of policies: the wildcards `*` and `?`, and variables such as `${aws:username}`.

A pattern is parsed once into tokens. Values that replace a variable are taken literally: a user named `*` is
not a wildcard. Matching never backtracks over earlier wildcards, so that no pattern is slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Protocol, TypeAlias


class Wild(Enum):
    """A wildcard of a pattern."""

    STAR = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; the key is in lower case."""

    key: str
    default: str | None


Resolved: TypeAlias = "tuple[str | Wild, ...]"
Tokens: TypeAlias = "tuple[str | Wild | Variable, ...]"
Matcher: TypeAlias = Callable[[str], bool]


class Facts(Protocol):
    """Where values of variables and condition keys come from."""

    def get(self, key: str, /) -> str | Sequence[str] | None: ...


_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = frozenset("*?$")


@lru_cache(maxsize=8192)
def parse_pattern(text: str, *, wildcards: bool, variables: bool) -> Tokens:
    """Tokens of `text`. Without `variables` (old policy language) `${` means itself."""
    if not variables or "${" not in text:
        return tuple(_split_wildcards(text, wildcards))
    tokens: list[str | Wild | Variable] = []
    position = 0
    for match in _VARIABLE.finditer(text):
        tokens += _split_wildcards(text[position : match.start()], wildcards)
        name, _, default = match[1].partition(",")
        default = default.strip()
        quoted = len(default) >= 2 and default[0] == default[-1] == "'"
        tokens.append(
            name if name in _LITERALS else Variable(name.strip().lower(), default[1:-1] if quoted else None)
        )
        position = match.end()
    return (*tokens, *_split_wildcards(text[position:], wildcards))


def _split_wildcards(text: str, wildcards: bool) -> Iterator[str | Wild]:
    pieces = re.split(r"([*?])", text) if wildcards else [text]
    for piece in pieces:
        if wildcards and piece in ("*", "?"):
            yield Wild(piece)
        elif piece:
            yield piece


def resolve(tokens: Tokens, facts: Facts) -> Resolved | None:
    """Put values in the place of variables; None when one has neither a single value nor a default."""
    result: list[str | Wild] = []
    for token in tokens:
        if isinstance(token, Variable):
            value = facts.get(token.key)
            literal = value if isinstance(value, str) else token.default
            if literal is None:
                return None
            result.append(literal)
        else:
            result.append(token)
    return tuple(result)


def has_variables(tokens: Tokens) -> bool:
    return any(isinstance(token, Variable) for token in tokens)


def settled(tokens: Tokens) -> Resolved:
    """The tokens of a pattern that has no variables."""
    return tuple(token for token in tokens if not isinstance(token, Variable))


def literal_text(tokens: Resolved) -> str:
    """The text itself; wildcards stand for their own characters."""
    return "".join(token.value if isinstance(token, Wild) else token for token in tokens)


@lru_cache(maxsize=8192)
def matcher(tokens: Resolved) -> Matcher:
    """A function that says whether a whole text fits the pattern."""
    if tokens == (Wild.STAR,):
        return lambda _: True
    if not any(isinstance(token, Wild) for token in tokens):
        return literal_text(tokens).__eq__
    if len(tokens) == 2 and isinstance(tokens[0], str) and tokens[1] is Wild.STAR:
        prefix = tokens[0]
        return lambda text: text.startswith(prefix)
    fits = re.compile(_regular_expression(tokens), re.DOTALL).fullmatch
    return lambda text: fits(text) is not None


def _regular_expression(tokens: Resolved) -> str:
    """Each `*` but the last takes the shortest piece that lets the next segment fit and never reconsiders.
    For patterns of this kind that finds every match, and no pattern can be made slow."""
    segments = [""]
    for token in tokens:
        if token is Wild.STAR:
            segments.append("")
        else:
            segments[-1] += "." if isinstance(token, Wild) else re.escape(token)
    head, *rest = segments
    if not rest:
        return head
    middle = "".join(f"(?>.*?{segment})" for segment in rest[:-1] if segment)
    return f"{head}{middle}.*{rest[-1]}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One value of Action, Resource or a condition that may hold wildcards and variables."""

    tokens: Tokens
    fixed: Matcher | None

    def matches(self, text: str, facts: Facts, *, unresolved: bool = False) -> bool:
        """`unresolved` is the answer when a variable has no value."""
        if self.fixed is not None:
            return self.fixed(text)
        resolved = resolve(self.tokens, facts)
        return unresolved if resolved is None else matcher(resolved)(text)


def compile_pattern(text: str, *, variables: bool) -> Pattern:
    tokens = parse_pattern(text, wildcards=True, variables=variables)
    return Pattern(tokens, None if has_variables(tokens) else matcher(settled(tokens)))
