"""ReceiveMessage, with long polling: the chain calls it again on changes until there are messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from clary.base.clock import to_epoch_ms
from clary.services.context import Context
from clary.services.sqs import message_attributes, names, receipts
from clary.services.sqs.attributes import drop_expired
from clary.store import queues
from clary.store.database import Transaction
from clary.store.queue_records import DeadLetters, Message
from clary.store.resources import Resource

_MOST_WAIT = 20
_MOST_VISIBILITY = 43_200
_SYSTEM = frozenset(
    {
        "AWSTraceHeader",
        "All",
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "DeadLetterQueueSourceArn",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    }
)


def receive_message(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """`WaitSeconds` of the answer is for `seconds_to_wait` and does not leave the house."""
    names.check_known(request.get("AttributeNames") or (), _SYSTEM)
    limit = _within(request, "MaxNumberOfMessages", 1, 1, queues.MOST_RECEIVED)
    with context.database.read() as tx:
        queue = names.get_queue(context, tx, request)
        any_there = queues.has_any(tx, queue.id, fifo=names.is_fifo(queue), now=context.now)
    wait = _within(request, "WaitTimeSeconds", names.number(queue, "ReceiveMessageWaitTimeSeconds"), 0, _MOST_WAIT)
    timeout = _within(request, "VisibilityTimeout", names.number(queue, "VisibilityTimeout"), 0, _MOST_VISIBILITY)
    if not any_there:
        return {"WaitSeconds": wait}
    drop_expired(context, request)
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        taken = queues.take(
            tx,
            queue.id,
            fifo=names.is_fifo(queue),
            limit=limit,
            now=context.now,
            until=context.now + timedelta(seconds=timeout),
            dead_letters=_dead_letters(context, tx, queue),
        )
    if not taken:
        return {"WaitSeconds": wait}
    return {"Messages": [_described(context, queue, message, request) for message in taken]}


def seconds_to_wait(_request: dict[str, Any], answer: dict[str, Any]) -> float:
    return float(answer.get("WaitSeconds", 0))


def _dead_letters(context: Context, tx: Transaction, queue: Resource) -> DeadLetters | None:
    """None also while the dead-letter queue does not exist: messages then stay where they are."""
    policy = names.redrive(queue)
    letters = names.find_by_arn(context, tx, policy[0]) if policy else None
    return DeadLetters(letters.id, policy[1], queue.arn) if policy and letters else None


def _described(context: Context, queue: Resource, message: Message, request: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": receipts.write(context, queue, message),
        "MD5OfBody": message_attributes.digest_of_text(message.body),
        "Body": message.body,
    }
    system = _system_attributes(message, fifo=names.is_fifo(queue))
    wanted = {*(request.get("AttributeNames") or ()), *(request.get("MessageSystemAttributeNames") or ())}
    chosen = {name: text for name, text in system.items() if name in wanted or "All" in wanted}
    if chosen:
        described["Attributes"] = chosen
    described |= _attributes(message, request.get("MessageAttributeNames") or ())
    return described


def _attributes(message: Message, wanted: Sequence[str]) -> dict[str, Any]:
    attributes = message_attributes.from_document(message.document["attributes"])
    chosen = message_attributes.choose(attributes, wanted)
    if not chosen:
        return {}
    return {"MessageAttributes": chosen, "MD5OfMessageAttributes": message_attributes.digest(chosen)}


def _system_attributes(message: Message, *, fifo: bool) -> dict[str, str]:
    first = message.first_received_at or message.visible_at
    found = {
        "SenderId": message.document["sender"],
        "SentTimestamp": str(to_epoch_ms(message.sent_at)),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(to_epoch_ms(first)),
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.document["deduplication_id"],
        "SequenceNumber": f"{message.id:020d}" if fifo else "",
        "AWSTraceHeader": message.document["trace"],
        "DeadLetterQueueSourceArn": message.document.get("source"),
    }
    return {name: text for name, text in found.items() if text}


def _within(request: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value: int | None = request.get(name)
    if value is None:
        return default
    if not low <= value <= high:
        raise names.invalid(name, value, f"Must be >= {low} and <= {high}, if provided.")
    return value
