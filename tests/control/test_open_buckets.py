"""Buckets and callers that are not of their account: other accounts, and nobody at all."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.control.in_process import ENDPOINT, HOME, OTHER, Control

EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


@pytest.fixture(scope="module")
def owner(control: Control) -> Any:
    return control.client()


@pytest.fixture
def bucket(owner: Any, request: Any) -> str:
    """A bucket with one object, whose public access is not blocked."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    owner.create_bucket(Bucket=name)
    owner.delete_public_access_block(Bucket=name)
    owner.put_object(Bucket=name, Key="open/k", Body=b"bytes")
    owner.put_object(Bucket=name, Key="closed/k", Body=b"secret")
    return name


def policy(owner: Any, bucket: str, *statements: dict[str, Any]) -> None:
    owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def allow(bucket: str, principal: Any, *actions: str, path: str = "/open/*", **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}{path}"
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": arn, **more}


def test_across_accounts_both_sides_must_allow(control: Control, owner: Any, bucket: str) -> None:
    may = control.add_user(OTHER, "may", EVERYTHING)
    may_not = control.add_user(OTHER, "maynot")
    theirs, powerless, root = (control.client(key) for key in ("AKIAmay", "AKIAmaynot", f"AKIA{OTHER}ROOT"))
    wanted = {"Bucket": bucket, "Key": "open/k"}
    for client in (theirs, powerless, root):
        assert code_of(client.get_object, **wanted) == "AccessDenied"
        assert code_of(client.list_objects_v2, Bucket=bucket) == "AccessDenied"
        assert code_of(client.head_bucket, Bucket=bucket) == "403"
    policy(owner, bucket, allow(bucket, {"AWS": [may, may_not, OTHER]}, "s3:GetObject", "s3:PutObject"))
    for client in (theirs, root):
        assert client.get_object(**wanted)["Body"].read() == b"bytes"
        assert code_of(client.get_object, Bucket=bucket, Key="closed/k") == "AccessDenied"
        assert code_of(client.delete_object, **wanted) == "AccessDenied"
        assert code_of(client.get_bucket_policy, Bucket=bucket) == "AccessDenied"
    assert code_of(powerless.get_object, **wanted) == "AccessDenied"
    theirs.put_object(Bucket=bucket, Key="open/theirs", Body=b"x")
    assert owner.get_object(Bucket=bucket, Key="open/theirs")["Body"].read() == b"x"
    assert code_of(theirs.put_object, Bucket=bucket, Key="open/t", Body=b"x", Tagging="a=1") == "AccessDenied"
    assert code_of(theirs.get_object, **wanted, ExpectedBucketOwner=OTHER) == "AccessDenied"
    owner.delete_bucket_policy(Bucket=bucket)
    assert code_of(theirs.get_object, **wanted) == "AccessDenied"


def test_copies_between_accounts(control: Control, owner: Any, bucket: str) -> None:
    theirs = control.client(f"AKIA{OTHER}ROOT")
    theirs.create_bucket(Bucket="of-the-other")
    copy = {"Bucket": "of-the-other", "Key": "k", "CopySource": f"{bucket}/open/k"}
    assert code_of(theirs.copy_object, **copy) == "AccessDenied"
    policy(owner, bucket, allow(bucket, {"AWS": OTHER}, "s3:GetObject"))
    theirs.copy_object(**copy)
    assert theirs.get_object(Bucket="of-the-other", Key="k")["Body"].read() == b"bytes"
    assert code_of(theirs.copy_object, **{**copy, "CopySource": f"{bucket}/closed/k"}) == "AccessDenied"


def test_uploads_in_parts_by_another_account(control: Control, owner: Any, bucket: str) -> None:
    theirs = control.client(f"AKIA{OTHER}ROOT")
    policy(
        owner,
        bucket,
        allow(bucket, {"AWS": OTHER}, "s3:PutObject", "s3:ListMultipartUploadParts"),
        allow(bucket, {"AWS": OTHER}, "s3:ListBucket", path=""),
    )
    named = {"Bucket": bucket, "Key": "open/parts"}
    upload = theirs.create_multipart_upload(**named)["UploadId"]
    part = theirs.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"part")
    assert theirs.list_parts(**named, UploadId=upload)["Owner"]["DisplayName"] == HOME
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    theirs.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    listed = theirs.list_objects(Bucket=bucket, Prefix="open/")["Contents"]
    assert {entry["Owner"]["DisplayName"] for entry in listed} == {HOME}


def test_nobody_reads_what_a_policy_opens(control: Control, owner: Any, bucket: str) -> None:
    link = f"{ENDPOINT}/{bucket}/open/k"
    assert control.send("GET", link).status == 403
    policy(owner, bucket, allow(bucket, "*", "s3:GetObject"))
    found = control.send("GET", link)
    assert (found.status, found.body) == (200, b"bytes")
    assert control.send("HEAD", link).status == 200
    assert control.send("GET", f"{ENDPOINT}/{bucket}/closed/k").status == 403
    refused = control.send("GET", f"{ENDPOINT}/{bucket}/open/missing")  # who may not list learns nothing of names
    assert (refused.status, b"<Code>AccessDenied</Code><Message>Access Denied<" in refused.body) == (403, True)
    assert b"<Code>InvalidRequest<" in control.send("GET", f"{link}?response-content-type=text/html").body
    assert b"<Code>NoSuchBucket<" in control.send("GET", f"{ENDPOINT}/there-is-none/k").body
    for method, where in (("GET", ""), ("GET", bucket), ("PUT", "nobodys"), ("DELETE", f"{bucket}/open/k")):
        assert control.send(method, f"{ENDPOINT}/{where}").status == 403, (method, where)
    nobody = control.client(signature_version=UNSIGNED)
    assert nobody.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"bytes"
    assert code_of(nobody.list_buckets) == "AccessDenied"


def test_nobody_writes_but_where_a_policy_says_so(control: Control, owner: Any, bucket: str) -> None:
    nobody = control.client(signature_version=UNSIGNED)
    for key in ("open/new", "closed/new"):
        assert code_of(nobody.put_object, Bucket=bucket, Key=key, Body=b"x") == "AccessDenied"
    address = {"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}}
    policy(owner, bucket, allow(bucket, "*", "s3:PutObject", Condition=address))
    nobody.put_object(Bucket=bucket, Key="open/new", Body=b"x")
    assert code_of(nobody.put_object, Bucket=bucket, Key="closed/new", Body=b"x") == "AccessDenied"
    assert code_of(nobody.get_object, Bucket=bucket, Key="open/new") == "AccessDenied"
    body = (b"--b\r\nContent-Disposition: form-data; name=key\r\n\r\n%s\r\n--b\r\n"
            b"Content-Disposition: form-data; name=file\r\n\r\nfile\r\n--b--")  # fmt: skip
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert control.send("POST", f"{ENDPOINT}/{bucket}", body % b"open/form", kind).status == 204
    assert control.send("POST", f"{ENDPOINT}/{bucket}", body % b"closed/form", kind).status == 403
    assert not any((control.folder / "blobs" / "incoming").iterdir())
    trailer = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "3",
               "x-amz-trailer": "x-amz-checksum-crc32"}  # fmt: skip
    chunks = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n"
    assert control.send("PUT", f"{ENDPOINT}/{bucket}/open/chunks", chunks, trailer).status == 200
    assert owner.get_object(Bucket=bucket, Key="open/chunks")["Body"].read() == b"abc"


@pytest.mark.parametrize("lifted", [True, False])
def test_blocked_public_access_wins_over_the_policy(control: Control, owner: Any, bucket: str, lifted: bool) -> None:
    named = control.add_user(HOME, "athome")
    policy(owner, bucket, allow(bucket, "*", "s3:GetObject"), allow(bucket, {"AWS": named}, "s3:GetObject"))
    blocks = {"RestrictPublicBuckets": not lifted}
    owner.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks)
    stranger, own = control.client(f"AKIA{OTHER}ROOT"), control.client("AKIAathome")
    assert control.send("GET", f"{ENDPOINT}/{bucket}/open/k").status == (200 if lifted else 403)
    assert own.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"bytes"
    if lifted:
        assert stranger.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"bytes"
    else:
        assert code_of(stranger.get_object, Bucket=bucket, Key="open/k") == "AccessDenied"


def test_what_bears_on_a_bucket_is_read_once(
    control: Control, owner: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(owner, bucket, allow(bucket, "*", "s3:GetObject"))
    reads: list[str] = []
    load = control.database.facts.get

    def counted(name: Any, loading: Any) -> Any:
        return load(name, lambda: (reads.append(str(name)), loading())[1])

    monkeypatch.setattr(control.database.facts, "get", counted)
    for _ in range(3):
        assert control.send("GET", f"{ENDPOINT}/{bucket}/open/k").status == 200
    assert len(reads) == 1
    owner.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    assert len(reads) == 1
    owner.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert control.send("GET", f"{ENDPOINT}/{bucket}/open/k").status == 403
    assert len(reads) == 2


def test_a_name_that_changes_hands_takes_its_policy_along(control: Control, owner: Any) -> None:
    theirs = control.client(f"AKIA{OTHER}ROOT")
    assert code_of(theirs.head_bucket, Bucket="wandering") == "404"
    owner.create_bucket(Bucket="wandering")
    assert code_of(theirs.head_bucket, Bucket="wandering") == "403"
    owner.delete_bucket(Bucket="wandering")
    theirs.create_bucket(Bucket="wandering")
    theirs.head_bucket(Bucket="wandering")
    assert code_of(owner.head_bucket, Bucket="wandering") == "403"
