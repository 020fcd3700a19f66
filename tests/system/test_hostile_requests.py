"""Requests that no client makes, signed like any other, through door and control: 4xx or an end of the connection, at
once, and the next request is answered. Bytes that are not even HTTP are in tests/door."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clary.wire.facts import FACTS
from tests.server import Server

SECONDS = 10
DEEP = 50_000


def signed(server: Server, service: str, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The bytes of a request whose signature is right."""
    installation = server.installation
    request = AWSRequest(method, f"{server.url}{target}", headers=dict(headers), data=body)
    if "x-amz-trailer" in headers:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}  # so the signer takes no hash
    credentials = Credentials(installation.access_key_id, installation.secret_access_key)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, installation.region).add_auth(request)
    named = {"Host": urlsplit(server.url).netloc, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in {**named, **dict(request.headers.items())}.items()]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode() + body


def answer(server: Server, data: bytes, *, close: bool = False) -> bytes:
    """All that comes back, within a time; the sending side is closed early when `close` is set."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=SECONDS) as connection:
        try:
            connection.sendall(data)
            if close:
                connection.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # refused before all was sent; the answer may still be there
        said = b""
        try:
            while piece := connection.recv(65_536):
                said += piece
        except ConnectionError:
            pass
    return said


def refused(server: Server, data: bytes, *, close: bool = False) -> bytes:
    begun = time.monotonic()
    said = answer(server, data, close=close)
    assert time.monotonic() - begun < SECONDS
    assert said.startswith(b"HTTP/1.1 4") or (close and not said), said[:500]
    assert said.count(b"HTTP/1.1 ") <= 1
    return said


def json_request(server: Server, body: bytes, operation: str = "DescribeModel", **headers: str) -> bytes:
    named = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1", **headers}
    return signed(server, "sagemaker", "POST", "/", body, named)


BODIES = {
    "the same name twice": (b'{"ModelName":"said-first","ModelName":"said-last"}', b"said-last"),
    "null for a name": (b'{"ModelName":null}', b"Member must not be null"),
    "null in a list": (b'{"ModelName":"no-such-model","Tags":[null]}', b""),
    "null in a map": (b'{"ModelName":"no-such-model","PrimaryContainer":{"Environment":{"a":null}}}', b""),
    "null for all": (b"null", b""),
    "not UTF-8": (b'{"ModelName":"\xff\xfe"}', b"SerializationException"),
    "UTF-16": ('{"ModelName":"no-such-model"}'.encode("utf-16"), b""),
    "a byte order mark": (b'\xef\xbb\xbf{"ModelName":"no-such-model"}', b""),
    "half a surrogate": (b'{"ModelName":"\\ud800"}', b"SerializationException"),
    "nested lists": (b'{"ModelName":' + b"[" * DEEP + b"]" * DEEP + b"}", b"SerializationException"),
    "nested maps": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"SerializationException"),
    "a number without end": (b'{"ModelName":' + b"9" * 100_000 + b"}", b"SerializationException"),
    "a power": (b'{"MaxResults":1e999999999}', b""),
    "compressed": (gzip.compress(b'{"ModelName":"no-such-model"}'), b""),
    "too large": (b" " * (FACTS["sagemaker"].most_body + 1), b"RequestEntityTooLargeException"),
}


@pytest.mark.parametrize("name", BODIES)
def test_json_bodies(server: Server, name: str) -> None:
    body, expected = BODIES[name]
    operation = "CreateModel" if b"Tags" in body or b"Environment" in body else "DescribeModel"
    operation = "ListModels" if b"MaxResults" in body else operation
    assert expected in refused(server, json_request(server, body, operation))


@pytest.mark.parametrize(
    "target", ["SageMaker.", "SageMaker.__class__", ".", "SageMaker.ListModels.x", "x" * 5000, "SageMaker.listmodels"]
)
def test_names_of_no_operation(server: Server, target: str) -> None:
    refused(server, json_request(server, b"{}", **{"X-Amz-Target": target}))


XML = {
    "nested": b"<Delete>" + b"<a>" * DEEP + b"</a>" * DEEP + b"</Delete>",
    "entities": b'<!DOCTYPE d [<!ENTITY a "' + b"x" * 1000 + b'">]><Delete>' + b"&a;" * 10_000 + b"</Delete>",
    "a file": b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Quiet>&a;</Quiet></Delete>',
    "not UTF-8": b"<Delete><Object><Key>\xff</Key></Object></Delete>",
    "attributes": b"<Delete " + b" ".join(b'a%d="x"' % number for number in range(50_000)) + b"/>",
}


@pytest.mark.parametrize("name", XML)
def test_xml_bodies(server: Server, name: str) -> None:
    server.client("s3").create_bucket(Bucket="hostile")
    said = refused(server, signed(server, "s3", "POST", "/hostile?delete", XML[name], {}))
    assert b"MalformedXML" in said
    assert b"root:" not in said


FORMS = {
    "many names": b"&".join(b"a%d=1" % number for number in range(100_000)),
    "a high index": b"PolicyArns.member.999999999.arn=a&RoleName=x",
    "deep names": b"RoleName" + b".member.1" * 10_000 + b"=1",
    "broken escapes": b"RoleName=%zz%&%=%ff",
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(server: Server, name: str) -> None:
    body = b"Action=GetRole&Version=2010-05-08&" + FORMS[name]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(server, signed(server, "iam", "POST", "/", body, form))


TARGETS = [
    "/hostile/%ff",
    "/hostile/%00",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/hostile/%",
    "/hostile?uploadId=%ff&partNumber=-1",
]


@pytest.mark.parametrize("target", TARGETS)
def test_targets(server: Server, target: str) -> None:
    refused(server, signed(server, "s3", "GET", target, b"", {}))


CHUNKS = {
    "no size": b"x\r\nabc\r\n0\r\n\r\n",
    "a huge size": b"ffffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size without end": b"3" * 5000,
    "less than declared": b"2\r\nab\r\n0\r\n\r\n",
    "more than declared": b"4\r\nabcd\r\n0\r\n\r\n",
    "no last chunk": b"3\r\nabc\r\n",
    "a chunk without its end": b"3\r\nabcXX0\r\n\r\n",
    "something behind the end": b"3\r\nabc\r\n0\r\n\r\nmore",
    "a trailer that was not announced": b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_inside_a_body(server: Server, name: str) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="hostile")
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": "3",
        "x-amz-trailer": "x-amz-checksum-sha256",
    }
    refused(server, signed(server, "s3", "PUT", "/hostile/chunks", CHUNKS[name], headers))
    assert "Contents" not in s3.list_objects_v2(Bucket="hostile", Prefix="chunks")


def test_a_body_that_ends_early_stores_nothing(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="hostile")
    whole = signed(server, "s3", "PUT", "/hostile/short", b"x" * 1000, {})
    refused(server, whole[:-500], close=True)
    refused(server, json_request(server, b'{"ModelName":"no-such-model"}')[:-5], close=True)
    assert "Contents" not in s3.list_objects_v2(Bucket="hostile", Prefix="short")


def test_header_values_that_are_no_text(server: Server) -> None:
    server.client("s3").create_bucket(Bucket="hostile")
    plain = signed(server, "s3", "PUT", "/hostile/meta", b"x", {"x-amz-meta-a": "VALUE"})
    for value in (b"\xff\xfe", b"\x80", b"\xc3\xa9"):
        refused(server, plain.replace(b"VALUE", value))  # the signature was of another value


def test_what_comes_behind_a_body_is_no_part_of_it(server: Server) -> None:
    """A request with more bytes than it declares is answered; the rest is another request, and no good one."""
    data = json_request(server, b"{}", "ListModels").replace(b"Connection: close\r\n", b"")
    said = answer(server, data + b"{}\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 400 " in said
    assert json.loads(said.split(b"\r\n\r\n")[1].partition(b"HTTP/1.1")[0]).keys() >= {"Models"}
