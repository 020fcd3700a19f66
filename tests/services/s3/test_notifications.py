"""Notification configurations: no event of an object may fall under two of them."""

from __future__ import annotations

from typing import Any

import pytest

from clary.store import deliveries
from tests.services.s3.client import S3

Rules = dict[str, str]


def entry(events: str, rules: Rules) -> dict[str, Any]:
    filters = [{"Name": name, "Value": value} for name, value in rules.items()]
    return (
        {"Events": [f"s3:{events}"], "Filter": {"Key": {"FilterRules": filters}}}
        if rules
        else {"Events": [f"s3:{events}"]}
    )


def configuration(first: tuple[str, Rules], second: tuple[str, Rules]) -> dict[str, Any]:
    """A queue and a topic: it makes no difference who is told."""
    arn = "arn:aws:{}:us-east-1:111122223333:t"
    wanted = {
        "QueueConfigurations": [{"QueueArn": arn.format("sqs"), **entry(*first)}],
        "TopicConfigurations": [{"TopicArn": arn.format("sns"), **entry(*second)}],
    }
    return {"Bucket": "bucket", "NotificationConfiguration": wanted, "SkipDestinationValidation": True}


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (("ObjectCreated:*", {}), ("ObjectCreated:*", {}), "cannot share a common event type"),
        (("ObjectCreated:*", {}), ("ObjectCreated:Put", {}), "cannot share a common event type"),
        (("ObjectCreated:Put", {"prefix": "a"}), ("ObjectCreated:Put", {"prefix": "ab"}), "ambiguously defined"),
        (("ObjectCreated:*", {"suffix": ".csv"}), ("ObjectCreated:Put", {"suffix": "v"}), "ambiguously defined"),
        (("ObjectRemoved:*", {"prefix": "a"}), ("ObjectRemoved:Delete", {"suffix": "z"}), "ambiguously defined"),
        (("ObjectCreated:*", {"prefix": "a"}), ("ObjectCreated:Copy", {}), "ambiguously defined"),
    ],
)
def test_an_event_that_two_want_is_refused(
    s3: S3, first: tuple[str, Rules], second: tuple[str, Rules], text: str
) -> None:
    for pair in ((first, second), (second, first)):
        refused = s3.fails("PutBucketNotificationConfiguration", "InvalidArgument", **configuration(*pair))
        assert text in refused.message
    assert s3("GetBucketNotificationConfiguration", Bucket="bucket") == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ObjectCreated:*", {}), ("ObjectRemoved:*", {})),
        (("ObjectCreated:Put", {}), ("ObjectCreated:Copy", {})),
        (("ObjectCreated:*", {"prefix": "a/"}), ("ObjectCreated:*", {"prefix": "b/"})),
        (
            ("ObjectCreated:*", {"prefix": "a/", "suffix": ".csv"}),
            ("ObjectCreated:*", {"prefix": "a/b", "suffix": ".txt"}),
        ),
    ],
)
def test_what_no_two_want_is_kept(s3: S3, first: tuple[str, Rules], second: tuple[str, Rules]) -> None:
    s3("PutBucketNotificationConfiguration", **configuration(first, second))
    assert len(s3("GetBucketNotificationConfiguration", Bucket="bucket")) == 2


def test_queues_and_topics_get_a_test_message_and_functions_none(s3: S3) -> None:
    one, other = ("ObjectCreated:*", {}), ("ObjectRemoved:*", {"prefix": "a"})
    wanted = configuration(one, other)
    function = "arn:aws:lambda:us-east-1:111122223333:function:f"
    called = {"LambdaFunctionArn": function, **entry("ObjectRemoved:*", {"prefix": "b"})}
    wanted["NotificationConfiguration"]["LambdaFunctionConfigurations"] = [called]
    s3("PutBucketNotificationConfiguration", **wanted)
    with s3.context.database.read() as tx:
        told = [item.document["target"].split(":")[2] for item in deliveries.due(tx, s3.context.now, 10)]
    assert sorted(told) == ["sns", "sqs"]
