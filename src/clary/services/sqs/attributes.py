"""GetQueueAttributes, SetQueueAttributes, and the rules that the attributes of queues keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from clary.access.documents import MalformedPolicyDocument, parse_resource_policy
from clary.base.errors import ApiError, NotServed
from clary.services.context import Context
from clary.services.sqs import names
from clary.store import queues, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "false",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_RANGES = {
    "VisibilityTimeout": (0, 43_200),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
}
_WORDS = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_DOCUMENTS = frozenset({"Policy", "RedrivePolicy", "RedriveAllowPolicy"})
_ENCRYPTION = frozenset({"KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"})
_COUNTED = frozenset(
    {
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "QueueArn",
    }
)
_KNOWN = frozenset({"All", *_COUNTED, *DEFAULTS, *FIFO_DEFAULTS, *_DOCUMENTS, *_ENCRYPTION})
_MOST_SOURCES = 10


def get_queue_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted = set(request.get("AttributeNames") or ())
    names.check_known(wanted, _KNOWN)
    drop_expired(context, request)
    with context.database.read() as tx:
        queue = names.get_queue(context, tx, request)
        backlog = queues.count(tx, queue.id, context.now)
    found = {
        **queue.document["attributes"],
        "QueueArn": queue.arn,
        "ApproximateNumberOfMessages": str(backlog.visible),
        "ApproximateNumberOfMessagesNotVisible": str(backlog.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(backlog.delayed),
        "CreatedTimestamp": str(int(queue.created_at.timestamp())),
        "LastModifiedTimestamp": str(int(queue.updated_at.timestamp())),
    }
    chosen = found if "All" in wanted else {name: text for name, text in found.items() if name in wanted}
    return {"Attributes": chosen} if chosen else {}


def set_queue_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        fifo = names.is_fifo(queue)
        given = checked(context, tx, queue.arn, request["Attributes"], fifo=fifo)
        kept = {name: text for name, text in queue.document["attributes"].items() if name not in given}
        defaults = DEFAULTS | (FIFO_DEFAULTS if fifo else {})
        document = {**queue.document, "attributes": {**defaults, **kept, **present(given)}}
        resources.save(tx, queue, document=document, now=context.now)
    return {}


def drop_expired(context: Context, request: dict[str, Any]) -> None:
    """Messages past their retention are gone before anybody counts or receives them."""
    with context.database.read() as tx:
        queue = names.get_queue(context, tx, request)
        before = context.now - timedelta(seconds=names.number(queue, "MessageRetentionPeriod"))
        if not queues.any_before(tx, queue.id, before):
            return
    removed = 1
    while removed:
        with context.database.write() as tx:
            removed = queues.expire(tx, queue.id, before, now=context.now)


def present(given: Mapping[str, str]) -> dict[str, str]:
    """Without those that are given as empty, which takes them away."""
    return {name: text for name, text in given.items() if text}


def checked(context: Context, tx: Transaction, arn: str, given: Mapping[str, str], *, fifo: bool) -> dict[str, str]:
    """The attributes of a request if a queue can have them; documents in one spelling."""
    result = {}
    for name, text in given.items():
        if name in _RANGES:
            result[name] = _number(name, text)
        elif name in _ENCRYPTION:
            result |= _unencrypted(name, text)
        elif name == "FifoQueue" or name in _WORDS:
            result[name] = _fifo_word(name, text, fifo=fifo)
        elif name in _DOCUMENTS:
            result[name] = _CHECKS[name](context, tx, arn, text, fifo) if text else ""
        else:
            raise names.failure("InvalidAttributeName", f"Unknown Attribute {name}.")
    return result


def _number(name: str, text: str) -> str:
    low, high = _RANGES[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise _bad_value(name, text, f"It must be a whole number between {low} and {high}.")
    return str(int(text))


def _unencrypted(name: str, text: str) -> dict[str, str]:
    """Messages lie unencrypted in the store, which is said rather than hidden."""
    if text and text != "false" and name != "KmsDataKeyReusePeriodSeconds":
        raise NotServed(f"A queue with {name} is not served by this version of Clary.")
    return {"SqsManagedSseEnabled": "false"} if name == "SqsManagedSseEnabled" else {}


def _fifo_word(name: str, text: str, *, fifo: bool) -> str:
    if not fifo:
        raise names.failure("InvalidAttributeName", f"Unknown Attribute {name}.")
    text = text.lower() if name in ("FifoQueue", "ContentBasedDeduplication") else text
    if text not in _WORDS.get(name, ("true",)):
        raise _bad_value(name, text, "")
    return text


def _policy(_context: Context, _tx: Transaction, _arn: str, text: str, _fifo: bool) -> str:
    try:
        return json.dumps(parse_resource_policy(text), separators=(",", ":"))
    except MalformedPolicyDocument as error:
        raise _bad_value("Policy", text, error.message) from None


def _redrive_policy(context: Context, tx: Transaction, arn: str, text: str, fifo: bool) -> str:
    policy = _object("RedrivePolicy", text)
    target, most = policy.get("deadLetterTargetArn"), str(policy.get("maxReceiveCount", ""))
    if policy.keys() != {"deadLetterTargetArn", "maxReceiveCount"} or not isinstance(target, str):
        raise _bad_value("RedrivePolicy", text, "It has the members deadLetterTargetArn and maxReceiveCount.")
    if not (most.isascii() and most.isdigit() and len(most) < 5 and 1 <= int(most) <= 1000):
        raise _bad_value("RedrivePolicy", text, "Invalid value for maxReceiveCount: 1 to 1000.")
    letters = names.find_by_arn(context, tx, target)
    if letters is None:
        raise _bad_value("RedrivePolicy", text, "Dead letter target does not exist.")
    if names.is_fifo(letters) != fifo or letters.arn == arn:
        raise _bad_value("RedrivePolicy", text, "Dead-letter queue must be another queue of the same type.")
    if not may_bury(letters, arn):
        raise _bad_value("RedrivePolicy", text, "The dead-letter queue's RedriveAllowPolicy does not allow it.")
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": int(most)}, separators=(",", ":"))


def _redrive_allow_policy(_context: Context, _tx: Transaction, _arn: str, text: str, _fifo: bool) -> str:
    policy = _object("RedriveAllowPolicy", text)
    permission, sources = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue") or policy.keys() - {
        "redrivePermission",
        "sourceQueueArns",
    }:
        raise _bad_value("RedriveAllowPolicy", text, "redrivePermission is allowAll, denyAll or byQueue.")
    if (sources is not None and not _are_sources(sources)) or (permission == "byQueue") != (sources is not None):
        raise _bad_value("RedriveAllowPolicy", text, "1 to 10 sourceQueueArns belong to byQueue, and only there.")
    return json.dumps(policy, separators=(",", ":"))


def _are_sources(value: Any) -> bool:
    return (
        isinstance(value, list) and 1 <= len(value) <= _MOST_SOURCES and all(isinstance(item, str) for item in value)
    )


def may_bury(letters: Resource, source_arn: str) -> bool:
    """Whether a queue lets another use it for dead letters."""
    text = names.attribute(letters, "RedriveAllowPolicy")
    if not text:
        return True
    policy = json.loads(text)
    if policy["redrivePermission"] == "byQueue":
        return source_arn in policy["sourceQueueArns"]
    return bool(policy["redrivePermission"] == "allowAll")


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _bad_value(name, text, f"{name} is not a valid JSON map.")
    return value


def _bad_value(name: str, text: str, reason: str) -> ApiError:
    message = f"Invalid value for the parameter {name}."
    return names.failure("InvalidAttributeValue", f"{message} Reason: {reason}" if reason else message)


_CHECKS: Mapping[str, Callable[[Context, Transaction, str, str, bool], str]] = {
    "Policy": _policy,
    "RedrivePolicy": _redrive_policy,
    "RedriveAllowPolicy": _redrive_allow_policy,
}
