"""CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from clary.access.documents import MalformedPolicyDocument, parse_resource_policy
from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.sns import names
from clary.services.sns.tags import put_tags
from clary.store import deduplication, resources, tags
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_PAGE = 100
_WORDS = {
    "ContentBasedDeduplication": ("true", "false"),
    "FifoThroughputScope": ("Topic", "MessageGroup"),
    "TracingConfig": ("PassThrough",),
    "SignatureVersion": ("1", "2"),
}
_ONLY_FIFO = frozenset({"ContentBasedDeduplication", "FifoThroughputScope"})
_SIZES = (1024, 262_144)
_UNSERVED = re.compile(
    "(HTTP|Lambda|SQS|Application|Firehose)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)"
    "|ArchivePolicy|BeginningArchiveTime|DataProtectionPolicy|FifoTopic|KmsMasterKeyId"
)
_OWNER_ACTIONS = (
    "AddPermission",
    "DeleteTopic",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "Publish",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
)


def create_topic(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """A topic of the same name and attributes is the same topic."""
    name, given = request["Name"], dict(request.get("Attributes") or {})
    fifo = given.pop("FifoTopic", "false").lower() == "true"
    names.check_name(name, fifo=fifo)
    if request.get("DataProtectionPolicy"):
        raise NotServed("CreateTopic with DataProtectionPolicy is not served by this version of Clary.")
    arn = names.arn_of_name(context.region, context.account, name)
    wanted = {key: checked(key, text, fifo=fifo) for key, text in given.items()}
    with context.database.write() as tx:
        topic = resources.find(tx, context.account, context.region, names.TOPIC, name)
        if topic is None:
            _insert(context, tx, name, arn, {key: text for key, text in wanted.items() if text})
            put_tags(tx, arn, request.get("Tags") or [])
        elif topic.name != name or any(names.attribute(topic, key) != text for key, text in wanted.items()):
            raise names.invalid("Attributes Reason: Topic already exists with different attributes")
    return {"TopicArn": arn}


def delete_topic(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Also its subscriptions. Deleting what is gone succeeds."""
    with context.database.write() as tx:
        topic = names.find_topic(tx, request["TopicArn"])
        if topic is not None:
            for subscription in subscriptions_of(tx, topic):
                resources.remove(tx, subscription, now=context.now)
            deduplication.forget(tx, topic.id)
            tags.drop_all(tx, topic.arn)
            resources.remove(tx, topic, now=context.now)
    return {}


def list_topics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    scope, token = f"{context.account}/{context.region}", request.get("NextToken")
    query = Query(
        account=context.account,
        region=context.region,
        kind=names.TOPIC,
        sort="name",
        limit=_PAGE + 1,
        after=context.pager.decode("ListTopics", scope, token) if token else None,
    )
    with context.database.read() as tx:
        found = resources.page(tx, query)
    page: dict[str, Any] = {"Topics": [{"TopicArn": topic.arn} for topic in found[:_PAGE]]}
    if len(found) > _PAGE:
        page["NextToken"] = context.pager.encode("ListTopics", scope, resources.position(found[_PAGE - 1], "name"))
    return page


def get_topic_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        confirmed = [s.document["confirmed"] for s in subscriptions_of(tx, topic)]
    attributes = {
        "Policy": json.dumps(_default_policy(topic)),
        "DisplayName": "",
        **topic.document["attributes"],
        "TopicArn": topic.arn,
        "Owner": topic.account,
        "SubscriptionsConfirmed": str(confirmed.count(True)),
        "SubscriptionsPending": str(confirmed.count(False)),
        "SubscriptionsDeleted": "0",
    }
    if names.is_fifo(topic):
        attributes = {"ContentBasedDeduplication": "false", **attributes, "FifoTopic": "true"}
    return {"Attributes": attributes}


def set_topic_attributes(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, text = request["AttributeName"], request.get("AttributeValue") or ""
    with context.database.write() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        attributes = {key: value for key, value in topic.document["attributes"].items() if key != name}
        value = checked(name, text, fifo=names.is_fifo(topic))
        document = {**topic.document, "attributes": {**attributes, **({name: value} if value else {})}}
        resources.save(tx, topic, document=document, now=context.now)
    return {}


def checked(name: str, text: str, *, fifo: bool) -> str:
    """The attribute's value as it is kept; empty takes it away."""
    if not text:
        return ""
    if name in _WORDS and (fifo or name not in _ONLY_FIFO):
        if text not in _WORDS[name]:
            raise names.invalid(f"{name} Reason: must be one of {', '.join(_WORDS[name])}")
        return text
    if name == "DisplayName":
        if len(text) > 100 or any(ord(letter) < 32 for letter in text):
            raise names.invalid("DisplayName Reason: at most 100 printable characters")
        return text
    if name == "MaximumMessageSize":
        if not (text.isascii() and text.isdigit() and len(text) < 10 and _SIZES[0] <= int(text) <= _SIZES[1]):
            raise names.invalid(f"MaximumMessageSize Reason: {_SIZES[0]} to {_SIZES[1]}")
        return str(int(text))
    if name == "Policy":
        return _policy(text)
    if name == "DeliveryPolicy":
        return json_object(name, text)
    if not _UNSERVED.fullmatch(name):
        raise names.invalid("AttributeName")
    raise NotServed(f"A topic with {name} is not served by this version of Clary.")


def json_object(name: str, text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise names.invalid(f"{name} Reason: not a JSON object")
    return json.dumps(value, separators=(",", ":"))


def subscriptions_of(tx: Transaction, topic: Resource) -> list[Resource]:
    """All of them, oldest first."""
    query = Query(topic.account, topic.region, names.SUBSCRIPTION, parent=topic.arn, limit=_MOST_SUBSCRIPTIONS)
    return resources.page(tx, query)


_MOST_SUBSCRIPTIONS = 100_000


def _insert(context: Context, tx: Transaction, name: str, arn: str, attributes: Mapping[str, str]) -> Resource:
    return resources.create(
        tx,
        account=context.account,
        region=context.region,
        kind=names.TOPIC,
        name=name,
        arn=arn,
        document={"attributes": dict(attributes), "sequence": 0},
        now=context.now,
    )


def _policy(text: str) -> str:
    try:
        return json.dumps(parse_resource_policy(text), separators=(",", ":"))
    except MalformedPolicyDocument as error:
        raise names.invalid(f"Policy Error: {error.message}") from None


def _default_policy(topic: Resource) -> dict[str, Any]:
    """What is shown for a topic without a policy of its own: its account decides."""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{action}" for action in _OWNER_ACTIONS],
                "Resource": topic.arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account}},
            }
        ],
    }
