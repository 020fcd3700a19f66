"""Endpoints through boto3: serving, updating, deleting, and ten broken models with ten right reasons."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.server import (
    ECHO_MODEL,
    SKLEARN,
    Server,
    archive,
    configure,
    deploy,
    eventually,
    invoke,
    log_of,
    put,
    running_server,
    settled,
)


def test_an_endpoint_answers_and_disappears(server: Server) -> None:
    endpoint = deploy(server, "Echo")
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert endpoint["EndpointConfigName"] == "Echo"
    (variant,) = endpoint["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (1, 1.0)
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="Echo", ContentType="text/csv", Body=b"hello", CustomAttributes="c0"
    )
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"].startswith("text/plain")
    assert answer["Body"].read().decode().startswith("Echo:")
    sagemaker = server.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName="Echo")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="Echo", WaiterConfig={"MaxAttempts": 1})
    with pytest.raises(ClientError) as refused:
        invoke(server, "Echo", "x")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "Endpoint Echo of account" in refused.value.response["Error"]["Message"]


def invocation_metrics(server: Server, name: str) -> dict[str, Any]:
    """Sums over the last hour, and the units."""
    cloudwatch = server.client("cloudwatch")
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "AllTraffic"}]
    found = {}
    for metric in cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]:
        now = datetime.now(UTC)
        asked = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(minutes=1), "Period": 3600}
        simple, extended = (
            cloudwatch.get_metric_statistics(**metric, **asked, **kind)["Datapoints"]
            for kind in ({"Statistics": ["Sum", "SampleCount", "Maximum"]}, {"ExtendedStatistics": ["p50"]})
        )
        found[metric["MetricName"]] = sum(point["Sum"] for point in simple), {**extended[0], **simple[0]}
    return found


def test_invocations_are_measured(server: Server) -> None:
    """By the doors, which tell within seconds; what fails counts as well."""
    deploy(server, "measured", instances=2)
    for body in ("a", "b", "raise", "sleep 0.2"):
        with suppress(ClientError):
            invoke(server, "measured", body)
    found = eventually(lambda: (all_of := invocation_metrics(server, "measured")) and counted(all_of, 4))
    sums = {name: total for name, (total, _) in found.items()}
    latencies = sums.pop("ModelLatency"), sums.pop("OverheadLatency")
    assert sums == {
        "Invocations": 4.0,
        "InvocationsPerInstance": 2.0,
        "Invocation4XXErrors": 0.0,
        "Invocation5XXErrors": 1.0,
        "InvocationModelErrors": 1.0,
    }
    model = found["ModelLatency"][1]
    assert 200_000 <= model["Maximum"] < latencies[0]
    assert model["Unit"] == "Microseconds"
    assert 0 < model["ExtendedStatistics"]["p50"] <= model["Maximum"]
    assert latencies[1] > 0


def counted(found: dict[str, Any], count: int) -> dict[str, Any] | None:
    return found if found.get("Invocations", (0,))[0] == count else None


def test_model_errors_carry_what_the_model_said(server: Server) -> None:
    deploy(server, "errors")
    with pytest.raises(ClientError) as failed:
        invoke(server, "errors", "raise")
    response = failed.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 500
    assert "asked to fail" in response["OriginalMessage"]
    assert "Received server error (500) from primary" in response["Error"]["Message"]
    eventually(
        lambda: any(
            "asked to fail" in line for line in log_of(server, "/aws/sagemaker/Endpoints/errors", "AllTraffic/")
        )
    )


STREAMING_MODEL = """
import socket
def model_fn(d): return 1
def input_fn(data, kind): return data.split(",")
def predict_fn(data, model):
    with socket.create_connection(("127.0.0.1", int(data[0]))) as gate:  # ends with the generator
        yield "first;"
        gate.recv(1)
        if data[1] == "fail":
            raise ValueError("half way")
        for number in range(int(data[1])):
            yield b"x" * 65536
"""


def test_a_model_answers_part_by_part(server: Server) -> None:
    """The model goes on, and tells of its end, by a connection of its own: nothing hangs on time."""
    deploy(server, "streaming", code=STREAMING_MODEL)
    runtime = server.client("sagemaker-runtime")
    with socket.create_server(("127.0.0.1", 0)) as gates:
        gates.settimeout(30)

        def ask(how: str) -> tuple[Any, Iterator[Any], socket.socket]:
            answer = runtime.invoke_endpoint_with_response_stream(
                EndpointName="streaming",
                ContentType="text/csv",
                Accept="text/plain",
                Body=f"{gates.getsockname()[1]},{how}",
            )
            events = iter(answer["Body"])
            assert next(events)["PayloadPart"]["Bytes"] == b"first;"
            gate, _ = gates.accept()
            gate.settimeout(30)
            return answer, events, gate

        answer, events, gate = ask("100")
        assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "AllTraffic")
        with gate:
            gate.sendall(b"!")  # only now can the model go on
            assert sum(len(event["PayloadPart"]["Bytes"]) for event in events) == 100 * 65536
        answer, events, gate = ask("fail")
        with gate:
            gate.sendall(b"!")
            with pytest.raises(EventStreamError, match="closed the connection") as broken:
                list(events)
        answer["Body"].close()
        assert broken.value.response["Error"]["Code"] == "ModelStreamError"
        answer, events, gate = ask("1000000")  # 60 GiB
        with gate:
            gate.sendall(b"!")
            answer["Body"].close()
            assert gate.recv(1) == b"", "the generator was closed because nobody reads"
        with ThreadPoolExecutor(1) as pool:
            whole = pool.submit(invoke, server, "streaming", f"{gates.getsockname()[1]},2")
            gate, _ = gates.accept()
            with gate:
                gate.sendall(b"!")
                assert whole.result() == "first;" + "x" * 131072
    eventually(
        lambda: any("half way" in line for line in log_of(server, "/aws/sagemaker/Endpoints/streaming", "All"))
    )


def test_an_update_switches_without_a_failed_request(server: Server) -> None:
    deploy(server, "blue")
    data = put(server, "tests", "green/model.tar.gz", archive({"name.txt": "green", "code/inference.py": ECHO_MODEL}))
    configure(server, "green", data, instances=2)
    sagemaker = server.client("sagemaker")
    answers: list[str] = []
    failures: list[Exception] = []
    enough = threading.Event()

    def ask() -> None:
        runtime = server.client("sagemaker-runtime")
        while not enough.is_set():
            try:
                body = runtime.invoke_endpoint(EndpointName="blue", ContentType="text/csv", Body=b"x")["Body"]
                answers.append(body.read().decode().split(":")[0])
            except ClientError as error:
                failures.append(error)

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(ask) for _ in range(4)]
        time.sleep(0.3)
        sagemaker.update_endpoint(EndpointName="blue", EndpointConfigName="green")
        assert sagemaker.describe_endpoint(EndpointName="blue")["EndpointStatus"] == "Updating"
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            sagemaker.update_endpoint(EndpointName="blue", EndpointConfigName="green")
        endpoint = settled(server, "blue")
        time.sleep(0.5)
        enough.set()
        for worker in workers:
            worker.result()
    assert failures == []
    assert endpoint["EndpointConfigName"] == "green"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert answers[0] == "blue"
    assert answers[-1] == "green"
    assert len(answers) > 50


def test_a_failed_update_leaves_the_old_model_serving_and_says_why(server: Server) -> None:
    deploy(server, "steady")
    data = put(server, "tests", "bad/model.tar.gz", archive({"code/inference.py": "import no_such_module\n"}))
    configure(server, "bad", data)
    server.client("sagemaker").update_endpoint(EndpointName="steady", EndpointConfigName="bad")
    endpoint = settled(server, "steady")
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == "steady"
    assert "no_such_module" in endpoint["FailureReason"]
    assert invoke(server, "steady", "still").startswith("steady:")
    data = put(server, "tests", "good/model.tar.gz", archive({"name.txt": "good", "code/inference.py": ECHO_MODEL}))
    configure(server, "good", data)
    server.client("sagemaker").update_endpoint(EndpointName="steady", EndpointConfigName="good")
    endpoint = settled(server, "steady")
    assert endpoint["EndpointConfigName"] == "good"
    assert "FailureReason" not in endpoint
    assert invoke(server, "steady", "new").startswith("good:")


def test_weights_and_capacities_change_without_a_failed_request(server: Server) -> None:
    """To and fro while requests come in, and a change that cannot succeed leaves everything as it was."""
    sagemaker = server.client("sagemaker")
    variants = []
    for name in ("left", "right"):
        data = put(
            server, "tests", f"{name}/model.tar.gz", archive({"name.txt": name, "code/inference.py": ECHO_MODEL})
        )
        configure(server, name, data)
        variants.append(
            {
                "VariantName": name,
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "InitialVariantWeight": 1.0,
            }
        )
    sagemaker.create_endpoint_config(EndpointConfigName="sides", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="sides", EndpointConfigName="sides")
    assert settled(server, "sides")["EndpointStatus"] == "InService"

    def change(**members: Any) -> dict[str, Any]:
        wishes = [{"VariantName": name, **wish} for name, wish in members.items()]
        sagemaker.update_endpoint_weights_and_capacities(EndpointName="sides", DesiredWeightsAndCapacities=wishes)
        return settled(server, "sides")

    def counts(endpoint: dict[str, Any]) -> list[int]:
        assert endpoint["EndpointStatus"] == "InService"
        return [variant["CurrentInstanceCount"] for variant in endpoint["ProductionVariants"]]

    failures: list[Exception] = []
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            try:
                invoke(server, "sides", "x")
            except ClientError as error:
                failures.append(error)

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(ask) for _ in range(3)]
        try:
            change(left={"DesiredWeight": 0.0})
            assert {invoke(server, "sides", "x").split(":")[0] for _ in range(30)} == {"right"}
            endpoint = change(left={"DesiredWeight": 1.0, "DesiredInstanceCount": 3}, right={"DesiredWeight": 0.0})
            assert counts(endpoint) == [3, 1]
            assert len({invoke(server, "sides", "x").rsplit(":", 1)[0] for _ in range(60)}) == 3, "processes"
            assert counts(change(left={"DesiredInstanceCount": 1})) == [1, 1]
            server.client("s3").delete_object(Bucket="tests", Key="left/model.tar.gz")
            endpoint = change(left={"DesiredInstanceCount": 2, "DesiredWeight": 0.0}, right={"DesiredWeight": 1.0})
            assert counts(endpoint) == [1, 1]
            assert "left/model.tar.gz" in endpoint["FailureReason"]
            shown = [(v["DesiredWeight"], v["DesiredInstanceCount"]) for v in endpoint["ProductionVariants"]]
            assert shown == [(1.0, 1), (0.0, 1)]
            assert {invoke(server, "sides", "x").split(":")[0] for _ in range(30)} == {"left"}
        finally:
            enough.set()
        for worker in workers:
            worker.result()
    assert failures == []


def test_absurd_sizes_and_foreign_roles_are_refused(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_model(ModelName="sized", PrimaryContainer={"Image": SKLEARN})
    variant = {
        "VariantName": "v",
        "ModelName": "sized",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2**31 - 1,
    }
    with pytest.raises(ClientError, match="MAX_ENDPOINT_INSTANCES"):
        sagemaker.create_endpoint_config(EndpointConfigName="sized", ProductionVariants=[variant])
    role = server.role.replace("ClaryExecutionRole", "Nobody")
    with pytest.raises(ClientError, match="Could not assume role"):
        sagemaker.create_endpoint_config(
            EndpointConfigName="sized",
            ProductionVariants=[{**variant, "InitialInstanceCount": 1}],
            ExecutionRoleArn=role,
        )


LOADS = "def model_fn(d):\n    {}\ndef predict_fn(x, m):\n    return x\n"
BROKEN = [
    ("no-archive", None, ["model.tar.gz"]),
    ("not-a-tar", b"this is no archive", ["archive"]),
    ("cut-off", archive({"code/inference.py": "x" * 5000})[:60], ["archive"]),
    ("escapes", archive({"../../evil.txt": "x"}), ["evil.txt"]),
    ("no-code", archive({"model.joblib": "x"}), ["inference.py"]),
    ("import", archive({"code/inference.py": "import not_here\n"}), ["not_here"]),
    ("syntax", archive({"code/inference.py": "def broken(:\n"}), ["SyntaxError"]),
    ("no-model-fn", archive({"code/inference.py": "x = 1\n"}), ["model_fn"]),
    ("raises", archive({"code/inference.py": LOADS.format("raise ValueError('bad weights')")}), ["bad weights"]),
    ("missing", archive({"code/inference.py": LOADS.format("open(d + '/weights.bin')")}), ["weights.bin"]),
    ("exits", archive({"code/inference.py": LOADS.format("__import__('os')._exit(9)")}), ["9"]),
    (
        "killed",
        archive({"code/inference.py": LOADS.format("__import__('os').kill(__import__('os').getpid(), 9)")}),
        ["SIGKILL", "137"],
    ),
]


@pytest.mark.parametrize(("name", "body", "words"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_model_fails_soon_and_says_why(
    server: Server, name: str, body: bytes | None, words: list[str]
) -> None:
    key = f"broken/{name}/model.tar.gz"
    put(server, "tests", "broken/another-object", b"")
    data = put(server, "tests", key, body) if body is not None else f"s3://tests/{key}"
    begun = time.monotonic()
    endpoint = deploy(server, f"broken-{name}", model_data=data)
    assert endpoint["EndpointStatus"] == "Failed"
    for word in words:
        assert word in endpoint["FailureReason"], endpoint["FailureReason"]
    with pytest.raises(ClientError, match=r"is not InService; its status is Failed\."):
        invoke(server, f"broken-{name}", "x")
    assert time.monotonic() - begun < 20
    with pytest.raises(ClientError):
        server.client("sagemaker").update_endpoint(EndpointName=f"broken-{name}", EndpointConfigName=f"broken-{name}")
    server.client("sagemaker").delete_endpoint(EndpointName=f"broken-{name}")


def test_a_model_that_needs_too_much_memory_says_so(server: Server) -> None:
    code = LOADS.format("return bytearray(30 * 1024**3)")  # ml.m5.large has 8 GiB
    endpoint = deploy(server, "greedy", files={"code/inference.py": code})
    assert endpoint["EndpointStatus"] == "Failed"
    assert "memory" in endpoint["FailureReason"].lower(), endpoint["FailureReason"]


def test_a_model_that_never_answers_ping_fails_at_its_time_limit(tmp_path: Path) -> None:
    """The limit of one variant is at least a minute; the one for those that name none may be shorter."""
    code = "import time\ndef model_fn(d):\n    time.sleep(600)\ndef predict_fn(x, m):\n    return x\n"
    with running_server(tmp_path, CLARY_STARTUP_TIMEOUT="3") as server:
        deploy(
            server,
            "patient",
            files={"code/inference.py": code},
            ContainerStartupHealthCheckTimeoutInSeconds=60,
            wait=False,
        )
        deploy(server, "never-ready", files={"code/inference.py": code}, wait=False)
        endpoint = settled(server, "never-ready", 60)
        assert endpoint["EndpointStatus"] == "Failed"
        assert "did not pass the ping health check" in endpoint["FailureReason"]
        assert "within 3 s" in endpoint["FailureReason"]
        patient = server.client("sagemaker").describe_endpoint(EndpointName="patient")
        assert patient["EndpointStatus"] == "Creating"
    assert not server.settings.layout.sockets.exists()


def test_two_variants_share_traffic_by_weight_and_can_be_addressed(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    for name in ("first", "second"):
        data = put(
            server, "tests", f"{name}/model.tar.gz", archive({"name.txt": name, "code/inference.py": ECHO_MODEL})
        )
        configure(server, name, data)
    variants = [
        {
            "VariantName": name,
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": weight,
        }
        for name, weight in (("first", 3.0), ("second", 1.0))
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="both", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="both", EndpointConfigName="both")
    assert settled(server, "both")["EndpointStatus"] == "InService"
    counts = {"first": 0, "second": 0}
    for _ in range(200):
        counts[invoke(server, "both", "x").split(":")[0]] += 1
    assert 110 < counts["first"] < 185
    assert invoke(server, "both", "x", TargetVariant="second").startswith("second:")
    with pytest.raises(ClientError, match="Variant third"):
        invoke(server, "both", "x", TargetVariant="third")


def test_deleting_model_and_configuration_does_not_disturb_the_endpoint(server: Server) -> None:
    deploy(server, "orphaned")
    sagemaker = server.client("sagemaker")
    sagemaker.delete_model(ModelName="orphaned")
    sagemaker.delete_endpoint_config(EndpointConfigName="orphaned")
    server.client("s3").delete_object(Bucket="tests", Key="orphaned/model.tar.gz")
    assert invoke(server, "orphaned", "x").startswith("orphaned:")
    assert sagemaker.describe_endpoint(EndpointName="orphaned")["EndpointStatus"] == "InService"
