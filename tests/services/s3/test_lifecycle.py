"""Lifecycle rules: what may be put, and what really goes when its time has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.engine import object_lifecycle
from tests.services.calling import NOW
from tests.services.s3.client import S3

BUCKET = {"Bucket": "bucket"}


def rule(**members: Any) -> dict[str, Any]:
    return {"Status": "Enabled", "Filter": {"Prefix": ""}, **members}


def put(s3: S3, *rules: dict[str, Any]) -> None:
    s3("PutBucketLifecycleConfiguration", **BUCKET, LifecycleConfiguration={"Rules": list(rules)})


def later(s3: S3, days: float) -> int:
    return object_lifecycle.apply(s3.context.database, s3.context.blobs, NOW + timedelta(days=days))


def keys(s3: S3) -> list[str]:
    return [entry["Key"] for entry in s3("ListObjectsV2", **BUCKET)["Contents"]]


def test_a_configuration_is_kept_and_removed(s3: S3) -> None:
    s3.fails("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", **BUCKET)
    at = datetime(2030, 1, 1, tzinfo=UTC)
    put(s3, rule(ID="a", Expiration={"Days": 3}), rule(Expiration={"Date": at}))
    first, second = s3("GetBucketLifecycleConfiguration", **BUCKET)["Rules"]
    assert (first, second["Expiration"]) == (rule(ID="a", Expiration={"Days": 3}), {"Date": at})
    assert second["ID"]
    s3("DeleteBucketLifecycle", **BUCKET)
    s3.fails("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", **BUCKET)


DAY = {"Expiration": {"Days": 1}}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("InvalidRequest", rule()),
    ("MalformedXML", {"Status": "Enabled", **DAY}),
    ("MalformedXML", rule(Prefix="x", **DAY)),
    ("MalformedXML", rule(Status="On", **DAY)),
    ("InvalidArgument", rule(Expiration={"Days": 0})),
    ("MalformedXML", rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})),
    ("InvalidArgument", rule(Expiration={"Date": datetime(2030, 1, 1, 5, tzinfo=UTC)})),
    ("InvalidArgument", rule(ID="x" * 256, **DAY)),
    ("MalformedXML", rule(Filter={"Prefix": "a", "ObjectSizeGreaterThan": 1}, **DAY)),
    ("MalformedXML", rule(Filter={"And": {"Prefix": "a"}}, **DAY)),
    ("InvalidRequest", rule(Filter={"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}}, **DAY)),
    (
        "InvalidRequest",
        rule(Filter={"ObjectSizeLessThan": 5}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}),
    ),
    ("MalformedXML", rule(AbortIncompleteMultipartUpload={})),
    ("InvalidArgument", rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 101})),
    ("NotImplemented", rule(Transitions=[{"Days": 1, "StorageClass": "GLACIER"}])),
]


@pytest.mark.parametrize(("code", "bad"), REFUSED)
def test_what_is_refused(s3: S3, code: str, bad: dict[str, Any]) -> None:
    s3.fails("PutBucketLifecycleConfiguration", code, **BUCKET, LifecycleConfiguration={"Rules": [bad]})


def test_ids_are_unique(s3: S3) -> None:
    twice = {"Rules": [rule(ID="a", **DAY), rule(ID="a", **DAY)]}
    s3.fails("PutBucketLifecycleConfiguration", "InvalidArgument", **BUCKET, LifecycleConfiguration=twice)


def test_objects_go_at_the_midnight_after_their_days(s3: S3) -> None:
    s3.put("logs/a", b"1")
    s3.put("kept", b"1")
    put(s3, rule(Filter={"Prefix": "logs/"}, Expiration={"Days": 2}), rule(Status="Disabled", **DAY))
    assert later(s3, 2) == 0  # put at five in the morning: its third midnight is still to come
    assert later(s3, 2.8) == 1
    assert keys(s3) == ["kept"]
    assert len(s3.files()) == 1


def test_rules_look_at_tags_sizes_and_dates(s3: S3) -> None:
    s3.put("tagged", b"123", Tagging="tmp=yes&x=1")
    s3.put("other", b"123", Tagging="tmp=no")
    s3.put("big", b"1" * 100)
    put(s3, rule(Filter={"Tag": {"Key": "tmp", "Value": "yes"}}, **DAY))
    later(s3, 5)
    assert keys(s3) == ["big", "other"]
    bounds = {"And": {"Prefix": "", "ObjectSizeGreaterThan": 99, "ObjectSizeLessThan": 101}}
    put(s3, rule(Filter=bounds, Expiration={"Date": datetime(2026, 4, 1, tzinfo=UTC)}))
    assert later(s3, 1) == 0
    assert later(s3, 60) == 1
    assert keys(s3) == ["other"]


def test_versions_are_hidden_first_and_go_later(s3: S3) -> None:
    s3("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put("key", b"1")
    s3.at(now=NOW + timedelta(days=1)).put("key", b"2")
    noncurrent = {"NoncurrentVersionExpiration": {"NoncurrentDays": 3}}
    put(s3, rule(Expiration={"Days": 1}, **noncurrent))
    assert later(s3, 3) == 1  # hidden under a marker
    assert (keys(s3), len(s3.files())) == ([], 2)
    assert later(s3, 4.8) == 1  # replaced after one day
    assert len(s3.files()) == 1
    assert later(s3, 6.8) == 1  # hidden after three days
    assert later(s3, 9) == 1  # the marker has nothing left to hide
    assert s3("ListObjectVersions", **BUCKET)["DeleteMarkers"] == []
    assert s3.files() == []


def test_some_old_versions_may_be_kept(s3: S3) -> None:
    s3("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2", b"3", b"4", b"5"):
        s3.put("key", body)
    put(s3, rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}))
    assert later(s3, 10) == 2
    left = [s3.read("key", VersionId=entry["VersionId"]) for entry in s3("ListObjectVersions", **BUCKET)["Versions"]]
    assert left == [b"5", b"4", b"3"]


def test_walks_in_batches(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_lifecycle, "_BATCH", 3)
    s3("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b"):
        for body in (b"1", b"2", b"3", b"4", b"5"):
            s3.put(key, body)
    put(s3, rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}))
    assert later(s3, 10) == 6
    assert len(s3.files()) == 4


def test_forgotten_uploads_are_aborted(s3: S3) -> None:
    upload = s3("CreateMultipartUpload", **BUCKET, Key="key")["UploadId"]
    s3.part(upload, 1, b"x")
    put(s3, rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}))
    assert later(s3, 6) == 0
    assert later(s3, 8) == 1
    assert (s3.files(), s3("ListMultipartUploads", **BUCKET)["Uploads"]) == ([], [])


def test_what_is_replaced_meanwhile_stays(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("key", b"old")
    put(s3, rule(**DAY))
    removing = object_lifecycle._due_batches

    def replaced(*arguments: Any) -> Any:
        for batch in removing(*arguments):
            s3.at(now=NOW + timedelta(days=5)).put("key", b"new")
            yield batch

    monkeypatch.setattr(object_lifecycle, "_due_batches", replaced)
    later(s3, 5)
    assert s3.read("key") == b"new"
