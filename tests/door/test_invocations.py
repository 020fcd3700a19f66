"""InvokeEndpoint through a real door: what the container sees, what the client gets, how errors are worded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from clary.base.snapshots import Variant
from tests.door.harness import USER_KEY, USER_SECRET, Harness, eventually

ALLOW = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.fixture
def runtime(house: Harness) -> Iterator[Any]:
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=house.url,
        region_name=house.installation.region,
        aws_access_key_id=house.installation.access_key_id,
        aws_secret_access_key=house.installation.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


def test_an_answer_through_boto3(runtime: Any) -> None:
    answer = runtime.invoke_endpoint(EndpointName="E", Body=b"hello", ContentType="text/csv")
    assert answer["Body"].read().endswith(b" hello")
    assert answer["InvokedProductionVariant"] == "v1"
    assert answer["ContentType"] == "text/plain"
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_only_what_sagemaker_passes_reaches_the_container_and_comes_back(runtime: Any) -> None:
    answer = runtime.invoke_endpoint(
        EndpointName="e",
        Body=b"!headers",
        ContentType="application/json",
        Accept="text/csv",
        CustomAttributes="a=b",
        InferenceId="id-1",
        TargetVariant="v1",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["CustomAttributes"] == "seen=1"
    assert "x-secret" not in answer["ResponseMetadata"]["HTTPHeaders"]
    seen = answer["Body"].read().decode()
    for line in (
        "Content-Type: application/json",
        "Accept: text/csv",
        "Custom-Attributes: a=b",
        "Inference-Id: id-1",
    ):
        assert line in seen
    for name in ("authorization", "user-agent", "x-amz-", "target-variant", "127.0.0.1"):
        assert name not in seen.lower()


def test_an_error_of_the_model(runtime: Any, house: Harness) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="e", Body=b"!status 500 it broke")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["Error"]["Message"].startswith(
        'Received server error (500) from primary with message "it broke". See '
    )
    assert f"in account {house.installation.account} for more information." in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (500, "it broke")
    assert answer["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/e")


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("Nope", 400, "Endpoint Nope of account {account} not found."),
        ("-bad-", 400, "1 validation error detected: Value '-bad-' at 'endpointName'"),
        ("a%2Fb", 400, "1 validation error detected: Value 'a/b' at 'endpointName'"),
        ("%FF", 400, "1 validation error detected"),
    ],
)
def test_names_that_mean_no_endpoint(house: Harness, name: str, status: int, text: str) -> None:
    answer = house.invoke(b"x", name)
    assert (answer.status, answer.code) == (status, "ValidationError")
    assert answer.message.startswith(text.format(account=house.installation.account))


def test_a_name_may_come_percent_encoded(house: Harness) -> None:
    assert house.invoke(b"x", "%65").status == 200


@pytest.mark.parametrize(
    ("how", "code", "status"),
    [
        ({"secret": "wrong"}, "InvalidSignatureException", 403),
        ({"key": "AKIAUNKNOWNUNKNOWN00"}, "UnrecognizedClientException", 403),
        ({"token": "not-a-token"}, "UnrecognizedClientException", 403),
        ({"service": "execute-api"}, "InvalidSignatureException", 403),
    ],
)
def test_bad_credentials(house: Harness, how: dict[str, str], code: str, status: int) -> None:
    answer = house.invoke(b"x", **how)
    assert (answer.status, answer.code) == (status, code)


def test_without_signature_or_with_another_body(house: Harness) -> None:
    target = "/endpoints/e/invocations"
    assert house.ask("POST", target, b"x").code == "MissingAuthenticationTokenException"
    assert house.ask("POST", target, b"y", house.sign("POST", target, b"x")).code == "InvalidSignatureException"
    assert house.ask("POST", target, b"x", {"Authorization": "Basic eDp5"}).status in (400, 403)


def test_policies_decide_for_users(house: Harness) -> None:
    def ask(name: str = "e") -> Any:
        return house.invoke(b"x", name, key=USER_KEY, secret=USER_SECRET)

    account, region = house.installation.account, house.installation.region
    arn = f"arn:aws:sagemaker:{region}:{account}:endpoint/e"
    answer = ask("E")
    assert (answer.status, answer.code) == (403, "AccessDeniedException")
    assert answer.message.startswith(
        f"User: arn:aws:iam::{account}:user/u is not authorized to perform: sagemaker:InvokeEndpoint"
        f" on resource: {arn}"
    )
    deny = {"Effect": "Deny", "Action": "sagemaker:Invoke*", "Resource": "*"}
    cases: list[tuple[tuple[dict[str, Any], ...], int]] = [
        ((policy(ALLOW | {"Resource": arn}),), 200),
        ((policy(ALLOW | {"Resource": arn + "x"}),), 403),
        ((policy(ALLOW | {"Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}),), 200),
        ((policy(ALLOW | {"Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),), 403),
        ((policy(ALLOW | {"Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),), 403),
        (
            (policy(ALLOW | {"Resource": "*"}, deny),),
            403,
        ),
        ((), 403),
    ]
    for policies, status in cases:
        house.write_access(*policies)
        time.sleep(0.15)
        assert ask().status == status, policies


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ({"StringEquals": {"aws:ResourceTag/Team": "fraud"}}, {"StringEquals": {"aws:ResourceTag/Team": "x"}}),
        ({"StringEquals": {"sagemaker:ResourceTag/team": "fraud"}}, {"Null": {"aws:ResourceTag/team": "true"}}),
        ({"Bool": {"aws:ViaAWSService": "false"}}, {"Bool": {"aws:ViaAWSService": "true"}}),
    ],
)
def test_policies_see_the_tags_of_the_endpoint(
    house: Harness, condition: dict[str, Any], other: dict[str, Any]
) -> None:
    def is_answered() -> bool:
        return house.invoke(b"x", key=USER_KEY, secret=USER_SECRET).status == 200

    house.write_access(policy(ALLOW | {"Resource": "*", "Condition": condition}))
    eventually(is_answered)
    house.write_access(policy(ALLOW | {"Resource": "*", "Condition": other}))
    eventually(lambda: not is_answered())
    house.write_access()


def test_sessions_of_a_role(house: Harness) -> None:
    session = house.session()
    how = {"key": session.access_key_id, "secret": session.secret_access_key, "token": session.session_token}
    denied = house.invoke(b"x", **how)
    assert "assumed-role/r/s is not authorized" in denied.message
    house.write_access(policy(ALLOW | {"Resource": "*"}))
    time.sleep(0.15)
    assert house.invoke(b"x", **how).status == 200
    assert house.invoke(b"x", **{**how, "key": "ASIA" + "A" * 16}).status == 403
    expired = house.session(seconds=-1)
    how = {"key": expired.access_key_id, "secret": expired.secret_access_key, "token": expired.session_token}
    assert house.invoke(b"x", **how).code == "ExpiredTokenException"
    house.write_access()


def test_attributes_have_a_length_and_an_alphabet(house: Harness) -> None:
    name = "X-Amzn-SageMaker-Custom-Attributes"
    assert house.invoke(b"x", headers={name: "a" * 1024}).status == 200
    assert house.invoke(b"x", headers={name: "a" * 1025}).code == "ValidationError"


def test_a_body_over_the_limit_is_refused_at_once(house: Harness) -> None:
    target = "/endpoints/e/invocations"
    answer = house.ask("POST", target, b"x" * 1_000_001)
    assert (answer.status, answer.code) == (413, "ValidationError")
    assert answer.message == "HTTP content length exceeded 1000000 bytes."
    begun = time.monotonic()
    said = house.raw(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - begun < 10
    chunks = (b"x" * 65536 for _ in range(17))
    assert house.ask("POST", target, chunks).status == 413
    assert house.invoke(b"x" * 999_000).status == 200


def test_an_invocation_may_expect_to_be_invited(house: Harness) -> None:
    target = "/endpoints/e/invocations"
    head = {**house.sign("POST", target, b"hello"), "Expect": "100-continue", "Connection": "close"}
    lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
    said = house.raw(f"POST {target} HTTP/1.1\r\n{lines}Content-Length: 5\r\n\r\nhello".encode())
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_post_to_a_bucket_called_endpoints_is_not_an_invocation(house: Harness) -> None:
    assert house.ask("POST", "/endpoints/e/invocations?uploads", b"").status == 501
    assert house.ask("PUT", "/endpoints/e/invocations", b"").status == 501
    assert house.ask("POST", "/endpoints/e/async-invocations", b"").status == 501
    assert house.ask("POST", "/endpoints/e/invocations-response-stream?uploads", b"").status == 501


def test_a_model_that_is_too_slow_times_out(tmp_path: Path) -> None:
    house = Harness(tmp_path)
    try:
        model = house.model()
        house.write_routes(
            house.endpoint("e", Variant("v1", 1.0, (model.record,)), timeout=0.5),
            house.endpoint("made", status="Creating"),
        )
        house.door()
        begun = time.monotonic()
        answer = house.invoke(b"!delay 5")
        assert 0.4 < time.monotonic() - begun < 4
        assert (answer.status, answer.code, answer.json()["OriginalStatusCode"]) == (424, "ModelError", 0)
        assert "timed out" in answer.message
        assert house.invoke(b"x").status == 200
        assert house.invoke(b"x", "made").code == "ValidationError"
    finally:
        house.close()


def test_weights_come_from_the_snapshot(tmp_path: Path) -> None:
    house = Harness(tmp_path)
    try:
        one, two = house.model("one"), house.model("two")
        house.write_routes(house.endpoint("e", Variant("a", 1.0, (one.record,)), Variant("b", 0.0, (two.record,))))
        house.door()
        name = "x-amzn-invoked-production-variant"
        assert {house.invoke(b"x").headers[name] for _ in range(10)} == {"a"}
        target = {"X-Amzn-SageMaker-Target-Variant": "b"}
        assert house.invoke(b"x", headers=target).headers[name] == "b"
        refused = house.invoke(b"x", headers={"X-Amzn-SageMaker-Target-Variant": "c"})
        assert (refused.status, refused.code) == (400, "ValidationError")
    finally:
        house.close()
