"""The matrix of conditional headers."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from tests.services.calling import NOW
from tests.services.s3.client import S3

BODY = b"0123456789"
CHANGED = NOW.replace(microsecond=0)
EARLIER, LATER = CHANGED - timedelta(seconds=1), CHANGED + timedelta(seconds=1)


@pytest.fixture
def etag(s3: S3) -> str:
    return str(s3.put("key", BODY)["ETag"])


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_the_matrix(s3: S3, etag: str, operation: str) -> None:
    """Every combination: ETag conditions come first and make the time condition beside them void."""
    for match, unmodified, none_match, modified in product(
        (None, etag, '"other"'), (None, EARLIER, CHANGED), (None, etag, '"other"'), (None, EARLIER, CHANGED)
    ):
        conditions: dict[str, Any] = {
            "IfMatch": match,
            "IfUnmodifiedSince": unmodified,
            "IfNoneMatch": none_match,
            "IfModifiedSince": modified,
        }
        request = {name: value for name, value in conditions.items() if value is not None}
        if match == '"other"' or (match is None and unmodified == EARLIER):
            error = s3.fails(operation, "PreconditionFailed", Bucket="bucket", Key="key", **request)
            name = "If-Match" if match else "If-Unmodified-Since"
            assert (error.status, error.members) == (412, {"Condition": name})
        elif none_match == etag or (none_match is None and modified == CHANGED):
            error = s3.fails(operation, "NotModified", Bucket="bucket", Key="key", **request)
            assert error.status == 304
        else:
            assert s3(operation, Bucket="bucket", Key="key", **request)["ETag"] == etag


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
def test_forms_of_an_etag(s3: S3, etag: str, form: str) -> None:
    assert s3.read("key", IfMatch=form.format(etag)) == BODY
    assert s3.read("key", IfMatch=etag.strip('"')) == BODY
    s3.fails("GetObject", "NotModified", Bucket="bucket", Key="key", IfNoneMatch=form.format(etag))


def test_times_without_a_zone_are_utc(s3: S3, etag: str) -> None:
    naive: datetime = EARLIER.replace(tzinfo=None)
    assert s3.head("key", IfModifiedSince=naive)["ETag"] == etag
    assert s3.head("key", IfUnmodifiedSince=LATER)["ETag"] == etag


def test_writing_only_what_is_not_there(s3: S3, etag: str) -> None:
    error = s3.put_fails("PreconditionFailed", "key", b"new", IfNoneMatch="*")
    assert (error.status, error.members) == (412, {"Condition": "If-None-Match"})
    s3.put_fails("NotImplemented", "key", b"new", IfNoneMatch=etag)
    assert s3.read("key") == BODY
    s3.put("other", b"new", IfNoneMatch="*")
    assert len(s3.files()) == 2


def test_overwriting_only_what_one_has_read(s3: S3, etag: str) -> None:
    s3.put_fails("PreconditionFailed", "key", b"new", IfMatch='"other"')
    s3.put_fails("NoSuchKey", "missing", b"new", IfMatch=etag)
    s3.put("key", b"new", IfMatch=etag)
    assert s3.read("key") == b"new"
    assert len(s3.files()) == 1


def test_deleting_only_what_one_has_read(s3: S3, etag: str) -> None:
    s3.fails("DeleteObject", "PreconditionFailed", Bucket="bucket", Key="key", IfMatch='"other"')
    s3("DeleteObject", Bucket="bucket", Key="missing", IfMatch=etag)
    s3("DeleteObject", Bucket="bucket", Key="key", IfMatch=etag)
    assert s3.files() == []


def test_copying_under_conditions(s3: S3, etag: str) -> None:
    copy: dict[str, Any] = {"Bucket": "bucket", "Key": "copy", "CopySource": "bucket/key"}
    for refused in (
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfUnmodifiedSince": EARLIER},
        {"CopySourceIfModifiedSince": LATER},
        {"CopySourceIfNoneMatch": etag, "CopySourceIfModifiedSince": EARLIER},
    ):
        assert s3.fails("CopyObject", "PreconditionFailed", **copy, **refused).status == 412
    s3("CopyObject", **copy, CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=EARLIER)
    s3.fails("CopyObject", "PreconditionFailed", **copy, IfNoneMatch="*")
    assert s3.read("copy") == BODY
