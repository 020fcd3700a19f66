"""Finding topics and subscriptions by ARN, their policies, and the errors of SNS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from clary.access.documents import parse_resource_policy
from clary.access.evaluation import Document
from clary.base.errors import ApiError, NotServed
from clary.services.context import Context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Resource

TOPIC, SUBSCRIPTION = "topic", "subscription"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOPIC_ARN = re.compile(r"arn:aws:sns:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_.-]{1,256})")
_SUBSCRIPTION_ARN = re.compile(r"(arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}):([0-9a-f-]{36})")


def invalid(message: str) -> ApiError:
    return ApiError(f"Invalid parameter: {message}", code="InvalidParameter", status=400)


def failure(code: str, message: str, status: int = 400) -> ApiError:
    """An error that the model names."""
    return ApiError(message, code=code, status=status)


def no_such_topic() -> ApiError:
    return failure("NotFound", "Topic does not exist", 404)


def no_such_subscription() -> ApiError:
    return failure("NotFound", "Subscription does not exist", 404)


def check_name(name: str, *, fifo: bool) -> None:
    stem = name.removesuffix(".fifo") if fifo else name
    if not _NAME.fullmatch(stem) or len(name) > 256:
        raise invalid("Topic Name")
    if fifo and stem == name:
        raise invalid("Fifo Topic names must end with .fifo and must be made up of only letters, digits, - and _")


def arn_of_name(region: str, account: str, name: str) -> str:
    return f"arn:aws:sns:{region}:{account}:{name}"


def find_topic(tx: Transaction, arn: str) -> Resource | None:
    """Names of topics are told apart by case."""
    match = _TOPIC_ARN.fullmatch(arn)
    if match is None:
        raise invalid("TopicArn")
    topic = resources.find(tx, match[2], match[1], TOPIC, match[3])
    return topic if topic is not None and topic.name == match[3] else None


def get_topic(tx: Transaction, arn: str) -> Resource:
    topic = find_topic(tx, arn)
    if topic is None:
        raise no_such_topic()
    return topic


def get_subscription(tx: Transaction, arn: str) -> Resource:
    if _SUBSCRIPTION_ARN.fullmatch(arn) is None:
        raise invalid("SubscriptionArn Reason: An ARN must have at least 6 elements")
    subscription = resources.find_by_arn(tx, arn)
    if subscription is None or subscription.kind != SUBSCRIPTION:
        raise no_such_subscription()
    return subscription


def is_fifo(topic: Resource) -> bool:
    return topic.name.endswith(".fifo")


def attribute(resource: Resource, name: str) -> str:
    value: str = resource.document["attributes"].get(name, "")
    return value


def topic_arn(_context: Context, request: dict[str, Any]) -> str:
    """The resource for which a caller needs permission."""
    if request.get("PhoneNumber"):
        raise NotServed("Publish with PhoneNumber is not served by this version of Clary.")
    arn: str = request.get("TopicArn") or request.get("TargetArn") or request.get("ResourceArn") or ""
    if not arn:
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    if not _TOPIC_ARN.fullmatch(arn):
        raise invalid("TopicArn")
    return arn


def topic_of_subscription(_context: Context, request: dict[str, Any]) -> str:
    arn: str = request["SubscriptionArn"]
    match = _SUBSCRIPTION_ARN.fullmatch(arn)
    if match is None:
        raise invalid("SubscriptionArn Reason: An ARN must have at least 6 elements")
    return match[1]


def named_arn(context: Context, request: dict[str, Any]) -> str:
    return arn_of_name(context.region, context.account, request["Name"])


def every_topic(context: Context, _request: dict[str, Any]) -> str:
    return arn_of_name(context.region, context.account, "*")


def own_policies(context: Context, request: dict[str, Any]) -> Sequence[Document]:
    """The Policy attribute of the topic that the request names."""
    with context.database.read() as tx:
        topic = find_topic(tx, topic_arn(context, request))
    text = attribute(topic, "Policy") if topic else ""
    return (_parsed(text),) if text else ()


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Document:
    """One object for each text, so that it is compiled once."""
    return parse_resource_policy(text)
