"""Subscribe, ConfirmSubscription, Unsubscribe, and the lists of subscriptions."""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from clary.base import ids
from clary.base.errors import NotServed
from clary.services.context import Context
from clary.services.sns import envelopes, names
from clary.services.sns.subscription_attributes import checked_attributes
from clary.services.sns.topics import subscriptions_of
from clary.store import deliveries, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_PAGE = 100
_QUEUE = re.compile(r"arn:aws:sqs:[a-z0-9-]+:([0-9]{12}):[A-Za-z0-9_.-]{1,80}")
_FUNCTION = re.compile(r"arn:aws:lambda:[a-z0-9-]+:([0-9]{12}):function:[A-Za-z0-9_:$-]{1,200}")
_MAIL = re.compile(r"[^\s@<>,;:\"]{1,128}@[A-Za-z0-9.-]{1,190}")
_SERVED = frozenset({"sqs", "lambda", "http", "https", "email", "email-json"})
_UNSERVED = frozenset({"application", "firehose", "sms"})


def subscribe(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Queues and functions of the account are confirmed at once; others are asked first."""
    protocol, endpoint = request["Protocol"], request.get("Endpoint") or ""
    with context.database.write() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        _check_endpoint(topic, protocol, endpoint)
        attributes = checked_attributes(request.get("Attributes") or {}, protocol)
        subscription = _find(tx, topic, protocol, endpoint)
        if subscription is None:
            subscription = _insert(context, tx, topic, protocol, endpoint, attributes)
        elif any(names.attribute(subscription, name) != text for name, text in attributes.items()):
            raise names.invalid("Attributes Reason: Subscription already exists with different attributes")
        if not subscription.document["confirmed"]:
            _ask(context, tx, subscription)
    if subscription.document["confirmed"] or request.get("ReturnSubscriptionArn"):
        return {"SubscriptionArn": subscription.arn}
    return {"SubscriptionArn": "pending confirmation"}


def confirm_subscription(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Whoever has the token may; it was sent to the endpoint alone."""
    with context.database.write() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
        for subscription in subscriptions_of(tx, topic):
            token = subscription.document["token"]
            if token and hmac.compare_digest(token.encode(), request["Token"].encode()):
                locked = request.get("AuthenticateOnUnsubscribe", "").lower() == "true" and bool(context.account)
                known = {"confirmed": True, "authenticated": bool(context.account), "locked": locked}
                resources.save(tx, subscription, document={**subscription.document, **known}, now=context.now)
                return {"SubscriptionArn": subscription.arn}
    raise names.invalid("Token")


def unsubscribe(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Who has no credentials may follow the link of a message, unless the subscriber wanted that locked."""
    with context.database.write() as tx:
        subscription = names.get_subscription(tx, request["SubscriptionArn"])
        if context.account:
            context.authorize("sns:Unsubscribe", subscription.parent)
        elif subscription.document["locked"]:
            raise names.failure("AuthorizationError", "The subscription can only be ended with credentials.", 403)
        resources.remove(tx, subscription, now=context.now)
    return {}


def list_subscriptions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _page(context, request, "ListSubscriptions", context.account, context.region, None)


def list_subscriptions_by_topic(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        topic = names.get_topic(tx, request["TopicArn"])
    return _page(context, request, "ListSubscriptionsByTopic", topic.account, topic.region, topic.arn)


def _page(
    context: Context, request: dict[str, Any], operation: str, account: str, region: str, parent: str | None
) -> dict[str, Any]:
    scope, token = f"{account}/{region}/{parent or ''}", request.get("NextToken")
    query = Query(
        account=account,
        region=region,
        kind=names.SUBSCRIPTION,
        parent=parent,
        limit=_PAGE + 1,
        after=context.pager.decode(operation, scope, token) if token else None,
    )
    with context.database.read() as tx:
        found = resources.page(tx, query)
    page: dict[str, Any] = {"Subscriptions": [_described(subscription) for subscription in found[:_PAGE]]}
    if len(found) > _PAGE:
        position = resources.position(found[_PAGE - 1], "created_at")
        page["NextToken"] = context.pager.encode(operation, scope, position)
    return page


def _described(subscription: Resource) -> dict[str, str]:
    document = subscription.document
    return {
        "SubscriptionArn": subscription.arn if document["confirmed"] else "PendingConfirmation",
        "Owner": subscription.account,
        "Protocol": document["protocol"],
        "Endpoint": document["endpoint"],
        "TopicArn": subscription.parent,
    }


def _check_endpoint(topic: Resource, protocol: str, endpoint: str) -> None:
    if protocol not in _SERVED | _UNSERVED:
        raise names.invalid(f"Amazon SNS does not support this protocol string: {protocol[:40]}")
    if protocol in _UNSERVED:
        raise NotServed(f"A subscription with the protocol {protocol[:40]} is not served by this version of Clary.")
    if names.is_fifo(topic) and protocol != "sqs":
        raise names.invalid(f"Invalid protocol type: {protocol}")
    if protocol in ("sqs", "lambda"):
        match = (_QUEUE if protocol == "sqs" else _FUNCTION).fullmatch(endpoint)
        if match is None:
            raise names.invalid(f"{protocol} endpoint ARN")
        if match[1] != topic.account:
            raise NotServed("A subscription of another account is not served by this version of Clary.")
        if endpoint.endswith(".fifo") and not names.is_fifo(topic):
            raise names.invalid("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
    elif protocol in ("email", "email-json"):
        if not _MAIL.fullmatch(endpoint):
            raise names.invalid("Email address")
    elif not _is_url(protocol, endpoint):
        raise names.invalid("Endpoint must match the specified protocol")


def _is_url(protocol: str, endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme == protocol and bool(parts.hostname) and len(endpoint) <= 2048 and endpoint.isprintable()


def _find(tx: Transaction, topic: Resource, protocol: str, endpoint: str) -> Resource | None:
    for subscription in subscriptions_of(tx, topic):
        if (subscription.document["protocol"], subscription.document["endpoint"]) == (protocol, endpoint):
            return subscription
    return None


def _insert(
    context: Context, tx: Transaction, topic: Resource, protocol: str, endpoint: str, attributes: Mapping[str, str]
) -> Resource:
    name = str(uuid.uuid4())
    at_once = protocol in ("sqs", "lambda")
    return resources.create(
        tx,
        account=topic.account,
        region=topic.region,
        kind=names.SUBSCRIPTION,
        name=name,
        arn=f"{topic.arn}:{name}",
        parent=topic.arn,
        document={
            "protocol": protocol,
            "endpoint": endpoint,
            "attributes": dict(attributes),
            "confirmed": at_once,
            "authenticated": at_once,
            "locked": False,
            "token": "" if at_once else ids.short_id(64),
        },
        now=context.now,
    )


def _ask(context: Context, tx: Transaction, subscription: Resource) -> None:
    document = envelopes.confirmation_document(subscription, context.endpoint, context.now)
    protocol, endpoint = subscription.document["protocol"], subscription.document["endpoint"]
    mail = protocol.startswith("email")
    options: dict[str, Any] = {
        "Headers": envelopes.headers("SubscriptionConfirmation", subscription.name, subscription)
    }
    if mail:
        options = {"Subject": "Subscription confirmation"}
    plain = f"{document['Message']}\n\n{document['SubscribeURL']}\n"
    deliveries.add(
        tx,
        account=subscription.account,
        region=subscription.region,
        target=f"mailto:{endpoint}" if mail else endpoint,
        body=plain if protocol == "email" else envelopes.dump(document),
        now=context.now,
        service="sns.amazonaws.com",
        source=subscription.parent,
        options=options,
        attempts=50,
        seconds=3600,
    )
