"""AddPermission and RemovePermission: statements of the topic's policy by their label."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.services.context import Context
from clary.services.sns import names
from clary.store import resources
from clary.store.resources import Resource

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
        statements = _statements(topic)
        if any(statement.get("Sid") == request["Label"] for statement in statements):
            raise names.invalid("Statement already exists")
        statements.append(
            {
                "Sid": request["Label"],
                "Effect": "Allow",
                "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in request["AWSAccountId"]]},
                "Action": [f"SNS:{action}" for action in request["ActionName"]],
                "Resource": topic.arn,
            }
        )
        resources.save(tx, topic, document=_with(topic, statements), now=context.now)
    return {}


def remove_permission(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        left = [statement for statement in _statements(topic) if statement.get("Sid") != request["Label"]]
        resources.save(tx, topic, document=_with(topic, left), now=context.now)
    return {}


def _statements(topic: Resource) -> list[dict[str, Any]]:
    text = names.attribute(topic, "Policy")
    found = json.loads(text)["Statement"] if text else []
    return list(found) if isinstance(found, list) else [found]


def _with(topic: Resource, statements: list[dict[str, Any]]) -> dict[str, Any]:
    attributes = {name: text for name, text in topic.document["attributes"].items() if name != "Policy"}
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        attributes["Policy"] = json.dumps(policy, separators=(",", ":"))
    return {**topic.document, "attributes": attributes}
