"""Amazon SQS: standard and FIFO queues, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Handler, Operation
from clary.services.sqs import acknowledging, attributes, names, permissions, queues, receiving, sending, tags


def _on_queue(handler: Handler, action: str = "") -> Operation:
    """An operation on the queue of the request's QueueUrl, which may allow it by its own policy."""
    return Operation(handler, names.queue_arn, action, policies=names.own_policies)


OPERATIONS: Mapping[str, Operation] = {
    "AddPermission": _on_queue(permissions.add_permission),
    "ChangeMessageVisibility": _on_queue(acknowledging.change_message_visibility),
    "ChangeMessageVisibilityBatch": _on_queue(
        acknowledging.change_message_visibility_batch, "sqs:ChangeMessageVisibility"
    ),
    "CreateQueue": Operation(queues.create_queue, names.named_arn),
    "DeleteMessage": _on_queue(acknowledging.delete_message),
    "DeleteMessageBatch": _on_queue(acknowledging.delete_message_batch, "sqs:DeleteMessage"),
    "DeleteQueue": _on_queue(queues.delete_queue),
    "GetQueueAttributes": _on_queue(attributes.get_queue_attributes),
    "GetQueueUrl": Operation(queues.get_queue_url, names.named_arn, policies=names.policies_by_name),
    "ListDeadLetterSourceQueues": _on_queue(queues.list_dead_letter_source_queues),
    "ListQueueTags": _on_queue(tags.list_queue_tags),
    "ListQueues": Operation(queues.list_queues, names.every_queue),
    "PurgeQueue": _on_queue(queues.purge_queue),
    "ReceiveMessage": Operation(
        receiving.receive_message,
        names.queue_arn,
        policies=names.own_policies,
        hold=receiving.seconds_to_wait,
    ),
    "RemovePermission": _on_queue(permissions.remove_permission),
    "SendMessage": _on_queue(sending.send_message),
    "SendMessageBatch": _on_queue(sending.send_message_batch, "sqs:SendMessage"),
    "SetQueueAttributes": _on_queue(attributes.set_queue_attributes),
    "TagQueue": _on_queue(tags.tag_queue),
    "UntagQueue": _on_queue(tags.untag_queue),
}
