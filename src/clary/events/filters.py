"""The filter policies of SNS subscriptions: which messages a subscriber wants.

Pure: `compile_filter` checks a policy, `Filter.takes` decides about a message. The language is close to that of event
patterns but not the same: values of message attributes have types, and lists match by any of their elements.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"
_MOST_CHARACTERS = 150_000
_MOST_KEYS = 5
_MOST_COMBINATIONS = 150
_MOST_DEPTH = 10
_ABSENT = object()
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class FilterError(ValueError):
    """The policy is not one; the text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked policy."""

    policy: Mapping[str, Any]
    scope: str

    def takes(self, attributes: Mapping[str, Mapping[str, Any]], body: str) -> bool:
        """`attributes` as SNS has them: name -> {DataType, StringValue or BinaryValue}."""
        values = _of_attributes(attributes) if self.scope == ATTRIBUTES else _of_body(body)
        return values is not None and _fits(self.policy, values)


@lru_cache(maxsize=1024)
def compile_filter(text: str, scope: str) -> Filter:
    """Raises FilterError."""
    if len(text) > _MOST_CHARACTERS:
        raise FilterError("Filter policy is too long")
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise FilterError("Filter policy is not valid JSON") from None
    if not isinstance(policy, dict):
        raise FilterError("Filter policy must be an object")
    sizes = list(_leaves(policy, scope, 1))
    if len(sizes) > _MOST_KEYS:
        raise FilterError(f"Filter policy can not have more than {_MOST_KEYS} keys")
    combinations = 1
    for size in sizes:
        combinations *= size
    if combinations > _MOST_COMBINATIONS:
        raise FilterError("Filter policy is too complex")
    return Filter(policy, scope)


def _leaves(policy: Mapping[str, Any], scope: str, depth: int) -> Iterator[int]:
    """Check a level; the number of conditions of every key."""
    for key, rules in policy.items():
        if key == "$or" and isinstance(rules, list) and len(rules) > 1 and all(isinstance(r, dict) for r in rules):
            for rule in rules:
                yield from _leaves(rule, scope, depth)
        elif isinstance(rules, dict) and scope == BODY and depth < _MOST_DEPTH:
            yield from _leaves(rules, scope, depth + 1)
        elif isinstance(rules, list) and rules:
            for rule in rules:
                _check_rule(rule)
            yield len(rules)
        else:
            raise FilterError(f'"{key[:100]}" must be an object or an array')


def _check_rule(rule: Any) -> None:
    if not isinstance(rule, dict):
        if isinstance(rule, list):
            raise FilterError("Match value must be String, number, true, false, or null")
        return
    if len(rule) != 1:
        raise FilterError("Only one key allowed in match expression")
    ((operator, operand),) = rule.items()
    check = _OPERANDS.get(operator)
    if check is None:
        raise FilterError(f"Unrecognized match type {operator[:100]}")
    if not check(operand):
        raise FilterError(f"Value of {operator} is not valid")


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str) and operand != ""


def _is_number(operand: Any) -> bool:
    return isinstance(operand, int | float) and not isinstance(operand, bool) and abs(operand) <= 1e9


def _is_anything_but(operand: Any) -> bool:
    if isinstance(operand, dict):
        return len(operand) == 1 and all(
            name in ("prefix", "suffix", "equals-ignore-case") and _is_text(text) for name, text in operand.items()
        )
    items = operand if isinstance(operand, list) else [operand]
    return bool(items) and (all(isinstance(i, str) for i in items) or all(_is_number(i) for i in items))


def _is_comparison(operand: Any) -> bool:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    known = all(isinstance(sign, str) and sign in _COMPARE and _is_number(value) for sign, value in pairs)
    return known and (len(pairs) == 1 or (pairs[0][0][0] == ">" and pairs[1][0][0] == "<"))


def _is_network(operand: Any) -> bool:
    try:
        ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False
    return isinstance(operand, str)


_OPERANDS: Mapping[str, Callable[[Any], bool]] = {
    "prefix": _is_text,
    "suffix": _is_text,
    "equals-ignore-case": _is_text,
    "anything-but": _is_anything_but,
    "numeric": _is_comparison,
    "exists": lambda operand: isinstance(operand, bool),
    "cidr": _is_network,
}


def _of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes as values; binary ones cannot be matched, but they exist."""
    values: dict[str, Any] = {}
    for name, attribute in attributes.items():
        kind, text = attribute["DataType"].partition(".")[0], attribute.get("StringValue")
        values[name] = text
        if text is None:
            values[name] = _ABSENT
        elif attribute["DataType"] == "String.Array" or kind == "Number":
            values[name] = _loaded(text, text)
    return values


def _of_body(body: str) -> dict[str, Any] | None:
    value = _loaded(body, None)
    return value if isinstance(value, dict) else None


def _loaded(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _fits(policy: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    for key, rules in policy.items():
        if key == "$or" and isinstance(rules[0], dict) and not rules[0].keys() & _OPERANDS.keys():
            if not any(_fits(rule, values) for rule in rules):
                return False
        elif isinstance(rules, dict):
            inner = values.get(key)
            levels = inner if isinstance(inner, list) else [inner]
            if not any(_fits(rules, level if isinstance(level, dict) else {}) for level in levels):
                return False
        elif not any(_matches(rule, key, values) for rule in rules):
            return False
    return True


def _matches(rule: Any, key: str, values: Mapping[str, Any]) -> bool:
    if isinstance(rule, dict) and "exists" in rule:
        return (key in values) is rule["exists"]
    if key not in values:
        return False
    value = values[key]
    items = value if isinstance(value, list) else [value]
    return any(_matches_one(rule, item) for item in items if item is not _ABSENT)


def _matches_one(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return _same(rule, value)
    ((operator, operand),) = rule.items()
    if operator == "anything-but":
        if isinstance(operand, dict):
            return not _matches_one(operand, value)
        return not any(_same(item, value) for item in (operand if isinstance(operand, list) else [operand]))
    if operator == "numeric":
        return _is_finite(value) and all(
            _COMPARE[sign](value, limit) for sign, limit in zip(operand[::2], operand[1::2], strict=True)
        )
    return isinstance(value, str) and _TEXTS[operator](value, operand)


def _same(wanted: Any, value: Any) -> bool:
    """Equal and of one type; 3 and 3.0 are the same number."""
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    return isinstance(wanted, str) is isinstance(value, str) and bool(wanted == value)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_network(value: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": lambda value, text: value.startswith(text),
    "suffix": lambda value, text: value.endswith(text),
    "equals-ignore-case": lambda value, text: value.casefold() == text.casefold(),
    "cidr": _in_network,
}
