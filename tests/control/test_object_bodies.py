"""What clients say of the bodies they send (checksums, signed chunks, trailers), and large requests, in process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from clary.store import buckets, objects
from clary.store.objects import NewObject
from tests.control.in_process import ENDPOINT, HOME, Answer, Control
from tests.services.calling import NOW

BODY = b"bytes of an object " * 500


def crc(data: bytes, width: int, polynomial: int) -> bytes:
    """A reflected CRC with inverted start and end, bit by bit."""
    register = everything = (1 << width) - 1
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (polynomial if register & 1 else 0)
    return (register ^ everything).to_bytes(width // 8, "big")


ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: crc(data, 32, 0x82F63B78),
    "CRC64NVME": lambda data: crc(data, 64, 0x9A6C9329AC4BC9B5),
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}


IMPOSSIBLE = {("CRC64NVME", "COMPOSITE"), ("SHA1", "FULL_OBJECT"), ("SHA256", "FULL_OBJECT")}


def encoded(algorithm: str, data: bytes) -> str:
    return base64.b64encode(ALGORITHMS[algorithm](data)).decode()


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


@pytest.fixture(scope="module")
def s3(control: Control) -> Any:
    client = control.client()
    client.create_bucket(Bucket="bodies")
    return client


def test_the_test_computes_what_the_standards_say() -> None:
    assert ALGORITHMS["CRC32C"](b"123456789").hex() == "e3069283"
    assert ALGORITHMS["CRC64NVME"](b"123456789").hex() == "ae8b14860a799888"
    assert crc(b"123456789", 32, 0xEDB88320) == ALGORITHMS["CRC32"](b"123456789")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums_of_objects_are_verified(s3: Any, algorithm: str) -> None:
    named = {"Bucket": "bodies", "Key": f"whole/{algorithm}"}
    member, body = f"Checksum{algorithm}", BODY[:1000]
    right, wrong = encoded(algorithm, body), encoded(algorithm, body[:-1])
    assert code_of(s3.put_object, **named, Body=body, **{member: wrong}) == "BadDigest"
    assert code_of(s3.head_object, **named) == "404"
    assert s3.put_object(**named, Body=body, **{member: right})[member] == right
    head = s3.head_object(**named, ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (right, "FULL_OBJECT")
    attributes = s3.get_object_attributes(**named, ObjectAttributes=["Checksum"])
    assert attributes["Checksum"][member] == right


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_checksums_of_parts_are_verified(s3: Any, algorithm: str, kind: str) -> None:
    named = {"Bucket": "bodies", "Key": f"parts/{algorithm}"}
    start = {**named, "ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    if (algorithm, kind) in IMPOSSIBLE:
        assert code_of(s3.create_multipart_upload, **start) == "InvalidRequest"
        return
    member, body = f"Checksum{algorithm}", BODY[:500]
    part = {**named, "UploadId": s3.create_multipart_upload(**start)["UploadId"], "PartNumber": 1, "Body": body}
    right, wrong = encoded(algorithm, body), encoded(algorithm, body + b".")
    assert code_of(s3.upload_part, **part, **{member: wrong}) == "BadDigest"
    told = s3.upload_part(**part, **{member: right})
    assert told[member] == right
    whole = right if kind == "FULL_OBJECT" else encoded(algorithm, ALGORITHMS[algorithm](body)) + "-1"
    done = {
        **named,
        "UploadId": part["UploadId"],
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": told["ETag"], member: right}]},
    }
    if kind == "FULL_OBJECT":
        assert code_of(s3.complete_multipart_upload, **done, **{member: wrong}) == "BadDigest"
    assert s3.complete_multipart_upload(**done)[member] == whole


class _Streaming(S3SigV4Auth):
    """A signer of bodies that are signed in chunks, or not at all."""

    kind = ""

    def payload(self, request: Any) -> str:
        return self.kind


def chunked(control: Control, kind: str, trailer: tuple[str, str], *, spoil: str = "") -> Answer:
    """PUT of BODY in two chunks with a trailer, as SDKs send it; `spoil` says what is wrong with it."""
    signer = _Streaming(Credentials(f"AKIA{HOME}ROOT", "secret"), "s3", "us-east-1")
    signer.kind = kind
    given = {
        "x-amz-decoded-content-length": str(len(BODY)),
        "content-encoding": "aws-chunked",
        "x-amz-trailer": trailer[0],
    }
    request = AWSRequest("PUT", f"{ENDPOINT}/bodies/chunked", headers=given)
    signer.add_auth(request)
    seed = request.headers["Authorization"].rpartition("Signature=")[2]
    signed = "UNSIGNED" not in kind
    line = f"{trailer[0]}:{trailer[1]}"
    chunks, previous = [], seed
    for data in (BODY[:8000], BODY[8000:], b""):
        previous = _chunk_signature(request, previous, data)
        shown = "0" * 64 if spoil == "chunk" and data else previous
        chunks.append(b"%x%s\r\n" % (len(data), f";chunk-signature={shown}".encode() if signed else b""))
        chunks.append(data + b"\r\n" if data else b"")
    chunks.append(f"{line}\r\n".encode())
    if signed:
        own = _trailer_signature(request, previous, f"{line}\n".encode())
        chunks.append(f"x-amz-trailer-signature:{'0' * 64 if spoil == 'trailer' else own}\r\n".encode())
    body = b"".join(chunks) + b"\r\n"
    return control.send("PUT", request.url, body, {**dict(request.headers), "host": urlsplit(request.url).netloc})


def _sign(request: AWSRequest, *lines: str) -> str:
    stamp = request.headers["X-Amz-Date"]
    key = b"AWS4secret"
    for part in (stamp[:8], "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    return hmac.digest(key, "\n".join([lines[0], stamp, scope, *lines[1:]]).encode(), "sha256").hex()


def _chunk_signature(request: AWSRequest, previous: str, data: bytes) -> str:
    nothing, sha256 = hashlib.sha256(b"").hexdigest(), hashlib.sha256(data).hexdigest()
    return _sign(request, "AWS4-HMAC-SHA256-PAYLOAD", previous, nothing, sha256)


def _trailer_signature(request: AWSRequest, previous: str, trailer: bytes) -> str:
    return _sign(request, "AWS4-HMAC-SHA256-TRAILER", previous, hashlib.sha256(trailer).hexdigest())


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA256"])
@pytest.mark.parametrize("kind", ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_chunks_with_trailers(control: Control, s3: Any, kind: str, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm.lower()}"
    answer = chunked(control, kind, (name, encoded(algorithm, BODY)))
    assert answer.status == 200, answer.body
    found = s3.get_object(Bucket="bodies", Key="chunked")
    assert (found["Body"].read(), found.get("ContentEncoding")) == (BODY, None)
    assert b"<Code>BadDigest<" in chunked(control, kind, (name, encoded(algorithm, b"other"))).body
    if "UNSIGNED" not in kind:
        for spoil in ("chunk", "trailer"):
            spoiled = chunked(control, kind, (name, encoded(algorithm, BODY)), spoil=spoil)
            assert (spoiled.status, b"<Code>SignatureDoesNotMatch<" in spoiled.body) == (403, True)
    assert not any((control.folder / "blobs" / "incoming").iterdir())


@pytest.mark.parametrize("versioned", [False, True])
def test_a_thousand_keys_go_in_one_call(control: Control, s3: Any, versioned: bool) -> None:
    bucket = f"thousand-{versioned}".lower()
    s3.create_bucket(Bucket=bucket)
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = [f"folder {number}/<&>'ü" for number in range(1001)]
    with control.database.write() as tx:
        found = buckets.get(tx, HOME, bucket)
        for key in keys:
            objects.put(tx, found, NewObject(key, 0, "d41d8cd98f00b204e9800998ecf8427e"), None, NOW)
    wanted = [{"Key": key} for key in keys]
    assert code_of(s3.delete_objects, Bucket=bucket, Delete={"Objects": wanted}) == "MalformedXML"
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted[:1000]})
    assert [entry["Key"] for entry in done["Deleted"]] == keys[:1000]
    assert "Errors" not in done
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys[1000:]
    markers = s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", [])
    assert (len(markers) > 0) == versioned


def test_what_is_not_served_says_so_by_name(s3: Any) -> None:
    s3.put_object(Bucket="bodies", Key="table.csv", Body=b"a,b")
    with pytest.raises(ClientError) as caught:
        s3.select_object_content(
            Bucket="bodies",
            Key="table.csv",
            ExpressionType="SQL",
            Expression="SELECT * FROM s3object",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )
    error = caught.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (501, "NotImplemented")
    assert "SelectObjectContent" in error["Error"]["Message"]


def test_access_lists_of_versions(control: Control, s3: Any) -> None:
    s3.create_bucket(Bucket="listed")
    s3.put_bucket_versioning(Bucket="listed", VersioningConfiguration={"Status": "Enabled"})
    old = {"Bucket": "listed", "Key": "k", "VersionId": s3.put_object(Bucket="listed", Key="k")["VersionId"]}
    s3.delete_object(Bucket="listed", Key="k")
    s3.put_object_acl(**old, ACL="private")
    assert s3.get_object_acl(**old)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert code_of(s3.put_object_acl, **old, ACL="public-read") == "AccessControlListNotSupported"
    assert code_of(s3.put_object_acl, Bucket="listed", Key="k", ACL="private") == "NoSuchKey"
    assert code_of(s3.put_object_acl, **{**old, "VersionId": "0" * 32}, ACL="private") == "NoSuchVersion"
    current = {"Effect": "Allow", "Action": ["s3:PutObjectAcl", "s3:ListBucket"], "Resource": "*"}
    control.add_user(HOME, "current", {"Version": "2012-10-17", "Statement": current})
    limited = control.client("AKIAcurrent")
    assert code_of(limited.put_object_acl, **old, ACL="private") == "AccessDenied"
    assert code_of(limited.put_object_acl, Bucket="listed", Key="k", ACL="private") == "NoSuchKey"
