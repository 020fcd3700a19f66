"""SendMessage and SendMessageBatch."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import timedelta
from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.sqs import batches, message_attributes, names
from clary.store import deduplication, queues
from clary.store.database import Transaction
from clary.store.deduplication import Sent
from clary.store.resources import Resource

_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}")
_MOST_DELAY = 900
_MOST_BATCH = 1_048_576


def send_message(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        return _send(context, tx, names.get_queue(context, tx, request), request)


def send_message_batch(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    entries = request["Entries"]
    batches.check_entries(entries, "SendMessageBatchRequestEntry")
    if sum(_size(entry) for entry in entries) > _MOST_BATCH:
        text = f"Batch requests cannot be longer than {_MOST_BATCH} bytes."
        raise names.failure("BatchRequestTooLong", text)
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        return batches.each(entries, lambda entry: _send(context, tx, queue, entry))


def _send(context: Context, tx: Transaction, queue: Resource, message: dict[str, Any]) -> dict[str, Any]:
    """Check and store one message; a duplicate is answered like its original."""
    fifo = names.is_fifo(queue)
    _check(queue, message, fifo=fifo)
    deduplication_id = _deduplication_id(queue, message) if fifo else ""
    group_id = message.get("MessageGroupId", "")
    scope = group_id if names.attribute(queue, "DeduplicationScope") == "messageGroup" else ""
    sent = deduplication.find(tx, queue.id, scope, deduplication_id, context.now) if fifo else None
    if sent is None:
        sent = _store(context, tx, queue, message, deduplication_id)
        if fifo:
            deduplication.remember(tx, queue.id, scope, deduplication_id, sent, context.now)
    return _answer(message, sent, fifo=fifo)


def _store(
    context: Context, tx: Transaction, queue: Resource, message: dict[str, Any], deduplication_id: str
) -> Sent:
    delay = message.get("DelaySeconds")
    delay = names.number(queue, "DelaySeconds") if delay is None else delay
    trace = (message.get("MessageSystemAttributes") or {}).get("AWSTraceHeader", {}).get("StringValue")
    document = {
        "attributes": message_attributes.to_document(message.get("MessageAttributes") or {}),
        "sender": context.principal.user_id,
        "deduplication_id": deduplication_id,
        "trace": trace,
    }
    message_id = str(uuid.uuid4())
    sequence = queues.send(
        tx,
        queue.id,
        body=message["MessageBody"],
        document=document,
        message_id=message_id,
        group_id=message.get("MessageGroupId", ""),
        fifo=names.is_fifo(queue),
        sent_at=context.now,
        visible_at=context.now + timedelta(seconds=delay),
    )
    return Sent(message_id, sequence)


def _answer(message: dict[str, Any], sent: Sent, *, fifo: bool) -> dict[str, Any]:
    answer = {
        "MessageId": sent.message_id,
        "MD5OfMessageBody": message_attributes.digest_of_text(message["MessageBody"]),
    }
    if message.get("MessageAttributes"):
        answer["MD5OfMessageAttributes"] = message_attributes.digest(message["MessageAttributes"])
    if message.get("MessageSystemAttributes"):
        answer["MD5OfMessageSystemAttributes"] = message_attributes.digest(message["MessageSystemAttributes"])
    if fifo:
        answer["SequenceNumber"] = f"{sent.sequence:020d}"
    return answer


def _check(queue: Resource, message: dict[str, Any], *, fifo: bool) -> None:
    if not message["MessageBody"]:
        raise names.missing("MessageBody")
    if not message_attributes.is_text(message["MessageBody"]):
        raise names.failure("InvalidMessageContents", "Invalid characters found. Only text that XML can carry.")
    message_attributes.check(message.get("MessageAttributes") or {})
    message_attributes.check(message.get("MessageSystemAttributes") or {})
    most = names.number(queue, "MaximumMessageSize")
    if _size(message) > most:
        text = f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
        raise names.failure("InvalidParameterValue", text)
    delay = message.get("DelaySeconds")
    if delay is not None and not 0 <= delay <= _MOST_DELAY:
        raise names.invalid("DelaySeconds", delay, f"DelaySeconds must be >= 0 and <= {_MOST_DELAY}.")
    _check_ids(message, fifo=fifo)


def _check_ids(message: dict[str, Any], *, fifo: bool) -> None:
    if fifo and not message.get("MessageGroupId"):
        raise names.missing("MessageGroupId")
    if fifo and message.get("DelaySeconds"):
        raise _wrong_type("DelaySeconds", message["DelaySeconds"])
    if not fifo and message.get("MessageDeduplicationId") is not None:
        raise _wrong_type("MessageDeduplicationId", message["MessageDeduplicationId"])
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if message.get(name) is not None and not _ID.fullmatch(message[name]):
            text = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise names.invalid(name, message[name], text)


def _deduplication_id(queue: Resource, message: dict[str, Any]) -> str:
    given: str | None = message.get("MessageDeduplicationId")
    if given is not None:
        return given
    if names.attribute(queue, "ContentBasedDeduplication") != "true":
        raise names.failure(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            " explicitly",
        )
    return hashlib.sha256(message["MessageBody"].encode()).hexdigest()


def _size(message: dict[str, Any]) -> int:
    body: str = message["MessageBody"]
    return len(body.encode("utf-8", "surrogatepass")) + message_attributes.size(
        message.get("MessageAttributes") or {}
    )


def _wrong_type(parameter: str, value: object) -> ApiError:
    return names.invalid(parameter, value, "The request include parameter that is not valid for this queue type")
