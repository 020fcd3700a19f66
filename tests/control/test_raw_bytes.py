"""Requests with bytes beyond ASCII where text is meant to be: signatures hold over them, and nothing breaks."""

from __future__ import annotations

from email.header import decode_header
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.control.in_process import ENDPOINT, HOME, Answer, Control

CREDENTIALS = Credentials(f"AKIA{HOME}ROOT", "secret")
BAD = "a\udcff"  # a byte that is not UTF-8


@pytest.fixture(scope="module")
def s3(control: Control) -> Any:
    client = control.client()
    client.create_bucket(Bucket="raw")
    return client


def send(control: Control, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    """A request of S3, signed over the values as they are."""
    request = AWSRequest(method, ENDPOINT + path, headers=headers, data=body)
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    return control.send(
        method, request.url, body, {**dict(request.headers.items()), "host": urlsplit(request.url).netloc}
    )


def test_metadata_beyond_ascii_comes_back_as_from_s3(control: Control, s3: Any) -> None:
    answer = send(control, "PUT", "/raw/k", {"x-amz-meta-name": "zoë ☃", "x-amz-meta-plain": "zoe"}, b"x")
    assert answer.status == 200, answer.body
    found = s3.head_object(Bucket="raw", Key="k")["Metadata"]
    assert found["plain"] == "zoe"
    [(content, encoding)] = decode_header(found["name"])
    assert content.decode(encoding) == "zoë ☃"


@pytest.mark.parametrize("name", ["user-agent", "content-type", "referer", "x-amz-acl", "origin", "x-amz-tagging"])
def test_headers_that_are_no_text(control: Control, s3: Any, name: str) -> None:
    plain = {"x-amz-copy-source": "raw/k"} if name == "referer" else {}
    unsigned = control.send("PUT", f"{ENDPOINT}/raw/bad", b"x", {name: BAD})
    assert unsigned.status == 403
    request = AWSRequest("PUT", f"{ENDPOINT}/raw/bad", headers=plain, data=b"")
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    answer = control.send("PUT", request.url, b"", {**dict(request.headers.items()), "host": "localhost", name: BAD})
    assert answer.status < 500, answer.body


@pytest.mark.parametrize("path", [f"/raw/{BAD}", f"/{BAD}", f"/raw?prefix={BAD}", f"/raw/k?{BAD}", "/raw/%FF"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "POST", "OPTIONS"])
def test_addresses_that_are_no_text(control: Control, s3: Any, method: str, path: str) -> None:
    anonymous = control.send(method, ENDPOINT + path, b"", {"origin": "http://a"})
    older = control.send(
        method, f"{ENDPOINT}{path}{'&' if '?' in path else '?'}AWSAccessKeyId=AKIA{HOME}ROOT&Signature=a&Expires=99"
    )
    for answer in (anonymous, older):
        assert 400 <= answer.status < 500, answer.body


@pytest.mark.parametrize("service", ["sts", "sagemaker"])
def test_forms_and_documents_that_are_no_text(control: Control, service: str) -> None:
    body = b"\xff=\xff"
    request = AWSRequest("POST", f"{ENDPOINT}/", headers={"content-type": "text/plain"}, data=body)
    if service == "sagemaker":
        request.headers["x-amz-target"] = "SageMaker.ListModels"
    SigV4Auth(CREDENTIALS, service, "us-east-1").add_auth(request)
    named = {**dict(request.headers.items()), "host": "localhost"}
    assert control.send("POST", f"{ENDPOINT}/", body, named).status == 400
    for name in ("x-amz-target", "content-type", "authorization", "x-amz-date", "x-amz-security-token"):
        assert 400 <= control.send("POST", f"{ENDPOINT}/", body, {**named, name: BAD}).status < 500
