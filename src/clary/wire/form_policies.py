"""The policies of form uploads: until when, and which fields and sizes. Pure; the signature is checked by `sigpost`.

Every field of the form must be named by a condition, but for the signature itself and what begins with x-ignore-.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clary.base.errors import ApiError

_FREE = frozenset({"awsaccesskeyid", "signature", "x-amz-signature", "policy", "file"})
_RANGE = "content-length-range"
_LARGEST = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the file may be."""

    least: int = 0
    most: int = _LARGEST

    def check_most(self, size: int) -> None:
        if size > self.most:
            text = "Your proposed upload exceeds the maximum allowed size"
            shown = {"ProposedSize": str(size), "MaxSizeAllowed": str(self.most)}
            raise ApiError(text, code="EntityTooLarge", status=400, **shown)

    def check(self, size: int) -> None:
        self.check_most(size)
        if size < self.least:
            text = "Your proposed upload is smaller than the minimum allowed size"
            shown = {"ProposedSize": str(size), "MinSizeAllowed": str(self.least)}
            raise ApiError(text, code="EntityTooSmall", status=400, **shown)


def check(encoded: str, fields: Mapping[str, str], now: datetime) -> Sizes:
    """The sizes that the policy allows, or the ApiError for a form that does not fit.

    `fields` have lower-case names, variables are replaced, and the bucket is among them.
    """
    policy = _read(encoded)
    if _expiration(policy) <= now:
        raise _denied("Policy expired.")
    conditions = policy.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Invalid 'conditions' value: expected a List.")
    least, most = 0, _LARGEST
    named = set()
    for operator, name, value in _conditions(conditions):
        if operator == _RANGE:
            least, most = max(least, int(name)), min(most, int(value))
            continue
        named.add(name)
        if not _holds(operator, name, value, fields.get(name, "")):
            shown = json.dumps([operator, f"${name}", value])
            raise _denied(f"Policy Condition failed: {shown}")
    extra = sorted(name for name in fields if name not in named | _FREE and not name.startswith("x-ignore-"))
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    return Sizes(least, most)


def _read(encoded: str) -> dict[str, Any]:
    try:
        policy = json.loads(base64.b64decode(encoded, validate=True).decode())
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(policy, dict):
        raise _invalid("Invalid JSON.")
    return policy


def _expiration(policy: Mapping[str, Any]) -> datetime:
    found = policy.get("expiration")
    if found is None:
        raise _invalid("Policy is missing expiration.")
    try:
        moment = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        raise _invalid("Invalid 'expiration' value.") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _conditions(conditions: list[Any]) -> Iterator[tuple[str, str, str]]:
    """(operator, name in lower case, value); of a range of sizes both numbers as texts."""
    for condition in conditions:
        if isinstance(condition, dict):
            for name, value in condition.items():
                yield "eq", name.lower(), _value(value)
            continue
        if not isinstance(condition, list) or len(condition) != 3 or not isinstance(condition[0], str):
            raise _invalid("Invalid Condition: expected a simple condition or a list of three.")
        operator, name, value = condition[0].lower(), condition[1], condition[2]
        if operator == _RANGE:
            yield operator, _size(name), _size(value)
        elif operator in ("eq", "starts-with") and isinstance(name, str) and name.startswith("$"):
            yield operator, name[1:].lower(), _value(value)
        else:
            raise _invalid(f"Invalid Condition: unknown operation '{operator[:40]}' or name.")


def _value(value: Any) -> str:
    if not isinstance(value, str):
        raise _invalid("Invalid Simple-Condition: value must be a string.")
    return value


def _size(value: Any) -> str:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise _invalid("Invalid content-length-range: expected two numbers.")
    return text


def _holds(operator: str, name: str, wanted: str, actual: str) -> bool:
    if operator == "eq":
        return actual == wanted
    if name == "content-type":  # a list: all of it must fit
        return all(part.strip().startswith(wanted) for part in actual.split(","))
    return actual.startswith(wanted)


def _invalid(reason: str) -> ApiError:
    return ApiError(f"Invalid Policy: {reason}", code="InvalidPolicyDocument", status=400)


def _denied(reason: str) -> ApiError:
    return ApiError(f"Invalid according to Policy: {reason}", code="AccessDenied", status=403)
