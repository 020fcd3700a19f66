"""AddPermission and RemovePermission: statements of the queue's policy by their label."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.services.context import Context
from clary.services.sqs import names
from clary.store import resources
from clary.store.resources import Resource

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_MOST_ACTIONS = 7
_ACTIONS = frozenset(
    {
        "*",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
    }
)


def add_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(request)
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        policy = _policy(queue)
        if any(statement.get("Sid") == request["Label"] for statement in policy["Statement"]):
            raise names.invalid("Label", request["Label"], "Already exists.")
        policy["Statement"].append(
            {
                "Sid": request["Label"],
                "Effect": "Allow",
                "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in request["AWSAccountIds"]]},
                "Action": [f"SQS:{action}" for action in request["Actions"]],
                "Resource": queue.arn,
            }
        )
        resources.save(tx, queue, document=_with(queue, policy), now=context.now)
    return {}


def remove_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        policy = _policy(queue)
        left = [statement for statement in policy["Statement"] if statement.get("Sid") != request["Label"]]
        if len(left) == len(policy["Statement"]):
            raise names.invalid("Label", request["Label"], "can't find label on existing policy.")
        resources.save(tx, queue, document=_with(queue, {**policy, "Statement": left}), now=context.now)
    return {}


def _check(request: dict[str, Any]) -> None:
    if not _LABEL.fullmatch(request["Label"]):
        raise names.invalid("Label", request["Label"], "1 to 80 letters, digits, hyphens and underscores.")
    actions, accounts = request["Actions"], request["AWSAccountIds"]
    if not actions or not accounts:
        raise names.missing("Actions" if accounts else "AWSAccountIds")
    unknown = [action for action in actions if action not in _ACTIONS]
    if unknown:
        raise names.invalid("ActionName", unknown[0], "Only the queue owner is allowed to invoke this action.")
    if len(actions) > _MOST_ACTIONS:
        raise names.failure("OverLimit", f"{len(actions)} Actions were found, maximum allowed is {_MOST_ACTIONS}.")
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise names.invalid("PrincipalId", account, "Unable to verify.")


def _policy(queue: Resource) -> dict[str, Any]:
    text = names.attribute(queue, "Policy")
    policy: dict[str, Any] = json.loads(text) if text else {"Version": "2012-10-17", "Statement": []}
    statements = policy["Statement"]
    return {**policy, "Statement": list(statements) if isinstance(statements, list) else [statements]}


def _with(queue: Resource, policy: dict[str, Any]) -> dict[str, Any]:
    """The queue's document with the policy; one without statements is none."""
    attributes = {name: text for name, text in queue.document["attributes"].items() if name != "Policy"}
    if policy["Statement"]:
        attributes["Policy"] = json.dumps(policy, separators=(",", ":"))
    return {**queue.document, "attributes": attributes}
