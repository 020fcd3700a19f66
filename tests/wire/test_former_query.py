"""SQS in the query protocol: the names of the service's own documentation, to and fro."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from clary.base.errors import ApiError
from clary.wire.catalog import Catalog
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from clary.wire.rendering import render, render_error
from clary.wire.routing import Router, Target

CREDENTIAL = "AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
OLD = {"authorization": CREDENTIAL, "content-type": "application/x-www-form-urlencoded"}


def asked(router: Router, path: str = "/", **fields: str) -> tuple[Target, dict[str, object]]:
    body = urlencode({"Version": "2012-11-05", **{name.replace("__", "."): v for name, v in fields.items()}}).encode()
    head = RequestHead("POST", path, "", OLD)
    assert router.needs_body(head)
    target = router.identify(head, body)
    return target, parse(target, head, body)


def test_names_of_lists_and_maps_are_those_of_the_protocol(router: Router) -> None:
    target, request = asked(
        router,
        Action="CreateQueue",
        QueueName="q",
        Attribute__1__Name="DelaySeconds",
        Attribute__1__Value="5",
        Tag__1__Key="team",
        Tag__1__Value="ml",
    )
    assert (target.service, target.protocol) == ("sqs", "query")
    assert request == {"QueueName": "q", "Attributes": {"DelaySeconds": "5"}, "tags": {"team": "ml"}}
    _, request = asked(
        router,
        "/111122223333/q",
        Action="SendMessageBatch",
        SendMessageBatchRequestEntry__1__Id="a",
        SendMessageBatchRequestEntry__1__MessageBody="x",
        SendMessageBatchRequestEntry__1__MessageAttribute__1__Name="n",
        SendMessageBatchRequestEntry__1__MessageAttribute__1__Value__DataType="Binary",
        SendMessageBatchRequestEntry__1__MessageAttribute__1__Value__BinaryValue="aGk=",
    )
    entry = {"Id": "a", "MessageBody": "x", "MessageAttributes": {"n": {"DataType": "Binary", "BinaryValue": b"hi"}}}
    assert request == {"QueueUrl": "/111122223333/q", "Entries": [entry]}
    _, request = asked(router, Action="ReceiveMessage", QueueUrl="u", AttributeName__1="All", MaxNumberOfMessages="3")
    assert request == {"QueueUrl": "u", "AttributeNames": ["All"], "MaxNumberOfMessages": 3}


def test_answers_are_the_documented_xml(router: Router) -> None:
    target, _ = asked(router, Action="ReceiveMessage", QueueUrl="u")
    message = {
        "MessageId": "m",
        "Body": "a<b",
        "Attributes": {"SentTimestamp": "1"},
        "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}},
    }
    assert render(target, {"Messages": [message]}, "r").body == (
        b'<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ReceiveMessageResult><Message>'
        b"<MessageId>m</MessageId><Body>a&lt;b</Body>"
        b"<Attribute><Name>SentTimestamp</Name><Value>1</Value></Attribute>"
        b"<MessageAttribute><Name>n</Name><Value><StringValue>v</StringValue><DataType>String</DataType></Value>"
        b"</MessageAttribute></Message></ReceiveMessageResult>"
        b"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>"
    )


def test_errors_have_the_codes_of_either_protocol(router: Router, catalog: Catalog) -> None:
    target, _ = asked(router, Action="ReceiveMessage", QueueUrl="u")
    error = ApiError("The specified queue does not exist.", code="QueueDoesNotExist", status=400)
    answer = render_error(target, error, "r")
    assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer.body
    assert answer.headers["content-type"] == "text/xml"
    new = Target("sqs", catalog.operation("sqs", "ReceiveMessage"), "json")
    answer = render_error(new, error, "r")
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert b"QueueDoesNotExist" in answer.body


def test_the_other_protocol_keeps_its_names(router: Router) -> None:
    head = RequestHead("POST", "/", "", {"x-amz-target": "AmazonSQS.CreateQueue", "authorization": CREDENTIAL})
    target = router.identify(head)
    assert target.protocol == "json"
    body = b'{"QueueName": "q", "Attributes": {"DelaySeconds": "5"}}'
    assert parse(target, head, body) == {"QueueName": "q", "Attributes": {"DelaySeconds": "5"}}


def test_every_list_and_map_of_the_service_has_its_names(catalog: Catalog) -> None:
    model = catalog.query_operation("sqs", "SendMessage").service_model
    lists = [shape for name in model.shape_names if (shape := model.shape_for(name)).type_name == "list"]
    assert lists
    assert [shape.name for shape in lists if "name" not in shape.member.serialization] == []


def test_another_version_is_refused(router: Router) -> None:
    with pytest.raises(ApiError, match="Could not find operation SendMessage for version 2009-02-01"):
        asked(router, Action="SendMessage", Version="2009-02-01")
