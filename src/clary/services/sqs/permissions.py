"""AddPermission and RemovePermission: statements of the queue's policy by their label."""

from __future__ import annotations

import re
from typing import Any

from clary.services.context import Context
from clary.services.policy_labels import has_label, with_label, without_label
from clary.services.sqs import names
from clary.store import resources

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
        if has_label(queue, request["Label"]):
            raise names.invalid("Label", request["Label"], "Already exists.")
        actions = [f"SQS:{action}" for action in request["Actions"]]
        changed = with_label(queue, request["Label"], request["AWSAccountIds"], actions)
        resources.save(tx, queue, document=changed, now=context.now)
    return {}


def remove_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        if not has_label(queue, request["Label"]):
            raise names.invalid("Label", request["Label"], "can't find label on existing policy.")
        resources.save(tx, queue, document=without_label(queue, request["Label"]), now=context.now)
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
