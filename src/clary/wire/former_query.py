"""The query protocol of a service whose model has left it behind: SQS, which older clients still speak to that way.

botocore's model says nothing of the names that lists and maps have in forms and in XML, so they are put back here.
Called by `catalog`; the model for the other protocol stays as it is.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

_NAMESPACES = {"sqs": "http://queue.amazonaws.com/doc/2012-11-05/"}

_ITEMS = {
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
"""What one item of a list is called."""

_MAPS = {
    "Attributes": "Attribute",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "Tags": "Tag",
    "tags": "Tag",
}
"""What one entry of a map is called, by the member that holds the map."""


def with_query(service: str, description: dict[str, Any]) -> dict[str, Any]:
    """A copy of the service's description as it is for the query protocol."""
    made = deepcopy(description)
    made["metadata"] |= {"protocol": "query", "xmlNamespace": _NAMESPACES[service]}
    shapes = made["shapes"]
    for name, shape in shapes.items():
        if shape["type"] == "list" and name in _ITEMS:
            shape["member"]["locationName"] = _ITEMS[name]
        elif shape["type"] == "map":
            shape["key"]["locationName"] = "Key" if name == "TagMap" else "Name"
            shape["value"]["locationName"] = "Value"
        elif shape["type"] == "structure":
            _name_maps(shape, shapes)
    return made


def _name_maps(structure: dict[str, Any], shapes: dict[str, Any]) -> None:
    for name, member in structure["members"].items():
        if name in _MAPS and shapes[member["shape"]]["type"] == "map":
            member["locationName"] = _MAPS[name]
