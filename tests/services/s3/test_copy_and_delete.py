"""Copies share bytes but not fates; deletes answer for each key."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from clary.services.s3 import multipart
from clary.wire import checksums
from tests.services.s3.client import S3

BODY = b"0123456789"


def copy(s3: S3, key: str, source: str = "bucket/key", **request: Any) -> dict[str, Any]:
    result: dict[str, Any] = s3("CopyObject", Bucket="bucket", Key=key, CopySource=source, **request)[
        "CopyObjectResult"
    ]
    return result


def test_a_copy_lives_on_without_its_source(s3: S3) -> None:
    put = s3.put("key", BODY, "SHA1", Metadata={"a": "b"}, ContentType="text/csv", Tagging="t=1")
    copied = copy(s3, "copy")
    assert (copied["ETag"], copied["ChecksumSHA1"]) == (put["ETag"], put["ChecksumSHA1"])
    assert len(s3.files()) == 1
    s3("DeleteObject", Bucket="bucket", Key="key")
    head = s3.head("copy")
    assert (head["Metadata"], head["ContentType"], head["TagCount"]) == ({"a": "b"}, "text/csv", 1)
    assert s3.read("copy") == BODY
    s3.put("copy", b"other")
    assert len(s3.files()) == 1


def test_directives_replace_metadata_and_tags(s3: S3) -> None:
    s3.put("key", BODY, Metadata={"a": "b"}, ContentType="text/csv", Tagging="t=1")
    copy(s3, "kept", Metadata={"x": "y"}, ContentType="text/plain")
    assert (s3.head("kept")["Metadata"], s3.head("kept")["ContentType"]) == ({"a": "b"}, "text/csv")
    copy(s3, "new", Metadata={"x": "y"}, MetadataDirective="REPLACE", TaggingDirective="REPLACE", Tagging="u=2")
    head = s3.head("new")
    assert (head["Metadata"], head["ContentType"]) == ({"x": "y"}, "binary/octet-stream")
    assert s3("GetObjectTagging", Bucket="bucket", Key="new")["TagSet"] == [{"Key": "u", "Value": "2"}]


def test_a_copy_to_itself_must_change_something(s3: S3) -> None:
    s3.put("key", BODY)
    request = {"Bucket": "bucket", "Key": "key", "CopySource": "bucket/key"}
    s3.fails("CopyObject", "InvalidRequest", **request)
    s3("CopyObject", **request, MetadataDirective="REPLACE", Metadata={"a": "b"})
    s3("CopyObject", **request, StorageClass="STANDARD_IA")
    assert s3.read("key") == BODY
    assert s3.head("key")["Metadata"] == {"a": "b"}
    assert len(s3.files()) == 1


def test_forms_of_the_source(s3: S3) -> None:
    s3.put("a b/é+%", BODY)
    for source in ("bucket/a b/é+%25", "/bucket/a%20b/%C3%A9%2B%25", "bucket/a%20b/%C3%A9+%25?versionId=null"):
        copy(s3, "copy", source)
        assert s3.read("copy") == BODY
    for bad in ("bucket", "bucket/", "/", "", "//key"):
        s3.fails("CopyObject", "InvalidArgument", Bucket="bucket", Key="copy", CopySource=bad)
    s3.fails("CopyObject", "NoSuchKey", Bucket="bucket", Key="copy", CopySource="bucket/missing")
    s3.fails("CopyObject", "NoSuchBucket", Bucket="bucket", Key="copy", CopySource="missing/key")


def test_the_source_of_a_copy_must_be_readable(s3: S3) -> None:
    s3.put("secret/key", BODY)
    s3.permissions.denied.append("s3:GetObject arn:aws:s3:::bucket/secret/*")
    s3.fails("CopyObject", "AccessDeniedException", Bucket="bucket", Key="copy", CopySource="bucket/secret%2Fkey")
    upload = s3("CreateMultipartUpload", Bucket="bucket", Key="copy")["UploadId"]
    s3.fails(
        "UploadPartCopy",
        "AccessDeniedException",
        Bucket="bucket",
        Key="copy",
        UploadId=upload,
        PartNumber=1,
        CopySource="bucket/secret/key",
    )


def test_a_copy_can_get_another_checksum(s3: S3) -> None:
    s3.put("key", BODY)
    running = checksums.new("x-amz-checksum-crc32c")
    running.update(BODY)
    assert copy(s3, "copy", ChecksumAlgorithm="CRC32C")["ChecksumCRC32C"] == checksums.encoded(running)
    s3.fails(
        "CopyObject",
        "NotImplemented",
        Bucket="bucket",
        Key="copy",
        CopySource="bucket/key",
        ChecksumAlgorithm="XXHASH64",
    )


def test_parts_are_copied_from_ranges_without_new_files(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "SMALLEST_PART", 1)
    s3.put("key", BODY)
    created = s3("CreateMultipartUpload", Bucket="bucket", Key="copy", ChecksumAlgorithm="CRC32")
    request = {"Bucket": "bucket", "Key": "copy", "UploadId": created["UploadId"]}
    parts = []
    for number, window in enumerate(("bytes=2-4", "bytes=0-9", "bytes=9-9"), 1):
        copied = s3("UploadPartCopy", **request, PartNumber=number, CopySource="bucket/key", CopySourceRange=window)[
            "CopyPartResult"
        ]
        parts.append({"PartNumber": number, "ETag": copied["ETag"], "ChecksumCRC32": copied["ChecksumCRC32"]})
    assert parts[0]["ETag"] == f'"{hashlib.md5(b"234").hexdigest()}"'
    for bad in ("bytes=5-10", "bytes=5-4", "bytes=-3", "bytes=3-", "x"):
        s3.fails(
            "UploadPartCopy",
            "InvalidArgument",
            **request,
            PartNumber=4,
            CopySource="bucket/key",
            CopySourceRange=bad,
        )
    s3("CompleteMultipartUpload", **request, MultipartUpload={"Parts": parts})
    assert s3.read("copy") == b"234" + BODY + b"9"
    assert len(s3.files()) == 1
    s3("DeleteObject", Bucket="bucket", Key="key")
    assert s3.read("copy", Range="bytes=1-5") == b"34012"
    s3("DeleteObject", Bucket="bucket", Key="copy")
    assert s3.files() == []


def test_deleting_what_is_not_there_succeeds(s3: S3) -> None:
    assert s3("DeleteObject", Bucket="bucket", Key="missing") == {}
    s3.fails("DeleteObject", "NoSuchBucket", Bucket="missing", Key="key")


def test_many_keys_are_deleted_at_once(s3: S3) -> None:
    for number in range(5):
        s3.put(f"k{number}", BODY)
    copy(s3, "copy", "bucket/k0")
    wanted = [{"Key": f"k{number}"} for number in (0, 0, 1, 9)]
    answer = s3("DeleteObjects", Bucket="bucket", Delete={"Objects": wanted})
    assert answer == {"Deleted": wanted}
    assert [entry["Key"] for entry in s3("ListObjectsV2", Bucket="bucket")["Contents"]] == ["copy", "k2", "k3", "k4"]
    assert s3("DeleteObjects", Bucket="bucket", Delete={"Objects": [{"Key": "k2"}], "Quiet": True}) == {}
    assert s3.read("copy") == BODY
    assert len(s3.files()) == 3


def test_each_key_of_a_delete_is_answered_for_itself(s3: S3) -> None:
    for key in ("free", "kept", "changed"):
        s3.put(key, BODY)
    s3.permissions.denied.append("s3:DeleteObject arn:aws:s3:::bucket/kept")
    wanted = [{"Key": "free"}, {"Key": "kept"}, {"Key": "changed", "ETag": '"other"'}, {"Key": "x" * 1025}]
    answer = s3("DeleteObjects", Bucket="bucket", Delete={"Objects": wanted})
    assert answer["Deleted"] == [{"Key": "free"}]
    failed = {error["Key"]: error["Code"] for error in answer["Errors"]}
    assert failed == {"kept": "AccessDenied", "changed": "PreconditionFailed", "x" * 1025: "KeyTooLongError"}


def test_a_delete_has_one_to_a_thousand_keys(s3: S3) -> None:
    for wanted in ([], [{"Key": str(number)} for number in range(1001)]):
        s3.fails("DeleteObjects", "MalformedXML", Bucket="bucket", Delete={"Objects": wanted})
