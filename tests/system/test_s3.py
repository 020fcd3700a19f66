"""S3 as people use it, through boto3 and plain HTTP against a real server."""

from __future__ import annotations

import io
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from urllib3 import encode_multipart_formdata

from tests.server import Server


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def send(method: str, url: str, body: bytes = b"", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return URLLib3Session().send(AWSRequest(method, url, data=body, headers=named).prepare())


def test_versions_come_back_and_a_bucket_is_emptied_page_by_page(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="versions", Key="k", Body=b"one", Tagging="a=1")["VersionId"]
    s3.put_object(Bucket="versions", Key="k", Body=b"two")
    marker = s3.delete_object(Bucket="versions", Key="k")
    assert marker["DeleteMarker"]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="versions", Key="k")
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert code_of(s3.head_object, Bucket="versions", Key="k", VersionId=marker["VersionId"]) == "405"
    assert s3.get_object(Bucket="versions", Key="k", VersionId=first)["Body"].read() == b"one"
    assert s3.get_object_tagging(Bucket="versions", Key="k", VersionId=first)["TagSet"] == [
        {"Key": "a", "Value": "1"}
    ]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket="versions", PaginationConfig={"PageSize": 2})
    found = [entry for page in pages for name in ("Versions", "DeleteMarkers") for entry in page.get(name, [])]
    assert sorted(entry["IsLatest"] for entry in found) == [False, False, True]
    gone = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
    s3.delete_objects(Bucket="versions", Delete={"Objects": gone, "Quiet": True})
    s3.delete_bucket(Bucket="versions")


def test_bucket_policies_deny_and_allow(server: Server) -> None:
    owner = server.client("s3")
    owner.create_bucket(Bucket="policed")
    for key in ("open", "closed"):
        owner.put_object(Bucket="policed", Key=key, Body=b"x")
    iam = server.client("iam")
    user = iam.create_user(UserName="reader-of-policed")["User"]["Arn"]
    key = iam.create_access_key(UserName="reader-of-policed")["AccessKey"]
    reader = server.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert code_of(reader.get_object, Bucket="policed", Key="open") == "AccessDenied"
    principal = {"Principal": {"AWS": user}}
    allow = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::policed/*", **principal}
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::policed/closed", **principal}
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::policed", **principal}
    policy = {"Version": "2012-10-17", "Statement": [allow, deny, listing]}
    owner.put_bucket_policy(Bucket="policed", Policy=json.dumps(policy))
    assert reader.get_object(Bucket="policed", Key="open")["Body"].read() == b"x"
    assert code_of(reader.get_object, Bucket="policed", Key="closed") == "AccessDenied"
    assert code_of(reader.put_object, Bucket="policed", Key="open", Body=b"y") == "AccessDenied"
    assert reader.list_objects_v2(Bucket="policed")["KeyCount"] == 2


def test_settings_cross_the_wire(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="settings")
    tags = [{"Key": "team", "Value": "a&b"}]
    s3.put_bucket_tagging(Bucket="settings", Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket="settings")["TagSet"] == tags
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket="settings", LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket="settings")["Rules"] == [rule]
    assert s3.get_bucket_acl(Bucket="settings")["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert s3.get_public_access_block(Bucket="settings")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]
    assert s3.get_bucket_encryption(Bucket="settings")["ServerSideEncryptionConfiguration"]["Rules"]
    assert s3.get_bucket_ownership_controls(Bucket="settings")["OwnershipControls"]["Rules"]
    assert code_of(s3.get_bucket_website, Bucket="settings") == "NoSuchWebsiteConfiguration"
    website = {"IndexDocument": {"Suffix": "index.html"}}
    assert code_of(s3.put_bucket_website, Bucket="settings", WebsiteConfiguration=website) == "NotImplemented"


def test_browsers_of_other_origins(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="browsed")
    s3.put_object(Bucket="browsed", Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", {"Bucket": "browsed", "Key": "k"})
    plain = url.partition("?")[0]
    asked = {"Origin": "https://app.example.org", "Access_Control_Request_Method": "GET"}
    assert send("OPTIONS", plain, **asked).status_code == 403
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.org"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket="browsed", CORSConfiguration={"CORSRules": [rule]})
    preflight = send("OPTIONS", plain, **asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, asked["Origin"])
    answer = send("GET", url, Origin="https://app.example.org")
    assert (answer.content, answer.headers["access-control-expose-headers"]) == (b"x", "ETag")
    assert "access-control-allow-origin" not in send("GET", url, Origin="https://elsewhere.test").headers
    assert send("OPTIONS", plain, Origin="https://app.example.org").status_code == 400


def test_presigned_links_read_and_write(server: Server) -> None:
    s3 = server.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="linked")
    put = s3.generate_presigned_url("put_object", {"Bucket": "linked", "Key": "a b/ü+%.txt"}, ExpiresIn=60)
    assert send("PUT", put, b"by link").status_code == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": "linked", "Key": "a b/ü+%.txt"}, ExpiresIn=60)
    assert send("GET", get).content == b"by link"
    assert send("GET", get.replace("linked/a", "linked/b")).status_code == 403
    assert send("PUT", get, b"x").status_code == 403


def test_a_form_upload_by_a_browser(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="posted")
    made = s3.generate_presigned_post("posted", "in/${filename}", Conditions=[["content-length-range", 0, 2_000_000]])
    body, kind = encode_multipart_formdata({**made["fields"], "file": ("a.bin", b"x" * 2_000_000)})
    assert send("POST", made["url"], body, Content_Type=kind).status_code == 204
    assert s3.head_object(Bucket="posted", Key="in/a.bin")["ContentLength"] == 2_000_000
    body, kind = encode_multipart_formdata({**made["fields"], "file": ("b.bin", b"x" * 2_000_001)})
    refused = send("POST", made["url"], body, Content_Type=kind)
    assert (refused.status_code, b"<Code>EntityTooLarge</Code>" in refused.content) == (400, True)


def test_a_body_that_waits_to_be_asked_for(server: Server) -> None:
    s3 = server.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="expected")
    link = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": "expected", "Key": "k"}))
    head = f"PUT {link.path}?{link.query} HTTP/1.1\r\nHost: {link.netloc}\r\nContent-Length: 5\r\n"
    with socket.create_connection((link.hostname or "", link.port or 0), timeout=30) as connection:
        connection.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        reader = connection.makefile("rb")
        assert reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert reader.readline() == b"\r\n"
        connection.sendall(b"bytes")
        assert reader.readline().startswith(b"HTTP/1.1 200")
    assert s3.get_object(Bucket="expected", Key="k")["Body"].read() == b"bytes"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_of_objects_and_parts(server: Server, algorithm: str) -> None:
    s3 = server.client("s3")
    bucket = f"sums-{algorithm.lower()}"
    s3.create_bucket(Bucket=bucket)
    put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(b"bytes"), ChecksumAlgorithm=algorithm)
    named = f"Checksum{algorithm}"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[named], head["ChecksumType"]) == (put[named], "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == b"bytes"
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize"])
    assert (attributes["Checksum"][named], attributes["ObjectSize"]) == (put[named], 5)
    assert code_of(s3.put_object, Bucket=bucket, Key="bad", Body=b"bytes", **{named: head[named][:-2] + "A="}) in (
        "BadDigest",
        "InvalidRequest",
    )


KEYS = [
    "a+b",
    "100%",
    "%2e%2e",
    "//double//",
    "../up",
    "./here",
    "ü/名前",
    "a?b#c",
    "x" * 1024,
    "é" * 512,
    "tail/",
    " ",
]


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_keys_of_every_kind_in_both_styles(server: Server, style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def resolve_below_localhost(host: Any, *arguments: Any, **named: Any) -> Any:
        """Not every system knows names below localhost."""
        below = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_below_localhost)
    port = server.url.rpartition(":")[2]
    config = Config(s3={"addressing_style": style})
    s3 = server.client("s3", config=config, endpoint_url=f"http://localhost:{port}")
    bucket = f"keys-{style}"
    s3.create_bucket(Bucket=bucket)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]} == set(KEYS)
    assert code_of(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == "KeyTooLongError"
    assert code_of(s3.put_object, Bucket=bucket, Key="100%", Body=b"", IfNoneMatch="*") == "PreconditionFailed"
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    assert code_of(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-0") == "InvalidRange"
    assert s3.get_object(Bucket=bucket, Key="a+b", Range="bytes=-2")["Body"].read() == b"+b"
    assert code_of(s3.restore_object, Bucket=bucket, Key="a+b", RestoreRequest={"Days": 1}) == "NotImplemented"
