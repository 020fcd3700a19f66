"""Objects: what is put is what is got; headers, ranges, tags, checksums, refusals."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.base.errors import ApiError
from clary.services.s3.ranges import window
from tests.services.s3.client import S3

TEN = b"0123456789"


def test_bytes_headers_and_metadata_come_back(s3: S3) -> None:
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    put = s3.put(
        "a/b.csv",
        TEN,
        Metadata={"owner": "me"},
        ContentType="text/csv",
        ContentEncoding="aws-chunked, gzip",
        CacheControl="no-cache",
        ContentDisposition="inline",
        ContentLanguage="de",
        Expires=expires,
        StorageClass="STANDARD_IA",
        Tagging="a=1&b=x%20y",
        ServerSideEncryption="AES256",
    )
    etag = f'"{hashlib.md5(TEN).hexdigest()}"'
    assert put == {"ETag": etag, "ServerSideEncryption": "AES256"}
    head = s3.head("a/b.csv")
    assert head == {
        "AcceptRanges": "bytes",
        "ContentLength": 10,
        "ETag": etag,
        "LastModified": s3.context.now.replace(microsecond=0),
        "Metadata": {"owner": "me"},
        "ContentType": "text/csv",
        "ContentEncoding": "gzip",
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentLanguage": "de",
        "Expires": expires,
        "StorageClass": "STANDARD_IA",
        "TagCount": 2,
        "ServerSideEncryption": "AES256",
    }
    got = s3.get("a/b.csv", ResponseContentType="text/plain")
    with got.pop("Body") as body:
        assert body.read(100) == TEN
    assert got == {**head, "ContentType": "text/plain"}


def test_an_empty_object_has_no_file(s3: S3) -> None:
    s3.put("folder/")
    assert s3.read("folder/") == b""
    assert s3.files() == []
    assert s3.head("folder/")["ContentType"] == "binary/octet-stream"


def test_an_overwrite_replaces_the_bytes_and_leaves_one_file(s3: S3) -> None:
    s3.put("key", b"old")
    s3.put("key", b"newer")
    assert s3.read("key") == b"newer"
    assert len(s3.files()) == 1


def test_a_reader_keeps_the_bytes_it_was_promised(s3: S3) -> None:
    s3.put("key", TEN * 1000)
    body = s3.get("key")["Body"]
    assert body.read(10) == TEN
    s3.put("key", b"new")
    waiting = s3.get("key")["Body"]
    s3("DeleteObject", Bucket="bucket", Key="key")
    assert body.read(100_000) + body.read(100_000) == TEN * 999
    assert waiting.read(10) == b"new"
    for reader in (body, waiting):
        reader.close()
    assert s3.files() == []


def test_missing_keys_have_their_words(s3: S3) -> None:
    error = s3.fails("GetObject", "NoSuchKey", Bucket="bucket", Key="missing")
    assert (error.status, error.members) == (404, {"Key": "missing"})
    head = s3.fails("HeadObject", "404", Bucket="bucket", Key="missing")
    assert (head.status, head.message) == (404, "Not Found")
    s3.permissions.denied.append("s3:ListBucket *")
    s3.fails("GetObject", "AccessDeniedException", Bucket="bucket", Key="missing")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", b"0"),
        ("bytes=3-5", b"345"),
        ("bytes=8-", b"89"),
        ("bytes=8-100", b"89"),
        ("bytes=-3", b"789"),
        ("bytes=-100", TEN),
        ("bytes=0-1,4-5", TEN),
        ("bytes=5-3", TEN),
        ("lines=1-2", TEN),
        ("bytes=-", TEN),
        ("bytes=a-b", TEN),
    ],
)
def test_ranges(s3: S3, header: str, expected: bytes) -> None:
    s3.put("key", TEN)
    assert s3.read("key", Range=header) == expected
    head = s3("HeadObject", Bucket="bucket", Key="key", Range=header)
    assert head["ContentLength"] == len(expected)
    if expected != TEN or header == "bytes=-100":
        first = TEN.index(expected[:1])
        assert head["ContentRange"] == f"bytes {first}-{first + len(expected) - 1}/10"
    else:
        assert "ContentRange" not in head


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_ranges_behind_the_end_are_416(s3: S3, header: str) -> None:
    s3.put("key", TEN)
    error = s3.fails("GetObject", "InvalidRange", Bucket="bucket", Key="key", Range=header)
    assert (error.status, error.members) == (416, {"RangeRequested": header, "ActualObjectSize": "10"})
    s3.put("empty")
    s3.fails("GetObject", "InvalidRange", Bucket="bucket", Key="empty", Range="bytes=0-")


@given(st.integers(0, 30), st.text("bytes=-0123456789 ,", max_size=20) | st.from_regex(r"bytes=\d{0,3}-\d{0,3}"))
def test_no_range_header_asks_for_bytes_that_are_not_there(size: int, header: str) -> None:
    chosen, status = None, 206
    try:
        chosen = window(header, None, size, [])
    except ApiError as error:
        status = error.status
    if chosen is None:
        assert status == 416
    else:
        assert 0 <= chosen.start <= chosen.start + chosen.length <= size
        assert chosen.length > 0 or not chosen.partial


def test_part_number_one_is_the_whole_of_a_simple_object(s3: S3) -> None:
    s3.put("key", TEN)
    assert s3.read("key", PartNumber=1) == TEN
    assert s3.fails("GetObject", "InvalidPartNumber", Bucket="bucket", Key="key", PartNumber=2).status == 416
    s3.fails("GetObject", "InvalidRequest", Bucket="bucket", Key="key", PartNumber=1, Range="bytes=0-1")


def test_checksums_are_kept_and_shown_on_request_for_the_whole_only(s3: S3) -> None:
    put = s3.put("key", TEN, "CRC32", "SHA256")
    sha = base64.b64encode(hashlib.sha256(TEN).digest()).decode()
    assert put["ChecksumSHA256"] == sha
    assert put["ChecksumType"] == "FULL_OBJECT"
    assert "ChecksumSHA256" not in s3("HeadObject", Bucket="bucket", Key="key")
    head = s3("HeadObject", Bucket="bucket", Key="key", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (sha, "FULL_OBJECT")
    ranged = s3("HeadObject", Bucket="bucket", Key="key", ChecksumMode="ENABLED", Range="bytes=0-1")
    assert "ChecksumSHA256" not in ranged
    (listed,) = s3("ListObjectsV2", Bucket="bucket")["Contents"]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (["CRC32", "SHA256"], "FULL_OBJECT")


def test_content_md5_is_compared(s3: S3) -> None:
    right = base64.b64encode(hashlib.md5(TEN).digest()).decode()
    s3.put("key", TEN, ContentMD5=right)
    s3.put_fails("BadDigest", "other", b"else", ContentMD5=right)
    for bad in ("nonsense", right[:-4], ""):
        s3.put_fails("InvalidDigest", "other", TEN, ContentMD5=bad)
    assert len(s3.files()) == 1


@pytest.mark.parametrize(
    ("request_members", "code"),
    [
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"SSECustomerAlgorithm": "AES256"}, "NotImplemented"),
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"GrantRead": "id=1"}, "AccessControlListNotSupported"),
        ({"ObjectLockMode": "GOVERNANCE"}, "InvalidRequest"),
        ({"StorageClass": "GLACIER"}, "InvalidStorageClass"),
        ({"WriteOffsetBytes": 3}, "NotImplemented"),
        ({"Metadata": {"a": "x" * 2048}}, "MetadataTooLarge"),
        ({"Tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"Tagging": "&".join(f"k{n}=v" for n in range(11))}, "BadRequest"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    s3: S3, request_members: dict[str, object], code: str
) -> None:
    s3.put_fails(code, "key", TEN, **request_members)
    assert s3.files() == []
    assert s3("ListObjectsV2", Bucket="bucket")["KeyCount"] == 0


def test_the_encryption_that_sdks_ask_for_is_shown(s3: S3) -> None:
    wanted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/key"}
    assert s3.put("key", TEN, **wanted).items() >= wanted.items()
    assert s3.head("key").items() >= wanted.items()


def test_tags_have_operations_and_a_permission_of_their_own(s3: S3) -> None:
    s3.put("key", TEN, Tagging="a=1")
    assert s3("GetObjectTagging", Bucket="bucket", Key="key") == {"TagSet": [{"Key": "a", "Value": "1"}]}
    s3("PutObjectTagging", Bucket="bucket", Key="key", Tagging={"TagSet": [{"Key": "b", "Value": ""}]})
    assert s3("GetObjectTagging", Bucket="bucket", Key="key") == {"TagSet": [{"Key": "b", "Value": ""}]}
    s3("DeleteObjectTagging", Bucket="bucket", Key="key")
    assert s3("GetObjectTagging", Bucket="bucket", Key="key") == {"TagSet": []}
    s3.fails(
        "PutObjectTagging", "InvalidTag", Bucket="bucket", Key="key", Tagging={"TagSet": [{"Key": "", "Value": ""}]}
    )
    s3.fails("PutObjectTagging", "NoSuchKey", Bucket="bucket", Key="none", Tagging={"TagSet": []})
    s3.permissions.denied.append("s3:PutObjectTagging *")
    s3.put_fails("AccessDeniedException", "key", TEN, Tagging="a=1")


def test_versions_do_not_exist(s3: S3) -> None:
    s3.put("key", TEN)
    assert s3.read("key", VersionId="null") == TEN
    s3.fails("GetObject", "InvalidArgument", Bucket="bucket", Key="key", VersionId="3sL4kqtJlcpXro")


def test_times_of_change_are_whole_seconds(s3: S3) -> None:
    s3.put("key")
    modified = s3.head("key")["LastModified"]
    assert modified == s3.context.now - timedelta(microseconds=s3.context.now.microsecond)
