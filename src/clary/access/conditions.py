"""The Condition element of a statement: operators, qualifiers, missing keys.

| the key is missing and the operator is | answer |
|---|---|
| `...IfExists`                          | true   |
| `ForAllValues:`                        | true   |
| `ForAnyValue:`                         | false  |
| negated (`StringNotEquals` ...)        | true   |
| any other                              | false  |
| `Null`                                 | whether the policy says "true" |

A value of the wrong type fits nothing. A variable without a value fits nothing either, except that a negated
operator of an Allow statement then refuses: an open question never allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from clary.access.operators import OPERATORS, Operator, to_flag
from clary.access.patterns import Facts, Matcher, Resolved, Tokens, has_variables, parse_pattern, resolve, settled


class Condition(Protocol):
    """One key of one operator. All conditions of a statement must hold."""

    @property
    def key(self) -> str: ...

    def holds(self, facts: Facts) -> bool: ...


@dataclass(frozen=True, slots=True)
class NullCondition:
    """`Null`: the key must be missing (true) or present (false)."""

    key: str
    missing: tuple[bool, ...]

    def holds(self, facts: Facts) -> bool:
        return (not _values(facts.get(self.key))) in self.missing


@dataclass(frozen=True, slots=True)
class ValueCondition:
    """An operator with its qualifier (`ForAllValues`, `ForAnyValue` or none) and the policy's values."""

    key: str
    operator: Operator
    qualifier: str
    if_exists: bool
    fixed: tuple[Matcher, ...]
    dynamic: tuple[Tokens, ...]
    unresolved: bool

    def holds(self, facts: Facts) -> bool:
        values = _values(facts.get(self.key))
        if not values:
            return self._without_values()
        tests = self.fixed
        for tokens in self.dynamic:
            resolved = resolve(tokens, facts)
            if resolved is not None:
                tests += (prepared(self.operator.name, resolved),)
            elif self.unresolved:
                return False
        negated = self.operator.negated
        if self.qualifier == "ForAllValues":
            return all(_fits_any(tests, value) != negated for value in values)
        if self.qualifier == "ForAnyValue":
            return any(_fits_any(tests, value) != negated for value in values)
        return any(_fits_any(tests, value) for value in values) != negated

    def _without_values(self) -> bool:
        if self.if_exists or self.qualifier == "ForAllValues":
            return True
        return self.operator.negated and self.qualifier != "ForAnyValue"


def split_operator(text: str) -> tuple[str, str, bool]:
    """`ForAnyValue:StringLikeIfExists` -> ("ForAnyValue", "StringLike", True); ValueError when unknown."""
    qualifier, _, name = text.rpartition(":")
    bare = name.removesuffix("IfExists")
    if qualifier not in ("", "ForAllValues", "ForAnyValue") or (bare not in OPERATORS and text != "Null"):
        raise ValueError(f"unknown condition operator {text!r}")
    return qualifier, bare, bare != name


def compile_conditions(block: Mapping[str, Any], *, variables: bool, allow: bool) -> tuple[Condition, ...]:
    """All conditions of a statement; ValueError when an operator is unknown or a value has the wrong type."""
    return tuple(
        _compile(operator, key.lower(), texts_of(values), variables, allow)
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def texts_of(value: Any) -> list[str]:
    """Values of a policy as texts: JSON numbers and booleans are allowed where text is meant."""
    items = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]


def _compile(text: str, key: str, values: list[str], variables: bool, allow: bool) -> Condition:
    qualifier, name, if_exists = split_operator(text)
    if name == "Null":
        return NullCondition(key, tuple(to_flag(value) for value in values))
    operator = OPERATORS[name]
    parsed = [parse_pattern(value, wildcards=operator.wildcards, variables=variables) for value in values]
    return ValueCondition(
        key=key,
        operator=operator,
        qualifier=qualifier,
        if_exists=if_exists,
        fixed=tuple(operator.prepare(settled(tokens)) for tokens in parsed if not has_variables(tokens)),
        dynamic=tuple(tokens for tokens in parsed if has_variables(tokens)),
        unresolved=operator.negated and allow,
    )


@lru_cache(maxsize=4096)
def prepared(operator: str, value: Resolved) -> Matcher:
    """A test for a value that came out of a variable; one of the wrong type fits nothing."""
    try:
        return OPERATORS[operator].prepare(value)
    except ValueError:
        return lambda _: False


def _values(value: str | Sequence[str] | None) -> Sequence[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _fits_any(tests: Sequence[Matcher], value: str) -> bool:
    return any(_fits(test, value) for test in tests)


def _fits(test: Matcher, value: str) -> bool:
    try:
        return test(value)
    except ValueError:
        return False
