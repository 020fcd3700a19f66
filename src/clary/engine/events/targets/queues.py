"""SQS queues: SendMessage. Options: SqsParameters (FIFO) and MessageAttributes with binary values in base64."""

from __future__ import annotations

import base64
from typing import Any

from clary.base.arns import parse_arn
from clary.engine.events.targets.target import Tools, actor_of, derived_token
from clary.engine.own_calls import Actor
from clary.store.deliveries import Delivery


def send(tools: Tools, delivery: Delivery) -> None:
    options = delivery.document["options"]
    parameters: dict[str, Any] = {}
    fifo = options.get("SqsParameters") or {}
    if fifo.get("MessageGroupId"):
        parameters["MessageGroupId"] = fifo["MessageGroupId"]
        parameters["MessageDeduplicationId"] = fifo.get("MessageDeduplicationId") or derived_token(delivery)
    if options.get("MessageAttributes"):
        parameters["MessageAttributes"] = {
            name: _with_bytes(attribute) for name, attribute in options["MessageAttributes"].items()
        }
    send_message(tools, actor_of(delivery), delivery.document["target"], delivery.document["body"], parameters)


def _with_bytes(attribute: dict[str, str]) -> dict[str, Any]:
    """Stored documents have no bytes, so binary values are kept in base64."""
    if "BinaryValue" not in attribute:
        return dict(attribute)
    return {**attribute, "BinaryValue": base64.b64decode(attribute["BinaryValue"])}


def send_message(tools: Tools, actor: Actor, queue: str, body: str, parameters: dict[str, Any]) -> None:
    """Also used for dead letters. Queues are called by the path of their URL; its host does not count."""
    arn = parse_arn(queue)
    own = Actor(actor.account, arn.region, actor.role_arn, actor.service, actor.session, actor.source_arn)
    url = f"http://sqs.{arn.region}.amazonaws.com/{arn.account}/{arn.resource}"
    tools.calls("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body, **parameters}, own)
