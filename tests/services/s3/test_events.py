"""What is told of objects: the names of events, versions and delete markers, in both forms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clary.engine import object_lifecycle
from clary.events import objects as events
from clary.events.objects import Happening
from clary.store import outbox
from clary.store.object_events import TOPIC
from tests.services.calling import NOW
from tests.services.s3.client import S3

QUEUE = "arn:aws:sqs:us-east-1:111122223333:q"
NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture
def told(s3: S3) -> S3:
    """A bucket of which everything is told."""
    wanted = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
    queue = {"QueueArn": QUEUE, "Events": wanted}
    s3(
        "PutBucketNotificationConfiguration",
        Bucket="bucket",
        NotificationConfiguration={"QueueConfigurations": [queue], "EventBridgeConfiguration": {}},
        SkipDestinationValidation=True,
    )
    return s3


def happenings(s3: S3) -> list[Happening]:
    """Everything told since the last look."""
    with s3.context.database.write() as tx:
        entries = [entry for entry in outbox.first(tx, 100) if entry.topic == TOPIC]
        outbox.remove(tx, [entry.id for entry in entries])
    return [Happening(entry.document, entry.account, entry.region, entry.at, entry.id) for entry in entries]


def shown(happening: Happening) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name and object of the classic record, and the detail of the event."""
    ((target, message),) = events.wanted_targets(happening)
    assert target == QUEUE
    record = message["Records"][0]
    return record["eventName"], record["s3"]["object"], events.detail(happening)


def versions_on(s3: S3, status: str = "Enabled") -> None:
    s3("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": status})


def test_without_versions_none_are_named(told: S3) -> None:
    etag = told.put("k", b"1")["ETag"].strip('"')
    told("DeleteObject", Bucket="bucket", Key="k")
    told("DeleteObject", Bucket="bucket", Key="never-there")
    made, removed = map(shown, happenings(told))
    assert (made[0], made[1]["size"], made[1]["eTag"]) == ("ObjectCreated:Put", 1, etag)
    assert (removed[0], removed[2]["deletion-type"]) == ("ObjectRemoved:Delete", "Permanently Deleted")
    assert all(
        "versionId" not in record and "version-id" not in detail["object"] for _, record, detail in (made, removed)
    )


def test_versions_and_markers_are_named(told: S3) -> None:
    versions_on(told)
    version = told.put("k", b"1")["VersionId"]
    marker = told("DeleteObject", Bucket="bucket", Key="k")["VersionId"]
    over_nothing = told("DeleteObject", Bucket="bucket", Key="never-there")["VersionId"]
    told("DeleteObject", Bucket="bucket", Key="k", VersionId=marker)
    told("DeleteObjects", Bucket="bucket", Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    found = [shown(happening) for happening in happenings(told)]
    assert [(name, record["versionId"]) for name, record, _ in found] == [
        ("ObjectCreated:Put", version),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
        ("ObjectRemoved:DeleteMarkerCreated", over_nothing),
        ("ObjectRemoved:Delete", marker),
        ("ObjectRemoved:Delete", version),
    ]
    assert [detail["object"]["version-id"] for _, _, detail in found] == [
        record["versionId"] for _, record, _ in found
    ]
    kinds = [detail.get("deletion-type") for _, _, detail in found]
    assert kinds == [None, *["Delete Marker Created"] * 2, *["Permanently Deleted"] * 2]
    assert (found[1][1]["eTag"], found[1][2]["object"]["etag"]) == (NOTHING, NOTHING)


def test_suspended_versions_are_null(told: S3) -> None:
    versions_on(told)
    versions_on(told, "Suspended")
    told.put("k", b"1")
    told("DeleteObject", Bucket="bucket", Key="k")
    assert [shown(happening)[1]["versionId"] for happening in happenings(told)] == ["null", "null"]


@pytest.mark.parametrize("versioned", [False, True])
def test_what_rules_remove_is_told_as_theirs(told: S3, versioned: bool) -> None:
    if versioned:
        versions_on(told)
        old = told.put("k", b"0")["VersionId"]
    told.put("k", b"1")
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    rule |= {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}} if versioned else {}
    told("PutBucketLifecycleConfiguration", Bucket="bucket", LifecycleConfiguration={"Rules": [rule]})
    happenings(told)
    object_lifecycle.apply(told.context.database, told.context.blobs, NOW + timedelta(days=3))
    found = [shown(happening) for happening in happenings(told)]
    names = sorted(name for name, _, _ in found)
    if versioned:
        assert names == ["LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated"]
        assert old in {record["versionId"] for _, record, _ in found}
    else:
        assert names == ["LifecycleExpiration:Delete"]
    assert {detail["reason"] for _, _, detail in found} == {"Lifecycle Expiration"}
    assert {detail["requester"] for _, _, detail in found} == {"s3.amazonaws.com"}


def test_who_asks_for_removals_is_not_told_of_expirations(told: S3) -> None:
    told.put("k")
    (made,) = happenings(told)
    facts = {**made.facts, "reason": "Lifecycle Expiration"}
    queue = {"QueueArn": QUEUE, "Id": "i", "Events": ["s3:ObjectRemoved:*"]}
    facts["notifications"] = {"QueueConfigurations": [queue]}
    assert list(events.wanted_targets(Happening(facts, made.account, made.region, made.at, 1))) == []
