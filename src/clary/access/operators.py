"""Comparisons of condition operators: does one value of the request fit one value of the policy?

Only the comparison itself; missing keys, sets of values and negation are in `conditions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, TypeAlias

from clary.access.patterns import Matcher, Resolved, Wild, literal_text, matcher

Prepare: TypeAlias = Callable[[Resolved], Matcher]
"""Turns a value of the policy into a test of values; ValueError when it has the wrong type."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator without qualifier and IfExists."""

    name: str
    prepare: Prepare
    negated: bool = False
    wildcards: bool = False


_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{1,60})?")


@lru_cache(maxsize=4096)
def to_number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a number")
    return Decimal(text.strip())


@lru_cache(maxsize=4096)
def to_moment(text: str) -> float:
    """ISO 8601 (without offset: UTC) or seconds since 1970."""
    if _NUMBER.fullmatch(text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def to_flag(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise ValueError(f"{text!r} is not true or false")
    return lowered == "true"


@lru_cache(maxsize=4096)
def to_address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _equals(value: Resolved) -> Matcher:
    return literal_text(value).__eq__


def _equals_ignoring_case(value: Resolved) -> Matcher:
    wanted = literal_text(value).lower()
    return lambda text: text.lower() == wanted


def _ordered(parse: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Prepare:
    def prepare(value: Resolved) -> Matcher:
        wanted = parse(literal_text(value))
        return lambda text: compare(parse(text), wanted)

    return prepare


def _in_network(value: Resolved) -> Matcher:
    network = ip_network(literal_text(value), strict=False)
    # Comparing families explicitly: an IPv4 address is never inside an IPv6 network.
    version = 6 if isinstance(network, IPv6Network) else 4

    def test(text: str) -> bool:
        address = to_address(text)
        return address.version == version and address in network

    return test


def _arn_like(value: Resolved) -> Matcher:
    """The six parts of an ARN are compared one by one; a wildcard never reaches into the next part."""
    parts: list[list[str | Wild]] = [[]]
    for token in value:
        pieces: Sequence[str | Wild] = token.split(":", 6 - len(parts)) if isinstance(token, str) else [token]
        for number, piece in enumerate(pieces):
            if number:
                parts.append([])
            parts[-1].append(piece)
    tests = [matcher(tuple(piece for piece in part if piece)) for part in parts]
    if len(tests) != 6:
        return lambda _: False

    def test(text: str) -> bool:
        segments = text.split(":", 5)
        return len(segments) == 6 and all(fits(segment) for fits, segment in zip(tests, segments, strict=True))

    return test


def _operators() -> Mapping[str, Operator]:
    table = [
        Operator("StringEquals", _equals),
        Operator("StringNotEquals", _equals, negated=True),
        Operator("StringEqualsIgnoreCase", _equals_ignoring_case),
        Operator("StringNotEqualsIgnoreCase", _equals_ignoring_case, negated=True),
        Operator("StringLike", matcher, wildcards=True),
        Operator("StringNotLike", matcher, negated=True, wildcards=True),
        Operator("Bool", _ordered(to_flag, eq)),
        Operator("BinaryEquals", _equals),
        Operator("IpAddress", _in_network),
        Operator("NotIpAddress", _in_network, negated=True),
        Operator("ArnEquals", _arn_like, wildcards=True),
        Operator("ArnLike", _arn_like, wildcards=True),
        Operator("ArnNotEquals", _arn_like, negated=True, wildcards=True),
        Operator("ArnNotLike", _arn_like, negated=True, wildcards=True),
    ]
    for family, parse in (("Numeric", to_number), ("Date", to_moment)):
        table += [
            Operator(f"{family}Equals", _ordered(parse, eq)),
            Operator(f"{family}NotEquals", _ordered(parse, eq), negated=True),
            Operator(f"{family}LessThan", _ordered(parse, lt)),
            Operator(f"{family}LessThanEquals", _ordered(parse, le)),
            Operator(f"{family}GreaterThan", _ordered(parse, gt)),
            Operator(f"{family}GreaterThanEquals", _ordered(parse, ge)),
        ]
    return {operator.name: operator for operator in table}


OPERATORS = _operators()
