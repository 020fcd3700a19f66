"""When a bucket's policy is public, and what S3 Block Public Access says about that. Pure.

A policy is public when it allows everybody something and no condition ties that to known accounts, resources or
addresses. Buckets for which nothing was said block everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_TYING_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
)
_TYING_KEYS = frozenset(
    {
        *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:userid"),
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce"),
    }
)


def blocked(configuration: Mapping[str, bool] | None, block: str) -> bool:
    """Whether one of BLOCKS is on. None: nothing was said; an empty document: the configuration was deleted."""
    return configuration is None or bool(configuration.get(block))


def restricted(configuration: Mapping[str, bool] | None) -> bool:
    """Whether a public policy opens the bucket only to its own account."""
    return blocked(configuration, "RestrictPublicBuckets")


def is_public(document: Mapping[str, Any]) -> bool:
    """Whether a statement allows everybody something."""
    statements = document["Statement"]
    return any(
        statement["Effect"] == "Allow"
        and _means_everybody(statement.get("Principal", "*"))
        and not _is_tied(statement.get("Condition") or {})
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def _means_everybody(principal: Any) -> bool:
    if isinstance(principal, dict):
        named = principal.get("AWS", [])
        return named == "*" or "*" in named
    return bool(principal == "*")


def _is_tied(condition: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(
        operator.lower() in _TYING_OPERATORS and key.lower() in _TYING_KEYS and _is_fixed(values)
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _is_fixed(values: Any) -> bool:
    """Whether they mean somebody: no wildcards, variables, or whole internets."""
    texts = [values] if isinstance(values, str) else list(values) if isinstance(values, list) else []
    return bool(texts) and not any(
        any(mark in str(text) for mark in "*?$") or str(text).endswith("/0") for text in texts
    )
