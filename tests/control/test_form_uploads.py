"""Form uploads as boto3 signs them and browsers send them, in process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import pytest

from tests.control.in_process import ENDPOINT, HOME, Answer, Control

BOUNDARY = "----form7MA4YWxk"
TYPE = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(fields: dict[str, str], file: bytes | None, file_name: str = "C:\\photos\\cat 1.png") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if file is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + file + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def code(answer: Answer) -> str:
    return re.search(rb"<Code>(\w+)</Code>", answer.body)[1].decode()  # type: ignore[index]  # errors have one


@pytest.fixture(scope="module")
def s3(control: Control) -> Any:
    client = control.client(signature_version="s3v4")
    client.create_bucket(Bucket="forms")
    return client


def signed(s3: Any, key: str = "k", conditions: list[Any] | None = None, **fields: str) -> dict[str, str]:
    given = {name.replace("_", "-") if name.startswith(("x_", "Content")) else name: v for name, v in fields.items()}
    wanted = [{name: value} for name, value in given.items()] if conditions is None else conditions
    made: dict[str, str] = s3.generate_presigned_post("forms", key, given, wanted, ExpiresIn=60)["fields"]
    return made


def post(control: Control, fields: dict[str, str], file: bytes | None = b"bytes", **named: Any) -> Answer:
    return control.send("POST", f"{ENDPOINT}/forms", form(fields, file, **named), TYPE)


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_form_becomes_an_object(control: Control, s3: Any, version: str) -> None:
    signer = control.client(signature_version=version)
    fields = (
        signed(
            signer, "up/${filename}", Content_Type="image/png", x_amz_meta_of="ünï", acl="private", Cache_Control="no"
        )
        if version == "s3v4"
        else signed(signer, "up/${filename}", Content_Type="image/png", x_amz_meta_of="ünï")
    )
    answer = post(control, fields, b"\r\n--not the end" * 99)
    assert (answer.status, answer.body) == (204, b"")
    found = s3.get_object(Bucket="forms", Key="up/cat 1.png")
    assert found["Body"].read() == b"\r\n--not the end" * 99
    assert (found["ContentType"], answer.headers["etag"]) == ("image/png", found["ETag"])
    assert "of" in found["Metadata"]
    assert answer.headers["location"] == f"{ENDPOINT}/forms/up/cat%201.png"


def test_answers_of_every_kind(control: Control, s3: Any) -> None:
    assert post(control, signed(s3, success_action_status="200")).status == 200
    created = post(control, signed(s3, "a&b", success_action_status="201"))
    assert created.status == 201
    assert b"<Bucket>forms</Bucket><Key>a&amp;b</Key><ETag>" in created.body
    sent_on = post(control, signed(s3, success_action_redirect="https://app.example.org/done?x=1"))
    assert sent_on.status == 303
    assert sent_on.headers["location"].startswith("https://app.example.org/done?x=1&bucket=forms&key=k&etag=%22")
    assert post(control, signed(s3, success_action_redirect="javascript:alert(1)")).status == 204


def test_tags_and_checksums(control: Control, s3: Any) -> None:
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>1&amp;2</Value></Tag></TagSet></Tagging>"
    assert post(control, signed(s3, "tagged", tagging=tagging)).status == 204
    assert s3.get_object_tagging(Bucket="forms", Key="tagged")["TagSet"] == [{"Key": "a", "Value": "1&2"}]
    wrong = {"x_amz_checksum_algorithm": "SHA1", "x_amz_checksum_sha1": base64.b64encode(b"0" * 20).decode()}
    assert code(post(control, signed(s3, **wrong))) == "BadDigest"


def test_sizes_are_held_while_the_file_comes(control: Control, s3: Any) -> None:
    fields = signed(s3, "sized", [["content-length-range", 4, 1_000_000]])
    assert post(control, fields, b"x" * 4).status == 204
    assert code(post(control, fields, b"x" * 3)) == "EntityTooSmall"
    head = form(fields, b"")[: -len(f"\r\n--{BOUNDARY}--\r\n")]
    unread = [head, *[b"x" * 500_000] * 20]
    answer = control.send_pieces("POST", f"{ENDPOINT}/forms", unread, TYPE)
    assert code(answer) == "EntityTooLarge"
    assert not any((control.folder / "blobs" / "incoming").iterdir())


@pytest.mark.parametrize(
    ("key", "conditions", "changes", "expected", "text"),
    [
        ("k", [], {"key": "other"}, "AccessDenied", 'Policy Condition failed: ["eq", "$key", "k"]'),
        ("in/${filename}", [], {"key": "out/x"}, "AccessDenied", '["starts-with", "$key", "in/"]'),
        ("k", [], {"x-amz-meta-more": "1"}, "AccessDenied", "Extra input fields: x-amz-meta-more"),
        ("k", [], {"success_action_status": "201"}, "AccessDenied", "Extra input fields"),
        ("k", [["eq", "$x-amz-meta-a", "1"]], {}, "AccessDenied", "Policy Condition failed"),
        (
            "k",
            [["starts-with", "$Content-Type", "image/"]],
            {"Content-Type": "image/png,text/html"},
            "AccessDenied",
            "",
        ),
        ("k", [["gt", "$key", "a"]], {}, "InvalidPolicyDocument", "Invalid Condition"),
        ("k", [["content-length-range", "a", 4]], {}, "InvalidPolicyDocument", "content-length-range"),
        ("k", [{"acl": 1}], {}, "InvalidPolicyDocument", "must be a string"),
        ("k", [], {"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch", ""),
        ("k", [], {"x-amz-credential": "AKIAX/20260101/us-east-1/sqs/aws4_request"}, "InvalidArgument", ""),
        ("k", [], {"x-amz-signature": ""}, "InvalidArgument", "x-amz-signature"),
        ("k", [], {"key": ""}, "InvalidArgument", "named 'key'"),
        ("k", [["starts-with", "$acl", ""]], {"acl": "public-read"}, "AccessControlListNotSupported", ""),
        ("k", [["starts-with", "$Content-Type", ""]], {"Content-Type": "a\r\nSet-Cookie: b"}, "InvalidArgument", ""),
        ("k", [["starts-with", "$x-amz-meta-a b", ""]], {"x-amz-meta-a b": "1"}, "InvalidArgument", ""),
        ("k", [], {"x-ignore-this": "y" * 30_000}, "MaxPostPreDataLengthExceeded", ""),
    ],
)
def test_what_the_policy_does_not_say_is_refused(
    control: Control, s3: Any, key: str, conditions: list[Any], changes: dict[str, str], expected: str, text: str
) -> None:
    answer = post(control, {**signed(s3, key, conditions), **changes})
    assert code(answer) == expected, answer.body
    assert text in answer.body.decode().replace("&quot;", '"')
    assert not any((control.folder / "blobs" / "incoming").iterdir())


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (b"{", "InvalidPolicyDocument"),
        (b"[]", "InvalidPolicyDocument"),
        (b'{"conditions": []}', "InvalidPolicyDocument"),
        (b'{"expiration": "soon", "conditions": []}', "InvalidPolicyDocument"),
        (b'{"expiration": "2999-01-01T00:00:00Z"}', "InvalidPolicyDocument"),
        (b"[" * 9000, "InvalidPolicyDocument"),
        (b'{"expiration": "2001-01-01T00:00:00.000Z", "conditions": []}', "AccessDenied"),
        (json.dumps({"expiration": "2999-01-01T00:00:00Z", "conditions": [{"key": "k"}]}).encode(), "AccessDenied"),
    ],
)
def test_policies_that_say_nothing_usable(control: Control, policy: bytes, expected: str) -> None:
    fields = {"awsaccesskeyid": f"AKIA{HOME}ROOT", "key": "k", "policy": base64.b64encode(policy).decode()}
    assert code(post(control, {**fields, "signature": sign_old(fields["policy"])})) == expected


def sign_old(policy: str) -> str:
    return base64.b64encode(hmac.digest(b"secret", policy.encode(), hashlib.sha1)).decode()


def test_forms_that_are_none(control: Control, s3: Any) -> None:
    fields = signed(s3)
    whole = form(fields, b"bytes")
    assert code(post(control, fields, None)) == "IncorrectNumberOfFilesInPostRequest"
    for broken in (whole[:-20], whole[:60], b"", b"--", whole.replace(b"form-data; name", b"form-data; no", 1)):
        assert code(control.send("POST", f"{ENDPOINT}/forms", broken, TYPE)) == "MalformedPOSTRequest"
    twice = form(fields, None)[: -len(f"--{BOUNDARY}--\r\n")] + whole
    assert code(control.send("POST", f"{ENDPOINT}/forms", twice, TYPE)) == "MalformedPOSTRequest"
    assert code(control.send("POST", f"{ENDPOINT}/forms", whole, {"content-type": "multipart/form-data"})) == (
        "MalformedPOSTRequest"
    )


def test_a_form_in_single_bytes(control: Control, s3: Any) -> None:
    body = form(signed(s3, "slow"), b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r")
    pieces = [body[place : place + 1] for place in range(len(body))]
    assert control.send_pieces("POST", f"{ENDPOINT}/forms", pieces, TYPE).status == 204
    assert s3.get_object(Bucket="forms", Key="slow")["Body"].read() == b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r"


def test_without_a_signature_nobody_may(control: Control) -> None:
    assert code(post(control, {"key": "k"})) == "AccessDenied"
    assert code(post(control, {"key": "k", "policy": "e30="})) == "InvalidArgument"
