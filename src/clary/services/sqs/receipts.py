"""Receipt handles: which message, and which receive of it. Signed, so that nobody can make up one."""

from __future__ import annotations

from clary.base.errors import ApiError, ValidationException
from clary.services.context import Context
from clary.services.sqs import names
from clary.store.queue_records import Message
from clary.store.resources import Resource

_SCOPE = "ReceiptHandle"


def write(context: Context, queue: Resource, message: Message) -> str:
    return context.pager.encode(_SCOPE, str(queue.id), [message.id, message.receipt])


def read(context: Context, queue: Resource, handle: str) -> tuple[int, str]:
    """Row of the message and receipt; an error when this queue has not given out the handle."""
    try:
        row_id, receipt = context.pager.decode(_SCOPE, str(queue.id), handle)
    except ValidationException:
        text = f'The input receipt handle "{handle[:128]}" is not a valid receipt handle.'
        raise names.failure("ReceiptHandleIsInvalid", text) from None
    return int(row_id), str(receipt)


def is_current(context: Context, message: Message, receipt: str) -> bool:
    """Whether the message is still in flight by this very receive."""
    return message.receipt == receipt and message.visible_at > context.now


def expired(handle: str) -> ApiError:
    return names.invalid("ReceiptHandle", handle, "The receipt handle has expired.")
