"""DeleteMessage, ChangeMessageVisibility, and both in batches: what a receiver says about a message it has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from clary.services.context import Context
from clary.services.sqs import batches, names, receipts
from clary.store import queues
from clary.store.database import Transaction
from clary.store.resources import Resource

_MOST_VISIBILITY = 43_200


def delete_message(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        return _delete(context, tx, names.get_queue(context, tx, request), request)


def delete_message_batch(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    batches.check_entries(request["Entries"], "DeleteMessageBatchRequestEntry")
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        return batches.each(request["Entries"], lambda entry: _delete(context, tx, queue, entry))


def change_message_visibility(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        return _change(context, tx, names.get_queue(context, tx, request), request)


def change_message_visibility_batch(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    batches.check_entries(request["Entries"], "ChangeMessageVisibilityBatchRequestEntry")
    with context.database.write() as tx:
        queue = names.get_queue(context, tx, request)
        return batches.each(request["Entries"], lambda entry: _change(context, tx, queue, entry))


def _delete(context: Context, tx: Transaction, queue: Resource, entry: dict[str, Any]) -> dict[str, Any]:
    """Deleting what is gone succeeds. In a FIFO queue only the receiver that has the message may delete it."""
    row_id, receipt = receipts.read(context, queue, entry["ReceiptHandle"])
    message = queues.find(tx, queue.id, row_id)
    if message is None:
        return {}
    fifo = names.is_fifo(queue)
    if fifo and not receipts.is_current(context, message, receipt):
        raise receipts.expired(entry["ReceiptHandle"])
    queues.remove(tx, message, fifo=fifo, now=context.now)
    return {}


def _change(context: Context, tx: Transaction, queue: Resource, entry: dict[str, Any]) -> dict[str, Any]:
    seconds = entry.get("VisibilityTimeout")
    if seconds is None:
        raise names.missing("VisibilityTimeout")
    if not 0 <= seconds <= _MOST_VISIBILITY:
        raise names.invalid("VisibilityTimeout", seconds, f"Must be >= 0 and <= {_MOST_VISIBILITY}.")
    row_id, receipt = receipts.read(context, queue, entry["ReceiptHandle"])
    message = queues.find(tx, queue.id, row_id)
    if message is None:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise names.invalid("ReceiptHandle", entry["ReceiptHandle"], reason)
    if not receipts.is_current(context, message, receipt):
        text = "The message referred to is not in flight by this receipt handle."
        raise names.failure("MessageNotInflight", text)
    until = context.now + timedelta(seconds=seconds)
    queues.hide(tx, message, until, fifo=names.is_fifo(queue), now=context.now)
    return {}
