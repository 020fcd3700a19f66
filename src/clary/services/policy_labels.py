"""AddPermission and RemovePermission as queues and topics have them: statements of a policy, found by their label.

The policy is the attribute `Policy` of the row's document, a text. What may be asked is checked by each service.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from clary.store.resources import Resource


def has_label(resource: Resource, label: str) -> bool:
    return any(statement.get("Sid") == label for statement in _policy(resource)["Statement"])


def with_label(resource: Resource, label: str, accounts: Sequence[str], actions: Sequence[str]) -> dict[str, Any]:
    """The document of the resource with one statement more: these accounts may do these actions (`SQS:...`) to it."""
    policy = _policy(resource)
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]},
        "Action": list(actions),
        "Resource": resource.arn,
    }
    return _with(resource, {**policy, "Statement": [*policy["Statement"], statement]})


def without_label(resource: Resource, label: str) -> dict[str, Any]:
    policy = _policy(resource)
    left = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    return _with(resource, {**policy, "Statement": left})


def _policy(resource: Resource) -> dict[str, Any]:
    """With a list of statements, however it was written."""
    text = resource.document["attributes"].get("Policy")
    policy: dict[str, Any] = json.loads(text) if text else {"Version": "2012-10-17", "Statement": []}
    statements = policy["Statement"]
    return {**policy, "Statement": statements if isinstance(statements, list) else [statements]}


def _with(resource: Resource, policy: dict[str, Any]) -> dict[str, Any]:
    """A policy without statements is none."""
    attributes = {name: text for name, text in resource.document["attributes"].items() if name != "Policy"}
    if policy["Statement"]:
        attributes["Policy"] = json.dumps(policy, separators=(",", ":"))
    return {**resource.document, "attributes": attributes}
