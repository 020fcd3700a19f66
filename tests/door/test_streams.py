"""InvokeEndpointWithResponseStream through a real door, read by botocore; and sessions, which need the same model."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from clary.base.snapshots import Variant
from tests.door.harness import USER_KEY, USER_SECRET, Harness, eventually

TIMEOUT = 1.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A door and the endpoint `e` with a short time limit; `pair` has two replicas."""
    house = Harness(tmp_path_factory.mktemp("streams"))
    one, two = house.model("one"), house.model("two")
    house.write_routes(
        house.endpoint("e", Variant("v1", 1.0, (one.record,)), timeout=TIMEOUT),
        house.endpoint("pair", Variant("v1", 1.0, (one.record, two.record))),
    )
    house.door()
    yield house
    house.close()


def runtime_of(house: Harness) -> Any:
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=house.url,
        region_name=house.installation.region,
        aws_access_key_id=house.installation.access_key_id,
        aws_secret_access_key=house.installation.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def runtime(house: Harness) -> Iterator[Any]:
    client = runtime_of(house)
    yield client
    client.close()


def stream(runtime: Any, folder: Path, how: str, **more: Any) -> Any:
    return runtime.invoke_endpoint_with_response_stream(
        EndpointName="e", Body=f"!stream {folder} {how}".encode(), **more
    )


def part(events: Iterator[Any]) -> bytes:
    return bytes(next(events)["PayloadPart"]["Bytes"])


def until_it_breaks(answer: Any) -> tuple[bytes, Any]:
    """What has come, and what botocore makes of the exception."""
    received: list[bytes] = []
    try:
        received.extend(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    except EventStreamError as error:
        return b"".join(received), error.response
    finally:
        answer["Body"].close()
    raise AssertionError("it came to its end")


def test_a_part_is_there_while_the_model_still_makes_the_next(runtime: Any, tmp_path: Path) -> None:
    answer = stream(runtime, tmp_path, "end")
    assert answer["ContentType"] == "text/x"
    assert answer["InvokedProductionVariant"] == "v1"
    assert answer["CustomAttributes"] == "a1"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/vnd.amazon.eventstream"
    events = iter(answer["Body"])
    assert part(events) == b"first;"
    (tmp_path / "go").touch()  # only now can the model go on
    assert part(events) == b"second"
    assert list(events) == []
    answer = runtime.invoke_endpoint(EndpointName="e", Body=f"!stream {tmp_path} end".encode())
    assert answer["Body"].read() == b"first;second"


def test_headers_for_the_model(runtime: Any) -> None:
    answer = runtime.invoke_endpoint_with_response_stream(
        EndpointName="e", Body=b"!headers", ContentType="text/csv", Accept="text/event-stream", InferenceId="i-1"
    )
    seen = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]).decode()
    for line in ("Content-Type: text/csv", "Accept: text/event-stream", "Inference-Id: i-1"):
        assert line in seen
    assert "sagemaker-accept" not in seen.lower()


def test_a_failure_in_the_middle_is_an_event(runtime: Any, house: Harness, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    for how, code in (("break", "StreamBroken"), ("stall", "ModelInvocationTimeExceeded")):
        begun = time.monotonic()
        received, error = until_it_breaks(stream(runtime, tmp_path, how))
        assert received == (b"first;second" if how == "break" else b"first;")
        assert error["Error"]["Code"] == "ModelStreamError"
        if how == "stall":
            assert time.monotonic() - begun >= TIMEOUT
        target, body = "/endpoints/e/invocations-response-stream", f"!stream {tmp_path} {how}".encode()
        said = house.ask("POST", target, body, house.sign("POST", target, body)).body
        assert f'"ErrorCode": "{code}"'.encode() in said, "botocore keeps it to itself"
    assert runtime.invoke_endpoint(EndpointName="e", Body=b"x")["Body"].read().endswith(b"x")
    plain = house.invoke(f"!stream {tmp_path} break".encode())
    assert (plain.status, plain.code) == (424, "ModelError")


def test_a_failure_at_the_beginning_is_an_error_as_ever(runtime: Any) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"!status 500 it broke")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["OriginalMessage"] == "it broke"
    with pytest.raises(ClientError, match="Endpoint none of account"):
        runtime.invoke_endpoint_with_response_stream(EndpointName="none", Body=b"x")


def test_the_action_has_a_name_of_its_own(house: Harness) -> None:
    target = "/endpoints/e/invocations-response-stream"
    for action, status in (("InvokeEndpoint", 403), ("InvokeEndpointWithResponseStream", 200)):
        statement = {"Effect": "Allow", "Action": f"sagemaker:{action}", "Resource": "*"}
        house.write_access({"Version": "2012-10-17", "Statement": [statement]})
        house.await_snapshot(0)
        signed = house.sign("POST", target, b"x", key=USER_KEY, secret=USER_SECRET)
        eventually(lambda head=signed, wanted=status: house.ask("POST", target, b"x", head).status == wanted)
    house.write_access()


def test_the_model_is_told_when_the_client_goes(runtime: Any, tmp_path: Path) -> None:
    answer = stream(runtime, tmp_path, "chatter")
    assert part(iter(answer["Body"])) == b"first;"
    assert not (tmp_path / "gone").exists()
    answer["Body"].close()
    eventually((tmp_path / "gone").exists)


def test_a_door_that_ends_tells_who_still_reads(tmp_path: Path) -> None:
    house = Harness(tmp_path, {"parked_seconds": 0.1})
    try:
        house.write_routes(house.endpoint("e", Variant("v1", 1.0, (house.model().record,)), timeout=0.5))
        door = house.door(DRAIN_SECONDS=0.2)
        runtime = runtime_of(house)
        answer = stream(runtime, tmp_path, "chatter")
        door.send_signal(signal.SIGTERM)
        received, error = until_it_breaks(answer)
        assert received.startswith(b"first;.")
        assert (error["Error"]["Code"], error["Error"]["Message"]) == (
            "InternalStreamFailure",
            "The server is stopping. Try again.",
        )
        runtime.close()
        door.wait(10)
    finally:
        house.close()


def test_a_session_stays_with_its_replica(runtime: Any, house: Harness) -> None:
    def ask(session: str) -> tuple[str, Any]:
        answer = runtime.invoke_endpoint(EndpointName="pair", Body=b"!session", SessionId=session)
        return answer["Body"].read().decode(), answer.get("NewSessionId")

    said, given = ask("NEW_SESSION")
    assert said.endswith("['NEW_SESSION']")
    session, _, expiry = given.partition("; ")
    assert (session[:4], expiry) == ("s-1-", "Expires=2099-01-01T00:00:00Z")
    assert {ask(session)[0] for _ in range(6)} == {f"{said.split(' ')[0]} ['s-1']"}
    for strange in ("s-1", "other", session[:-1]):
        with pytest.raises(ClientError, match="session was not found") as caught:
            ask(strange)
        assert caught.value.response["Error"]["Code"] == "ValidationError"
