"""GetSubscriptionAttributes, SetSubscriptionAttributes, and the rules the attributes keep."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from clary.base.errors import NotServed
from clary.events.filters import ATTRIBUTES, BODY, FilterError, compile_filter
from clary.services.context import Context
from clary.services.sns import names
from clary.services.sns.topics import json_object
from clary.store import resources

_QUEUE = re.compile(r"arn:aws:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,80}")


def get_subscription_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        subscription = names.get_subscription(tx, request["SubscriptionArn"])
    document = subscription.document
    attributes = {
        "RawMessageDelivery": "false",
        **document["attributes"],
        "SubscriptionArn": subscription.arn,
        "TopicArn": subscription.parent,
        "Owner": subscription.account,
        "Protocol": document["protocol"],
        "Endpoint": document["endpoint"],
        "PendingConfirmation": "false" if document["confirmed"] else "true",
        "ConfirmationWasAuthenticated": "true" if document["authenticated"] else "false",
    }
    if "FilterPolicy" in attributes:
        attributes.setdefault("FilterPolicyScope", ATTRIBUTES)
    return {"Attributes": attributes}


def set_subscription_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, text = request["AttributeName"], request.get("AttributeValue") or ""
    with context.database.write() as tx:
        subscription = names.get_subscription(tx, request["SubscriptionArn"])
        document = subscription.document
        attributes = {key: value for key, value in document["attributes"].items() if key != name}
        attributes = checked_attributes({**attributes, name: text}, document["protocol"])
        resources.save(tx, subscription, document={**document, "attributes": attributes}, now=context.now)
    return {}


def checked_attributes(given: Mapping[str, str], protocol: str) -> dict[str, str]:
    """All attributes of a subscription together, since the scope decides what a filter may be."""
    attributes = {name: _checked(name, text, protocol) for name, text in given.items() if text}
    if "FilterPolicy" in attributes:
        try:
            compile_filter(attributes["FilterPolicy"], attributes.get("FilterPolicyScope", ATTRIBUTES))
        except FilterError as error:
            raise names.invalid(f"FilterPolicy: {error}") from None
    return attributes


def _checked(name: str, text: str, protocol: str) -> str:
    if name == "RawMessageDelivery":
        if text.lower() not in ("true", "false"):
            raise names.invalid("RawMessageDelivery Reason: must be true or false")
        if text.lower() == "true" and protocol not in ("sqs", "http", "https"):
            raise names.invalid(f"Delivery protocol [{protocol}] does not support raw message delivery.")
        return text.lower()
    if name == "FilterPolicyScope":
        if text not in (ATTRIBUTES, BODY):
            raise names.invalid(f"FilterPolicyScope Reason: must be {ATTRIBUTES} or {BODY}")
        return text
    if name == "FilterPolicy":
        return text
    if name == "DeliveryPolicy":
        return json_object(name, text)
    if name == "RedrivePolicy":
        policy = json.loads(json_object(name, text))
        target = policy.get("deadLetterTargetArn")
        if policy.keys() != {"deadLetterTargetArn"} or not isinstance(target, str) or not _QUEUE.fullmatch(target):
            raise names.invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
        return json.dumps(policy, separators=(",", ":"))
    raise NotServed(f"A subscription with {name[:100]} is not served by this version of Clary.")
