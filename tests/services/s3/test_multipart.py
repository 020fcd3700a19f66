"""Multipart uploads: rules of the parts, ETags and checksums of the whole, retries, listings."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from clary.services.s3 import multipart
from clary.wire import checksums
from tests.services.s3.client import S3


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five bytes instead of five megabytes."""
    monkeypatch.setattr(multipart, "SMALLEST_PART", 5)


def start(s3: S3, key: str = "key", **request: Any) -> str:
    return str(s3("CreateMultipartUpload", Bucket="bucket", Key=key, **request)["UploadId"])


def complete(s3: S3, upload: str, parts: list[dict[str, Any]], key: str = "key", **request: Any) -> dict[str, Any]:
    return s3(
        "CompleteMultipartUpload",
        Bucket="bucket",
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": parts},
        **request,
    )


def send(s3: S3, upload: str, bodies: list[bytes], *algorithms: str) -> list[dict[str, Any]]:
    """Upload parts 1, 2, ... and return what Complete names them by."""
    return [
        {"PartNumber": number, "ETag": s3.part(upload, number, body, *algorithms)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]


def checksum(algorithm: str, data: bytes) -> str:
    running = checksums.new(f"x-amz-checksum-{algorithm.lower()}")
    running.update(data)
    return checksums.encoded(running)


def test_parts_become_one_object(s3: S3) -> None:
    upload = start(s3, ContentType="text/plain", Metadata={"a": "b"}, Tagging="t=1")
    bodies = [b"first-", b"second-", b"end"]
    parts = send(s3, upload, bodies)
    assert s3("ListObjectsV2", Bucket="bucket")["KeyCount"] == 0
    done = complete(s3, upload, parts, MpuObjectSize=16)
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert s3.read("key") == b"first-second-end"
    assert s3.read("key", Range="bytes=4-8") == b"t-sec"
    assert s3.read("key", Range="bytes=-4") == b"-end"
    assert [s3.read("key", PartNumber=number) for number in (1, 2, 3)] == bodies
    second = s3("HeadObject", Bucket="bucket", Key="key", PartNumber=2)
    assert (second["PartsCount"], second["ContentRange"]) == (3, "bytes 6-12/16")
    assert (second["ContentType"], second["Metadata"], second["TagCount"]) == ("text/plain", {"a": "b"}, 1)
    s3.fails("GetObject", "InvalidPartNumber", Bucket="bucket", Key="key", PartNumber=4)
    s3.fails("ListParts", "NoSuchUpload", Bucket="bucket", Key="key", UploadId=upload)


def test_unused_and_replaced_parts_leave_no_files(s3: S3) -> None:
    upload = start(s3)
    send(s3, upload, [b"old-first", b"unused", b"third"])
    first, third = s3.part(upload, 1, b"first-")["ETag"], s3.part(upload, 7, b"end")["ETag"]
    complete(s3, upload, [{"PartNumber": 1, "ETag": first}, {"PartNumber": 7, "ETag": third}])
    assert s3.read("key") == b"first-end"
    assert s3.read("key", PartNumber=2) == b"end"
    assert len(s3.files()) == 2
    s3("DeleteObject", Bucket="bucket", Key="key")
    assert s3.files() == []


def test_a_repeated_completion_gives_the_same_answer(s3: S3) -> None:
    upload = start(s3, ChecksumAlgorithm="SHA256")
    parts = send(s3, upload, [b"first-", b"end"], "SHA256")
    done = complete(s3, upload, parts)
    assert complete(s3, upload, parts) == done
    with pytest.raises(multipart.ApiError, match="upload does not exist"):
        complete(s3, upload, parts[:1])
    s3.put("key", b"overwritten")
    with pytest.raises(multipart.ApiError, match="upload does not exist"):
        complete(s3, upload, parts)
    assert s3.read("key") == b"overwritten"


def test_rules_of_the_list_of_parts(s3: S3) -> None:
    upload = start(s3)
    one, two = send(s3, upload, [b"1234", b"12345"])

    def refused(code: str, parts: list[dict[str, Any]], **request: Any) -> Any:
        return s3.fails(
            "CompleteMultipartUpload",
            code,
            Bucket="bucket",
            Key="key",
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            **request,
        )

    refused("MalformedXML", [])
    refused("InvalidPartOrder", [two, one])
    refused("InvalidPartOrder", [two, two])
    refused("InvalidPart", [one, {**two, "ETag": one["ETag"]}])
    refused("InvalidPart", [one, {**two, "PartNumber": 3}])
    error = refused("EntityTooSmall", [one, two])
    assert error.members["ProposedSize"] == "4"
    refused("InvalidRequest", [one], MpuObjectSize=5)
    s3.put("key", b"existing")
    refused("PreconditionFailed", [one], IfNoneMatch="*")
    assert s3.read("key") == b"existing"
    complete(s3, upload, [{**one, "ETag": one["ETag"].strip('"')}])
    assert s3.read("key") == b"1234"


def test_part_numbers_and_uploads_must_exist(s3: S3) -> None:
    upload = start(s3)
    for number in (0, 10_001, -1):
        with pytest.raises(multipart.ApiError, match="Part number must be"):
            s3.part(upload, number, b"x")
    for wrong in ({"upload": "unknown"}, {"upload": upload, "key": "other"}):
        with pytest.raises(multipart.ApiError, match="upload does not exist"):
            s3.part(number=1, body=b"x", **wrong)
    s3.fails("AbortMultipartUpload", "NoSuchUpload", Bucket="bucket", Key="other", UploadId=upload)
    assert s3.files() == []


def test_an_aborted_upload_is_gone_with_its_parts(s3: S3) -> None:
    upload = start(s3)
    send(s3, upload, [b"first", b"second"])
    s3("AbortMultipartUpload", Bucket="bucket", Key="key", UploadId=upload)
    assert s3.files() == []
    s3.fails("AbortMultipartUpload", "NoSuchUpload", Bucket="bucket", Key="key", UploadId=upload)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_is_one_of_checksums(s3: S3, algorithm: str) -> None:
    created = s3("CreateMultipartUpload", Bucket="bucket", Key="key", ChecksumAlgorithm=algorithm)
    assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == (algorithm, "COMPOSITE")
    upload, bodies = created["UploadId"], [b"first-", b"end"]
    parts = send(s3, upload, bodies, algorithm)
    joined = b"".join(base64.b64decode(checksum(algorithm, body)) for body in bodies)
    done = complete(s3, upload, parts)
    assert done[f"Checksum{algorithm}"] == f"{checksum(algorithm, joined)}-2"
    head = s3("HeadObject", Bucket="bucket", Key="key", ChecksumMode="ENABLED")
    assert (head[f"Checksum{algorithm}"], head["ChecksumType"]) == (f"{checksum(algorithm, joined)}-2", "COMPOSITE")
    part = s3("HeadObject", Bucket="bucket", Key="key", ChecksumMode="ENABLED", PartNumber=2)
    assert part[f"Checksum{algorithm}"] == checksum(algorithm, b"end")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
@pytest.mark.parametrize("bodies", [[b"12345"], [b"12345", b"6789012", b"x" * 100_001], [b"abcde", b""]])
def test_a_full_object_checksum_is_that_of_the_whole(s3: S3, algorithm: str, bodies: list[bytes]) -> None:
    upload = start(s3, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    parts = send(s3, upload, bodies, algorithm)
    wrong = {f"Checksum{algorithm}": checksum(algorithm, b"something else")}
    with pytest.raises(multipart.ApiError, match="did not match"):
        complete(s3, upload, parts, **wrong)
    right = {f"Checksum{algorithm}": checksum(algorithm, b"".join(bodies))}
    assert complete(s3, upload, parts, ChecksumType="FULL_OBJECT", **right).items() >= right.items()


def test_types_of_checksums_fit_their_algorithms(s3: S3) -> None:
    upload = {"Bucket": "bucket", "Key": "key"}
    s3.fails(
        "CreateMultipartUpload", "InvalidRequest", **upload, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT"
    )
    s3.fails(
        "CreateMultipartUpload", "InvalidRequest", **upload, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE"
    )
    s3.fails("CreateMultipartUpload", "InvalidRequest", **upload, ChecksumType="COMPOSITE")
    s3.fails("CreateMultipartUpload", "NotImplemented", **upload, ChecksumAlgorithm="XXHASH3")
    created = s3("CreateMultipartUpload", **upload, ChecksumAlgorithm="CRC64NVME")
    assert created["ChecksumType"] == "FULL_OBJECT"
    with pytest.raises(multipart.ApiError, match="expected checksum Type: crc64nvme, actual checksum Type: crc32"):
        s3.part(created["UploadId"], 1, b"part", "CRC32")
    assert s3.files() == []


def test_a_claimed_checksum_of_a_part_is_compared(s3: S3) -> None:
    upload = start(s3, ChecksumAlgorithm="SHA256")
    (part,) = send(s3, upload, [b"first"], "SHA256")
    request = {"Bucket": "bucket", "Key": "key", "UploadId": upload}
    wrong = {**part, "ChecksumSHA256": checksum("SHA256", b"else")}
    s3.fails("CompleteMultipartUpload", "InvalidPart", **request, MultipartUpload={"Parts": [wrong]})
    complete(s3, upload, [{**part, "ChecksumSHA256": checksum("SHA256", b"first")}])


def test_parts_are_listed_in_pages(s3: S3) -> None:
    upload = start(s3, ChecksumAlgorithm="CRC32")
    send(s3, upload, [b"1", b"22", b"333"], "CRC32")
    first = s3("ListParts", Bucket="bucket", Key="key", UploadId=upload, MaxParts=2)
    assert [(part["PartNumber"], part["Size"]) for part in first["Parts"]] == [(1, 1), (2, 2)]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 2)
    assert first["Parts"][0]["ChecksumCRC32"] == checksum("CRC32", b"1")
    rest = s3("ListParts", Bucket="bucket", Key="key", UploadId=upload, PartNumberMarker="2")
    assert [part["PartNumber"] for part in rest["Parts"]] == [3]
    assert not rest["IsTruncated"]


@pytest.mark.parametrize("delimiter", ["", "/"])
def test_uploads_are_listed_in_pages(s3: S3, delimiter: str) -> None:
    ids = {(key, start(s3, key)) for key in ("a/1", "a/2", "b", "b", "c/1")}
    found: list[tuple[str, str]] = []
    folded: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = s3("ListMultipartUploads", Bucket="bucket", MaxUploads=1, Delimiter=delimiter, **marker)
        found += [(upload["Key"], upload["UploadId"]) for upload in page["Uploads"]]
        folded += [entry["Prefix"] for entry in page["CommonPrefixes"]]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page["NextUploadIdMarker"]:
            marker["UploadIdMarker"] = page["NextUploadIdMarker"]
    if delimiter:
        assert folded == ["a/", "c/"]
        ids = {(key, upload) for key, upload in ids if "/" not in key}
    assert found == sorted(ids)
    only = s3("ListMultipartUploads", Bucket="bucket", Prefix="a/")
    assert [upload["Key"] for upload in only["Uploads"]] == ["a/1", "a/2"]
