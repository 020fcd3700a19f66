"""Publish: which deliveries it writes, and what they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.services import sns
from clary.services.context import Context
from clary.store import deliveries
from clary.store.deliveries import Delivery
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    return Client("sns", sns.OPERATIONS, context, permissions)


def topic(client: Client, *endpoints: tuple[str, str], **attributes: str) -> str:
    arn: str = client("CreateTopic", Name="t")["TopicArn"]
    for protocol, endpoint in endpoints:
        client("Subscribe", TopicArn=arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)
    return arn


def written(client: Client) -> list[Delivery]:
    with client.context.database.read() as tx:
        return deliveries.due(tx, NOW, 100)


def test_a_queue_gets_the_envelope_and_a_function_its_event(client: Client) -> None:
    arn = topic(client, ("sqs", QUEUE), ("lambda", FUNCTION))
    kind = {"kind": {"DataType": "String", "StringValue": "a"}}
    message_id = client("Publish", TopicArn=arn, Message="hi", Subject="s", MessageAttributes=kind)["MessageId"]
    to_queue, to_function = (delivery.document for delivery in written(client))
    assert (to_queue["target"], to_queue["service"], to_queue["source"]) == (QUEUE, "sns.amazonaws.com", arn)
    envelope = json.loads(to_queue["body"])
    assert (envelope["Type"], envelope["MessageId"], envelope["Message"]) == ("Notification", message_id, "hi")
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "a"}}
    (record,) = json.loads(to_function["body"])["Records"]
    assert (record["EventSource"], record["Sns"]["Subject"], record["Sns"]["Message"]) == ("aws:sns", "s", "hi")


def test_raw_messages_keep_their_attributes_beside_them(client: Client) -> None:
    arn = topic(client, ("sqs", QUEUE), RawMessageDelivery="true")
    given: dict[str, Any] = {"raw": {"DataType": "Binary", "BinaryValue": b"\xff"}}
    client("Publish", TopicArn=arn, Message="hi", MessageAttributes=given)
    (delivery,) = written(client)
    assert delivery.document["body"] == "hi"
    assert delivery.document["options"] == {
        "MessageAttributes": {"raw": {"DataType": "Binary", "BinaryValue": "/w=="}}
    }


def test_only_wanted_messages_are_delivered(client: Client) -> None:
    arn = topic(client, ("sqs", QUEUE), FilterPolicy='{"kind": ["a"]}')
    for value in ("a", "b"):
        kind = {"kind": {"DataType": "String", "StringValue": value}}
        client("Publish", TopicArn=arn, Message=value, MessageAttributes=kind)
    assert [json.loads(delivery.document["body"])["Message"] for delivery in written(client)] == ["a"]


def test_each_protocol_may_have_a_text_of_its_own(client: Client) -> None:
    arn = topic(client, ("sqs", QUEUE), ("lambda", FUNCTION))
    client("Publish", TopicArn=arn, Message='{"default": "d", "sqs": "q"}', MessageStructure="json")
    to_queue, to_function = (json.loads(delivery.document["body"]) for delivery in written(client))
    assert (to_queue["Message"], to_function["Records"][0]["Sns"]["Message"]) == ("q", "d")


def test_an_address_gets_messages_once_it_has_confirmed(client: Client) -> None:
    arn = topic(client, ("https", "https://example.com/hook"))
    (question,) = written(client)
    assert question.document["options"]["Headers"]["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    client("Publish", TopicArn=arn, Message="unheard")
    assert written(client) == [question]
    token = json.loads(question.document["body"])["Token"]
    client("ConfirmSubscription", TopicArn=arn, Token=token)
    client("Publish", TopicArn=arn, Message="heard")
    assert json.loads(written(client)[1].document["body"])["Message"] == "heard"
