"""SNS topics: Publish. Options: Subject, MessageAttributes, MessageStructure, as SNS has them."""

from __future__ import annotations

from clary.engine.events.targets.target import Tools, actor_of, derived_token
from clary.store.deliveries import Delivery

_OPTIONS = ("Subject", "MessageAttributes", "MessageStructure")


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    parameters = {"TopicArn": document["target"], "Message": document["body"]}
    parameters |= {name: document["options"][name] for name in _OPTIONS if document["options"].get(name)}
    group = (document["options"].get("SqsParameters") or {}).get("MessageGroupId")
    if group:
        parameters |= {"MessageGroupId": group, "MessageDeduplicationId": derived_token(delivery)}
    tools.calls("sns", "Publish", parameters, actor_of(delivery))
