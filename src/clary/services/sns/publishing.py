"""Publish and PublishBatch: one delivery for each subscription that wants the message, in one transaction."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from clary.base.errors import ApiError
from clary.events.filters import ATTRIBUTES, compile_filter
from clary.services.context import Context
from clary.services.sns import envelopes, names
from clary.services.sns.envelopes import Notification
from clary.services.sns.topics import subscriptions_of
from clary.store import deduplication, deliveries, resources
from clary.store.database import Transaction
from clary.store.deduplication import Sent
from clary.store.resources import Resource

_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_TYPE = re.compile(r"(String|String\.Array|Number|Binary)(\.[^\x00-\x1f]{1,200})?")
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,99}")
_MOST_BYTES = 262_144
_MOST_ENTRIES = 10
_RETRIES = {"sqs": (100_015, 23 * 86_400), "lambda": (100_015, 23 * 86_400)}
_FEW_RETRIES = (50, 3600)


def publish(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        return _publish(context, tx, _topic(context, tx, request), request)


def publish_batch(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """An entry that is wrong does not keep the others from being published."""
    entries = request["PublishBatchRequestEntries"]
    _check_entries(entries)
    successful, failed = [], []
    with context.database.write() as tx:
        for entry in entries:
            topic = _topic(context, tx, request)
            try:
                successful.append({"Id": entry["Id"], **_publish(context, tx, topic, entry)})
            except ApiError as error:
                told = {"Code": error.code, "Message": error.message, "SenderFault": error.status < 500}
                failed.append({"Id": entry["Id"], **told})
    return {"Successful": successful, "Failed": failed}


def _topic(context: Context, tx: Transaction, request: dict[str, Any]) -> Resource:
    return names.get_topic(tx, names.topic_arn(context, request))


def _publish(context: Context, tx: Transaction, topic: Resource, message: dict[str, Any]) -> dict[str, Any]:
    texts = _texts(message)
    _check(topic, message)
    if not names.is_fifo(topic):
        notification = Notification(
            str(uuid.uuid4()),
            texts,
            context.now,
            message.get("Subject"),
            message.get("MessageAttributes") or {},
            group_id=message.get("MessageGroupId"),
        )
        _deliver(context, tx, topic, notification)
        return {"MessageId": notification.message_id}
    return _publish_in_order(context, tx, topic, message, texts)


def _publish_in_order(
    context: Context, tx: Transaction, topic: Resource, message: dict[str, Any], texts: Mapping[str, str]
) -> dict[str, Any]:
    """To a FIFO topic. A duplicate is answered like its original."""
    deduplication_id = _deduplication_id(topic, message)
    scope = message["MessageGroupId"] if names.attribute(topic, "FifoThroughputScope") == "MessageGroup" else ""
    sent = deduplication.find(tx, topic.id, scope, deduplication_id, context.now)
    if sent is None:
        sent = Sent(str(uuid.uuid4()), topic.document["sequence"] + 1)
        resources.save(tx, topic, document={**topic.document, "sequence": sent.sequence}, now=context.now)
        deduplication.remember(tx, topic.id, scope, deduplication_id, sent, context.now)
        notification = Notification(
            sent.message_id,
            texts,
            context.now,
            message.get("Subject"),
            message.get("MessageAttributes") or {},
            f"{sent.sequence:020d}",
            message["MessageGroupId"],
            deduplication_id,
        )
        _deliver(context, tx, topic, notification)
    return {"MessageId": sent.message_id, "SequenceNumber": f"{sent.sequence:020d}"}


def _deliver(context: Context, tx: Transaction, topic: Resource, notification: Notification) -> None:
    for subscription in subscriptions_of(tx, topic):
        if not subscription.document["confirmed"] or not _wanted(subscription, notification):
            continue
        protocol, endpoint = subscription.document["protocol"], subscription.document["endpoint"]
        attempts, seconds = _RETRIES.get(protocol, _FEW_RETRIES)
        body, options = _form(context, subscription, notification)
        redrive = names.attribute(subscription, "RedrivePolicy")
        deliveries.add(
            tx,
            account=topic.account,
            region=topic.region,
            target=f"mailto:{endpoint}" if protocol.startswith("email") else endpoint,
            body=body,
            now=context.now,
            service="sns.amazonaws.com",
            source=topic.arn,
            options=options,
            attempts=attempts,
            seconds=seconds,
            dead_letter=json.loads(redrive)["deadLetterTargetArn"] if redrive else None,
        )


def _wanted(subscription: Resource, notification: Notification) -> bool:
    text = names.attribute(subscription, "FilterPolicy")
    if not text:
        return True
    scope = names.attribute(subscription, "FilterPolicyScope") or ATTRIBUTES
    body = notification.text(subscription.document["protocol"])
    return compile_filter(text, scope).takes(notification.attributes, body)


def _form(context: Context, subscription: Resource, notification: Notification) -> tuple[str, dict[str, Any]]:
    """Body and options of the delivery, by protocol (the options are listed in store/deliveries)."""
    protocol = subscription.document["protocol"]
    raw = names.attribute(subscription, "RawMessageDelivery") == "true"
    text = notification.text(protocol)
    document = envelopes.notification_document(notification, subscription, context.endpoint)
    body = text if raw else envelopes.dump(document)
    if protocol == "lambda":
        return envelopes.dump(envelopes.function_event(notification, subscription, context.endpoint)), {}
    if protocol == "sqs":
        options: dict[str, Any] = {}
        if raw and notification.attributes:
            options["MessageAttributes"] = envelopes.kept_attributes(notification.attributes)
        if subscription.document["endpoint"].endswith(".fifo"):
            options["SqsParameters"] = {
                "MessageGroupId": notification.group_id,
                "MessageDeduplicationId": notification.deduplication_id,
            }
        return body, options
    if protocol == "email":
        plain = f"{text}\n\n--\nTo stop these messages: {document['UnsubscribeURL']}\n"
        return plain, {"Subject": notification.subject or "Notification"}
    if protocol == "email-json":
        return body, {"Subject": notification.subject or "Notification"}
    headers = envelopes.headers("Notification", notification.message_id, subscription)
    return body, {"Headers": {**headers, **({"x-amz-sns-rawdelivery": "true"} if raw else {})}}


def _texts(message: dict[str, Any]) -> Mapping[str, str]:
    """The message for each protocol; `default` is for all that are not named."""
    structure, text = message.get("MessageStructure"), message["Message"]
    if not text:
        raise names.invalid("Empty message")
    if not structure:
        return {"default": text}
    if structure != "json":
        raise names.invalid("MessageStructure Reason: must be json")
    try:
        texts = json.loads(text)
    except (ValueError, RecursionError):
        raise names.invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise names.invalid("Message Structure - No default entry in JSON message body")
    return {protocol: value for protocol, value in texts.items() if isinstance(value, str)}


def _check(topic: Resource, message: dict[str, Any]) -> None:
    attributes = message.get("MessageAttributes") or {}
    size = len(message["Message"].encode("utf-8", "surrogatepass"))
    for name, attribute in attributes.items():
        size += _check_attribute(name, attribute)
    if size > int(names.attribute(topic, "MaximumMessageSize") or _MOST_BYTES):
        raise names.invalid("Message too long")
    subject = message.get("Subject")
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise names.invalid("Subject")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if message.get(name) is not None and not _ID.fullmatch(message[name]):
            raise names.invalid(f"{name} Reason: 1 to 128 alphanumeric and punctuation characters")
    if names.is_fifo(topic) and not message.get("MessageGroupId"):
        raise names.invalid("The MessageGroupId parameter is required for FIFO topics")
    if not names.is_fifo(topic) and message.get("MessageDeduplicationId"):
        raise names.invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that"
            " is not valid for this topic type"
        )


def _check_attribute(name: str, attribute: Mapping[str, Any]) -> int:
    """Bytes of the attribute, if it is one."""
    kind = attribute["DataType"]
    value = attribute.get("BinaryValue" if kind.startswith("Binary") else "StringValue")
    known = _ATTRIBUTE.fullmatch(name) and _TYPE.fullmatch(kind)
    if not known or not value or {"StringValue", "BinaryValue"} <= attribute.keys():
        text = f"The message attribute '{name[:256]}' is not valid"
        raise names.failure("ParameterValueInvalid", f"Invalid parameter value: {text}")
    length = len(value) if isinstance(value, bytes) else len(value.encode("utf-8", "surrogatepass"))
    return len(name) + len(kind) + length


def _deduplication_id(topic: Resource, message: dict[str, Any]) -> str:
    given: str | None = message.get("MessageDeduplicationId")
    if given is not None:
        return given
    if names.attribute(topic, "ContentBasedDeduplication") != "true":
        raise names.invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            " explicitly"
        )
    return hashlib.sha256(message["Message"].encode()).hexdigest()


def _check_entries(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise names.failure("EmptyBatchRequest", "The batch request does not contain any entries.")
    if len(entries) > _MOST_ENTRIES:
        raise names.failure(
            "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible."
        )
    if any(not _ENTRY_ID.fullmatch(entry["Id"]) for entry in entries):
        raise names.failure("InvalidBatchEntryId", "The Id of a batch entry in a batch request is not valid.")
    if len({entry["Id"] for entry in entries}) != len(entries):
        raise names.failure("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    if sum(len(entry["Message"].encode("utf-8", "surrogatepass")) for entry in entries) > _MOST_BYTES:
        raise names.failure("BatchRequestTooLong", "The length of all the batch messages is more than permissible.")
