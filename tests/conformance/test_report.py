from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance import signatures
from tests.conformance.exceptions import EXCEPTIONS
from tests.conformance.report import Tally, tallies
from tests.wire.signing import sign

SUITE: dict[str, Any] = {
    "description": "Shelves",
    "metadata": {"protocol": "json", "targetPrefix": "Shop", "jsonVersion": "1.1", "apiVersion": "2026-01-01"},
    "shapes": {
        "Shelf": {
            "type": "structure",
            "members": {
                "Name": {"shape": "Text"},
                "Made": {"shape": "Moment"},
                "Paint": {"shape": "Bytes"},
                "Load": {"shape": "Number"},
                "Token": {"shape": "Text", "idempotencyToken": True},
            },
        },
        "Full": {"type": "structure", "exception": True, "members": {"message": {"shape": "Text"}}},
        "Text": {"type": "string"},
        "Moment": {"type": "timestamp"},
        "Bytes": {"type": "blob"},
        "Number": {"type": "double"},
    },
}
VALUES = {"Name": "left", "Made": 1576540098, "Paint": "red", "Load": "NaN"}
BODY = '{"Name": "left", "Made": 1576540098, "Paint": "cmVk", "Load": "NaN"}'


def request_case(name: str, **other: Any) -> dict[str, Any]:
    given = {"name": "PutShelf", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "Shelf"}}
    sent = {"uri": "/", "headers": {"X-Amz-Target": "Shop.PutShelf"}, "body": BODY}
    return {"id": name, "given": given, "params": VALUES, "serialized": sent, **other}


def response_case(name: str, **other: Any) -> dict[str, Any]:
    given = {"name": "GetShelf", "output": {"shape": "Shelf"}, "errors": [{"shape": "Full"}]}
    response = {"status_code": 200, "headers": {"Content-Type": "application/x-amz-json-1.1"}, "body": BODY}
    return {"id": name, "given": given, "result": VALUES, "response": response, **other}


def error_case(name: str, code: str) -> dict[str, Any]:
    case = response_case(name, error={"message": "no room"}, errorCode=code, errorMessage="no room")
    case["response"] = {"status_code": 400, "headers": {}, "body": "{}"}
    del case["result"]
    return case


def run(folder: Path, exceptions: dict[tuple[str, str], dict[str, str]], **directions: list[Any]) -> list[Tally]:
    for direction, cases in directions.items():
        place = folder / "tests" / "unit" / "protocols" / direction
        place.mkdir(parents=True)
        (place / "shop.json").write_text(json.dumps([SUITE | {"cases": cases}]))
    return tallies(folder, exceptions)


def test_cases_that_hold(tmp_path: Path) -> None:
    token = request_case("a token that the client has made up")
    token["serialized"] = {**token["serialized"], "body": BODY[:-1] + ', "Token": "0-0"}'}
    [requests, responses] = run(
        tmp_path,
        {},
        input=[request_case("a request"), token],
        output=[response_case("a response"), error_case("an error", "Full")],
    )
    assert [*requests.lines(), *responses.lines()] == [
        "shop input: 2 cases, 2 passed",
        "shop output: 2 cases, 2 passed",
    ]


def test_cases_that_do_not_hold(tmp_path: Path) -> None:
    other_name = {**VALUES, "Name": "right"}
    refused = request_case("refused", params=other_name)
    refused["serialized"] = {**refused["serialized"], "body": "{"}
    bytes_only = response_case("other bytes")
    bytes_only["response"] = {**bytes_only["response"], "body": BODY.replace("1576540098", '"2019-12-16T23:48:18Z"')}
    status = response_case("another status")
    status["response"] = {**status["response"], "status_code": 202}
    header = response_case("a header")
    header["response"] = {**header["response"], "headers": {"x-other": "1"}}
    found = run(
        tmp_path,
        {},
        input=[request_case("another value", params=other_name), refused],
        output=[bytes_only, status, header],
    )
    failed = [text.partition(": ")[::2] for tally in found for text in tally.failed]
    assert [name for name, _ in failed] == ["another value", "refused", "other bytes", "another status", "a header"]
    assert "SerializationException" in failed[1][1]
    assert failed[3][1] == "status 200 instead of 202"


def test_exceptions_have_names_and_must_be_needed(tmp_path: Path) -> None:
    known = {("shop", "input"): {"odd": "it is odd", "even": "it was odd once"}}
    [tally] = run(tmp_path, known, input=[request_case("odd", params={"Name": "other"}), request_case("even")])
    assert list(tally.lines()) == [
        "shop input: 2 cases, 0 passed, 1 named exceptions",
        "    odd: it is odd",
        "  FAILED even: is named as an exception and passes",
    ]


def test_every_exception_has_a_reason() -> None:
    assert all(len(reason.split()) > 5 for names in EXCEPTIONS.values() for reason in names.values())


RAW = b"""GET /shelves/left?b=2&a=1 HTTP/1.1
Host: shop.example
X-Amz-Date: 20150830T123600Z
X-Words: one
X-Words: two
X-Words: three
  four
"""


def write_signed(folder: Path, raw: bytes, authorization: str) -> None:
    place = folder / "tests" / "unit" / "auth" / "aws4_testsuite" / "shelves"
    place.mkdir(parents=True)
    (place / "shelves.sreq").write_bytes(raw)
    (place / "shelves.authz").write_text(authorization)


def authorization_of(raw: bytes) -> str:
    request = signatures.read_request(raw)
    assert request.head.headers["x-words"] == "one,two,three four"
    return sign(
        signatures.SERVICE,
        "GET",
        "http://shop.example/shelves/left?b=2&a=1",
        headers={"x-words": request.head.headers["x-words"]},
        when=signatures.NOW,
        key=signatures.KEY,
        secret=signatures.SECRET,
    ).head.headers["authorization"]


def test_signed_requests(tmp_path: Path) -> None:
    authorization = authorization_of(RAW)
    write_signed(tmp_path / "right", RAW, authorization)
    [tally] = tallies(tmp_path / "right", {})
    assert list(tally.lines()) == ["sigv4 suite: 1 cases, 1 passed"]
    write_signed(tmp_path / "wrong", RAW.replace(b"a=1", b"a=2"), authorization)
    [tally] = tallies(tmp_path / "wrong", {})
    assert tally.failed[0].startswith("shelves: signed in the header, refused: InvalidSignatureException")
