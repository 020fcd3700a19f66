"""AddPermission and RemovePermission: statements of the topic's policy by their label."""

from __future__ import annotations

import re
from typing import Any

from clary.services.context import Context
from clary.services.policy_labels import has_label, with_label, without_label
from clary.services.sns import names
from clary.store import resources

_ACCOUNT = re.compile(r"[0-9]{12}")
_ACTION = re.compile(r"[A-Za-z]{1,64}|\*")


def add_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    for account in request["AWSAccountId"]:
        if not _ACCOUNT.fullmatch(account):
            raise names.invalid(f"AWSAccountId {account[:64]}")
    for action in request["ActionName"]:
        if not _ACTION.fullmatch(action):
            raise names.invalid("Policy statement action out of service scope!")
    with context.database.write() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        if has_label(topic, request["Label"]):
            raise names.invalid("Statement already exists")
        actions = [f"SNS:{action}" for action in request["ActionName"]]
        changed = with_label(topic, request["Label"], request["AWSAccountId"], actions)
        resources.save(tx, topic, document=changed, now=context.now)
    return {}


def remove_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        resources.save(tx, topic, document=without_label(topic, request["Label"]), now=context.now)
    return {}
