"""The alternatives in the leaves of an event pattern, as tests of one value: exact, prefix, numeric, cidr and so on.

Each maker raises ValueError with EventBridge's kind of reason when the alternative is not well formed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

Test = Callable[[Any], bool]

_LARGEST = 5_000_000_000
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def make_test(item: Any) -> Test:
    """A test of one scalar value."""
    if isinstance(item, dict):
        if len(item) != 1:
            raise ValueError("Only one key allowed in match expression")
        name, argument = next(iter(item.items()))
        maker = _MAKERS.get(name)
        if maker is None:
            raise ValueError(f"Unrecognized match type {name}")
        return maker(argument)
    if isinstance(item, list):
        raise ValueError("Match value must be String, number, true, false, or null")
    return _exactly(item)


def _exactly(wanted: Any) -> Test:
    """Types count: 1, 1.0, "1" and true are four different values."""
    return lambda value: type(value) is type(wanted) and value == wanted


def _ignoring_case(argument: Any) -> Test:
    wanted = _text("equals-ignore-case", argument).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _prefix(argument: Any) -> Test:
    text, fold = _text_or_folded("prefix", argument)
    if fold:
        return lambda value: isinstance(value, str) and value.casefold().startswith(text)
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(argument: Any) -> Test:
    text, fold = _text_or_folded("suffix", argument)
    if fold:
        return lambda value: isinstance(value, str) and value.casefold().endswith(text)
    return lambda value: isinstance(value, str) and value.endswith(text)


def _wildcard(argument: Any) -> Test:
    pieces = _wildcard_pieces(_text("wildcard", argument))
    return lambda value: isinstance(value, str) and _fits(value, pieces)


def _anything_but(argument: Any) -> Test:
    if isinstance(argument, dict):
        return _none_of_kind(argument)
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        raise ValueError("Empty arrays are not allowed")
    if any(isinstance(value, dict | list | bool) or value is None for value in values):
        raise ValueError("Inside anything but list, start|null|boolean is not supported.")
    return _unless([_exactly(value) for value in values])


def _none_of_kind(argument: dict[str, Any]) -> Test:
    if len(argument) != 1:
        raise ValueError("Only one key allowed in match expression")
    name, inner = next(iter(argument.items()))
    if name not in {"prefix", "suffix", "wildcard", "equals-ignore-case"}:
        raise ValueError(f"Unsupported anything-but pattern: {name}")
    values = inner if isinstance(inner, list) else [inner]
    if not values:
        raise ValueError("Empty arrays are not allowed")
    return _unless([_MAKERS[name](value) for value in values])


def _unless(tests: list[Test]) -> Test:
    return lambda value: not any(test(value) for test in tests)


def _numeric(argument: Any) -> Test:
    if not isinstance(argument, list) or len(argument) not in {2, 4}:
        raise ValueError("Value of numeric must be an array of one or two comparisons.")
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    for name, bound in pairs:
        if not isinstance(name, str) or name not in _COMPARISONS:
            raise ValueError(f"Unrecognized numeric range operator: {name}")
        if not _is_number(bound) or not -_LARGEST <= bound <= _LARGEST:
            raise ValueError(f"Value of {name} must be numeric and within -5e9 to 5e9")
    if len(pairs) == 2 and (pairs[0][0][0] != ">" or pairs[1][0][0] != "<" or pairs[0][1] >= pairs[1][1]):
        raise ValueError("Bottom must be less than top")
    checks = [(_COMPARISONS[name], bound) for name, bound in pairs]
    return lambda value: _is_number(value) and all(holds(value, bound) for holds, bound in checks)


def _cidr(argument: Any) -> Test:
    text = _text("cidr", argument)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"Malformed CIDR, one '/' required: {text[:64]}") from None

    def test(value: Any) -> bool:
        if not isinstance(value, str) or len(value) > 64:
            return False
        try:
            address = ip_address(value)
        except ValueError:
            return False
        return address.version == network.version and address in network

    return test


_MAKERS: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "equals-ignore-case": _ignoring_case,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise ValueError(f"{name} match pattern must be a string")
    return argument


def _text_or_folded(name: str, argument: Any) -> tuple[str, bool]:
    if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        return _text(name, argument["equals-ignore-case"]).casefold(), True
    return _text(name, argument), False


def _wildcard_pieces(text: str) -> list[str]:
    """The literal texts between the stars; `\\*` is a star, `\\\\` a backslash."""
    pieces = [""]
    position = 0
    after_star = False
    while position < len(text):
        character = text[position]
        if character == "*":
            if after_star:
                raise ValueError("Consecutive wildcard characters at pos " + str(position))
            pieces.append("")
        elif character == "\\":
            position += 1
            if position == len(text) or text[position] not in "*\\":
                raise ValueError("Invalid escape character at pos " + str(position - 1))
            pieces[-1] += text[position]
        else:
            pieces[-1] += character
        after_star = character == "*"
        position += 1
    return pieces


def _fits(value: str, pieces: list[str]) -> bool:
    """Leftmost places for the middle pieces are always right, so nothing is ever tried twice."""
    if len(pieces) == 1:
        return value == pieces[0]
    first, *middle, last = pieces
    if not value.startswith(first):
        return False
    position, end = len(first), len(value) - len(last)
    if end < position or not value.endswith(last):
        return False
    for piece in middle:
        found = value.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
