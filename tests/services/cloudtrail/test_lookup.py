"""Looking up who did what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clary.services import cloudtrail
from clary.services.context import Context
from clary.store import audit
from clary.store.audit import Entry
from tests.services.calling import ACCOUNT, NOW, Client, Permissions


def entry(number: int, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "event_id": f"event-{number}",
        "account": ACCOUNT,
        "region": "us-east-1",
        "at": NOW + timedelta(seconds=number),
        "name": "CreateModel",
        "source": "sagemaker.amazonaws.com",
        "username": "alice",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "read_only": False,
        "resource_types": ("AWS::SageMaker::Model",),
        "resource_names": (f"model-{number}",),
        "event": "{}",
    }
    return Entry(**{**values, **changes})


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    return Client("cloudtrail", cloudtrail.OPERATIONS, context, permissions)


def fill(context: Context, *entries: Entry) -> None:
    with context.database.write() as tx:
        audit.add(tx, entries)


def found(client: Client, **request: Any) -> list[str]:
    return [event["EventId"] for event in client("LookupEvents", **request)["Events"]]


def test_the_newest_first_in_pages(client: Client, context: Context) -> None:
    fill(context, *(entry(number) for number in range(120)))
    ids, token = [], None
    for size in (50, 50, 20):
        page = client("LookupEvents", **({"NextToken": token} if token else {}))
        assert len(page["Events"]) == size
        ids += [event["EventId"] for event in page["Events"]]
        token = page.get("NextToken")
    assert token is None
    assert ids == [f"event-{number}" for number in reversed(range(120))]
    assert client("LookupEvents", MaxResults=1)["Events"][0] == {
        "EventId": "event-119",
        "EventName": "CreateModel",
        "ReadOnly": "false",
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "EventTime": (NOW + timedelta(seconds=119)).replace(microsecond=0),
        "EventSource": "sagemaker.amazonaws.com",
        "Username": "alice",
        "Resources": [{"ResourceType": "AWS::SageMaker::Model", "ResourceName": "model-119"}],
        "CloudTrailEvent": "{}",
    }


def test_every_attribute_selects(client: Client, context: Context) -> None:
    other = {
        "name": "ListUsers",
        "source": "iam.amazonaws.com",
        "username": "bob",
        "access_key_id": "AKIA2",
        "read_only": True,
        "resource_types": ("AWS::IAM::User", "AWS::IAM::Role"),
        "resource_names": ("50%", "b"),
    }
    fill(context, entry(1), entry(2, **other))
    for key, value in (
        ("EventId", "event-2"),
        ("EventName", "ListUsers"),
        ("EventSource", "iam.amazonaws.com"),
        ("Username", "bob"),
        ("AccessKeyId", "AKIA2"),
        ("ReadOnly", "true"),
        ("ResourceType", "AWS::IAM::Role"),
        ("ResourceName", "50%"),
    ):
        assert found(client, LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}]) == ["event-2"], key
        assert found(client, LookupAttributes=[{"AttributeKey": key, "AttributeValue": "false"}]) in ([], ["event-1"])
    assert found(client, LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "model-"}]) == []


def test_times_are_inclusive(client: Client, context: Context) -> None:
    fill(context, *(entry(number) for number in range(5)))
    start, end = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    assert found(client, StartTime=start, EndTime=end) == ["event-3", "event-2", "event-1"]
    client.fails("LookupEvents", "InvalidTimeRangeException", StartTime=end, EndTime=start)


def test_what_is_refused(client: Client) -> None:
    two = [{"AttributeKey": "Username", "AttributeValue": "a"}, {"AttributeKey": "EventName", "AttributeValue": "b"}]
    client.fails("LookupEvents", "InvalidLookupAttributesException", LookupAttributes=two)
    odd = [{"AttributeKey": "ReadOnly", "AttributeValue": "yes"}]
    client.fails("LookupEvents", "InvalidLookupAttributesException", LookupAttributes=odd)
    client.fails("LookupEvents", "NotImplemented", EventCategory="insight")


def test_accounts_and_regions_are_apart(client: Client, context: Context) -> None:
    fill(context, entry(1), entry(2, account="444455556666"), entry(3, region="eu-west-1"))
    assert found(client) == ["event-1"]
    assert found(client.at(account="444455556666")) == ["event-2"]
    assert found(client.at(region="eu-west-1")) == ["event-3"]


def test_the_same_event_is_kept_once(client: Client, context: Context) -> None:
    fill(context, entry(1), entry(1))
    fill(context, entry(1), entry(2))
    assert found(client) == ["event-2", "event-1"]


def test_old_and_many_events_go(client: Client, context: Context) -> None:
    fill(context, *(entry(number) for number in range(10)), entry(10, at=NOW - timedelta(days=91)))
    with context.database.write() as tx:
        assert audit.expire(tx, NOW, days=90, most=100) == 1
        assert audit.expire(tx, NOW, days=90, most=4) == 6
        assert audit.expire(tx, NOW, days=90, most=4) == 0
    assert found(client) == ["event-9", "event-8", "event-7", "event-6"]
