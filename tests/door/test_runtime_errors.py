"""Every error of the runtime API that this version gives: status, code and words, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from clary.base.snapshots import Variant
from tests.door.harness import Harness, Model

TIMEOUT = 0.6
SILENT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
SEE = "See log group /aws/sagemaker/Endpoints/e in account {account} for more information."
CONSTRAINT = "1 validation error detected: Value{} at '{}' failed to satisfy constraint: Member must {}"
PREFIX = "X-Amzn-SageMaker-"


@dataclass(frozen=True)
class Row:
    """`headers` without their common prefix; `members` are what the error has beside its message."""

    situation: str
    status: int
    code: str
    text: str
    body: bytes = b"x"
    name: str = "e"
    headers: dict[str, str] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)


def model_error(situation: str, body: bytes, status: int, said: str, kind: str = "server") -> Row:
    text = f'Received {kind} error ({status}) from primary with message "{said}". {SEE}'
    arn = "arn:aws:logs:{region}:{account}:log-group:/aws/sagemaker/Endpoints/e"
    members = {"OriginalStatusCode": status, "OriginalMessage": said, "LogStreamArn": arn}
    return Row(situation, 424, "ModelError", text, body=body, members=members)


def constraint(member: str, value: str, must: str) -> str:
    return CONSTRAINT.format(f" '{value}'" if value else "", member, must)


NAME_PATTERN = "satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
INVALID = (400, "ValidationError")
ROWS = [
    Row("no such endpoint", *INVALID, "Endpoint none of account {account} not found.", name="none"),
    Row(
        "being made",
        *INVALID,
        "Endpoint made of account {account} is not InService; its status is Creating.",
        name="made",
    ),
    Row(
        "failed",
        *INVALID,
        "Endpoint broken of account {account} is not InService; its status is Failed.",
        name="broken",
    ),
    Row("bad name", *INVALID, constraint("endpointName", "a_b", NAME_PATTERN), name="a_b"),
    Row(
        "no such variant",
        *INVALID,
        "Variant v9 for endpoint e of account {account} was not found.",
        headers={"Target-Variant": "v9"},
    ),
    Row("bad variant", *INVALID, constraint("targetVariant", "v_9", NAME_PATTERN), headers={"Target-Variant": "v_9"}),
    Row(
        "a model of a multi-model endpoint",
        *INVALID,
        "Endpoint e is not a multi-model endpoint and does not support target model header.",
        headers={"Target-Model": "m.tar.gz"},
    ),
    Row(
        "a container of several",
        *INVALID,
        "Endpoint e is not a multi-container endpoint and does not support target container hostname header.",
        headers={"Target-Container-Hostname": "c1"},
    ),
    Row(
        "both of them",
        *INVALID,
        "Endpoint e is not a multi-model endpoint and does not support target model header.",
        headers={"Target-Model": "m", "Target-Container-Hostname": "c1"},
    ),
    Row(
        "long attributes",
        *INVALID,
        constraint("customAttributes", "", "have length less than or equal to 1024"),
        headers={"Custom-Attributes": "a" * 1025},
    ),
    Row(
        "long id",
        *INVALID,
        constraint("inferenceId", "i" * 65, "have length less than or equal to 64"),
        headers={"Inference-Id": "i" * 65},
    ),
    Row(
        "a session nobody gave",
        *INVALID,
        "The session was not found on endpoint e of account {account}.",
        headers={"Session-Id": "made-up"},
    ),
    Row(
        "a component",
        501,
        "NotImplemented",
        "InvokeEndpoint with InferenceComponentName is not served by this version of Clary.",
        headers={"Inference-Component": "c"},
    ),
    Row(
        "explanations",
        501,
        "NotImplemented",
        "InvokeEndpoint with EnableExplanations is not served by this version of Clary.",
        headers={"Enable-Explanations": "`true`"},
    ),
    Row(
        "prefix-aware routing",
        501,
        "NotImplemented",
        "InvokeEndpoint with PrefixAwareId is not served by this version of Clary.",
        headers={"Prefix-Aware-Id": "p"},
    ),
    Row("too large", 413, "ValidationError", "HTTP content length exceeded 200000 bytes.", body=b"x" * 200_001),
    model_error("a failing model", b"!status 500 it broke", 500, "it broke"),
    model_error("a model that says no", b"!status 415 not this", 415, "not this", "client"),
    model_error("a redirecting model", b"!status 302 elsewhere", 302, "elsewhere"),
    model_error("a silent model", b"!delay 9", 0, SILENT),
    model_error("half an answer", b"!partial", 0, "Container primary closed the connection before it had answered."),
    model_error("no HTTP", b"!malformed", 0, "Container primary closed the connection before it had answered."),
    model_error("too large an answer", b"!big 200001", 0, "The answer of container primary exceeded 200000 bytes."),
    Row(
        "no replica for too long",
        503,
        "ServiceUnavailable",
        "Endpoint empty of account {account} has no model server that can answer now. Try again.",
        name="empty",
    ),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    house = Harness(tmp_path_factory.mktemp("errors"), {"max_invocation_bytes": 200_000, "parked_seconds": 0.5})
    model: Model = house.model()
    house.write_routes(
        house.endpoint("e", Variant("v1", 1.0, (model.record,)), timeout=TIMEOUT),
        house.endpoint("empty", Variant("v1", 1.0)),
        house.endpoint("made", status="Creating"),
        house.endpoint("broken", status="Failed"),
    )
    house.door()
    yield house
    house.close()


# Of a stream these are no errors at its beginning.
IN_THE_MIDDLE = ("half an answer", "too large an answer")
CASES = [("invocations", row) for row in ROWS]
CASES += [("invocations-response-stream", row) for row in ROWS if row.situation not in IN_THE_MIDDLE]


@pytest.mark.parametrize(("path", "row"), CASES, ids=[f"{path} {row.situation}" for path, row in CASES])
def test_each_error_has_its_words(house: Harness, path: str, row: Row) -> None:
    target = f"/endpoints/{row.name}/{path}"
    headers = {PREFIX + name: value for name, value in row.headers.items()}
    answer = house.ask("POST", target, row.body, house.sign("POST", target, row.body, headers))
    places = {"account": house.installation.account, "region": house.installation.region}
    assert (answer.status, answer.code) == (row.status, row.code)
    told = answer.message.replace("InvokeEndpointWithResponseStream with", "InvokeEndpoint with")
    assert told == filled(row.text, places)
    for member, value in row.members.items():
        assert answer.json()[member] == (filled(value, places) if isinstance(value, str) else value)


def filled(text: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        text = text.replace("{" + name + "}", value)
    return text
