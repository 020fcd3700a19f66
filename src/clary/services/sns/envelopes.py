"""What subscribers are sent: the JSON document of a notification, its form for functions, and for mail.

Messages carry no signature: there is no certificate that a subscriber could check one with.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from clary.store.resources import Resource

_VERSION = "2010-03-31"


@dataclass(frozen=True, slots=True)
class Notification:
    """One published message, as all subscribers of its topic get it. `texts` are the messages by protocol."""

    message_id: str
    texts: Mapping[str, str]
    at: datetime
    subject: str | None = None
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sequence: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None

    def text(self, protocol: str) -> str:
        return self.texts.get(protocol, self.texts["default"])


def notification_document(notification: Notification, subscription: Resource, endpoint: str) -> dict[str, Any]:
    """The envelope that queues, HTTP endpoints and email-json subscribers get."""
    document: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": notification.message_id,
        "SequenceNumber": notification.sequence,
        "TopicArn": subscription.parent,
        "Subject": notification.subject,
        "Message": notification.text(subscription.document["protocol"]),
        "Timestamp": timestamp(notification.at),
        "UnsubscribeURL": unsubscribe_url(subscription, endpoint),
    }
    if notification.attributes:
        document["MessageAttributes"] = {
            name: {"Type": attribute["DataType"], "Value": _as_text(attribute)}
            for name, attribute in notification.attributes.items()
        }
    return {name: value for name, value in document.items() if value is not None}


def function_event(notification: Notification, subscription: Resource, endpoint: str) -> dict[str, Any]:
    """The event with which a subscribed function is invoked."""
    document = notification_document(notification, subscription, endpoint)
    message = {"Subject": None, "MessageAttributes": {}, **document}
    message["UnsubscribeUrl"] = message.pop("UnsubscribeURL")
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": message,
    }
    return {"Records": [record]}


def confirmation_document(subscription: Resource, endpoint: str, at: datetime) -> dict[str, Any]:
    """What asks a subscriber whether it wants the subscription."""
    token = subscription.document["token"]
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": subscription.name,
        "Token": token,
        "TopicArn": subscription.parent,
        "Message": (
            f"You have chosen to subscribe to the topic {subscription.parent}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        ),
        "SubscribeURL": _url(endpoint, "ConfirmSubscription", TopicArn=subscription.parent, Token=token),
        "Timestamp": timestamp(at),
    }


def unsubscribe_url(subscription: Resource, endpoint: str) -> str:
    return _url(endpoint, "Unsubscribe", SubscriptionArn=subscription.arn)


def headers(kind: str, message_id: str, subscription: Resource) -> dict[str, str]:
    """By which an HTTP endpoint tells messages apart before it reads them."""
    return {
        "content-type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": subscription.parent,
        "x-amz-sns-subscription-arn": subscription.arn,
    }


def kept_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """For a delivery, whose document holds no bytes: BinaryValue in base64."""
    return {
        name: {
            "DataType": attribute["DataType"],
            "BinaryValue" if "BinaryValue" in attribute else "StringValue": _as_text(attribute),
        }
        for name, attribute in attributes.items()
    }


def timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def _as_text(attribute: Mapping[str, Any]) -> str:
    if "BinaryValue" in attribute:
        return base64.b64encode(attribute["BinaryValue"]).decode()
    return str(attribute["StringValue"])


def _url(endpoint: str, action: str, **parameters: str) -> str:
    return f"{endpoint}/?{urlencode({'Action': action, 'Version': _VERSION, **parameters})}"
