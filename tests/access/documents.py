"""Short ways to write policy documents in tests."""

from __future__ import annotations

import json
from typing import Any


def statement(
    effect: str, action: Any, resource: Any, not_action: Any, not_resource: Any, when: Any
) -> dict[str, Any]:
    elements = {
        "Effect": effect,
        "Action": action,
        "NotAction": not_action,
        "Resource": resource if resource or not_resource else "*",
        "NotResource": not_resource,
        "Condition": when,
    }
    return {name: value for name, value in elements.items() if value is not None}


def allow(
    action: Any = None, *, resource: Any = None, not_action: Any = None, not_resource: Any = None, when: Any = None
) -> dict[str, Any]:
    return statement("Allow", action, resource, not_action, not_resource, when)


def deny(
    action: Any = None, *, resource: Any = None, not_action: Any = None, not_resource: Any = None, when: Any = None
) -> dict[str, Any]:
    return statement("Deny", action, resource, not_action, not_resource, when)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def text_of(document: dict[str, Any]) -> str:
    return json.dumps(document)
