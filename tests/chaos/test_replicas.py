"""kill -9 of model servers under load: no invocation fails, with two replicas and with one."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clary.cli.running import need_server
from tests.server import ECHO_MODEL, Server, deploy, eventually, invoke, running_server, settled


@pytest.mark.parametrize("replicas", [2, 1])
def test_no_invocation_fails_while_model_servers_are_killed(tmp_path: Path, replicas: int) -> None:
    """Invocations wait longer than by default: on a busy machine a model server may need half a minute to start."""
    with running_server(tmp_path, CLARY_PARKED_SECONDS="55") as server:
        kill_under_load(server, replicas)


def kill_under_load(server: Server, replicas: int) -> None:
    slow = ECHO_MODEL.replace("def predict_fn(data, model):", "def predict_fn(data, model):\n    time.sleep(0.01)")
    deploy(server, "target", code=slow, instances=replicas)
    failures: list[Exception] = []
    answers: list[list[str]] = [[] for _ in range(8)]
    enough = threading.Event()

    def ask(answered: list[str]) -> None:
        runtime = server.client("sagemaker-runtime")
        while not enough.is_set():
            try:
                body = runtime.invoke_endpoint(EndpointName="target", ContentType="text/csv", Body=b"x")["Body"]
                answered.append(body.read().decode())
            except (ClientError, BotoCoreError) as error:
                failures.append(error)

    threads = [threading.Thread(target=ask, args=(answered,)) for answered in answers]
    for thread in threads:
        thread.start()
    for _ in range(4):
        time.sleep(0.5)
        kill_one(server)
        before = [len(answered) for answered in answers]
        # A request is sent at most twice: before the next kill each one that this kill has met must have its answer.
        eventually(lambda before=before: all(len(a) > n + 1 for a, n in zip(answers, before, strict=True)), 60)
    enough.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({answer.split(":")[1] for answered in answers for answer in answered}) >= 4
    assert invoke(server, "target", "x").startswith("target:")


def test_a_hung_model_server_is_replaced(tmp_path: Path) -> None:
    with running_server(tmp_path, CLARY_REPLICA_SILENCE_SECONDS="2") as server:
        deploy(server, "target")
        first = invoke(server, "target", "x")
        signal_one(server, signal.SIGSTOP)
        second = eventually(lambda: answer_of_another(server, first), 60)
        assert second.startswith("target:")
        assert settled(server, "target")["EndpointStatus"] == "InService"


def answer_of_another(server: Server, first: str) -> str | None:
    """An answer from another process than `first`; None while only that one (which hangs) is there."""
    runtime = server.client("sagemaker-runtime", config=Config(read_timeout=2, retries={"total_max_attempts": 1}))
    try:
        body = runtime.invoke_endpoint(EndpointName="target", ContentType="text/csv", Body=b"x")["Body"]
    except (ClientError, BotoCoreError):
        return None
    answer = body.read().decode()
    return answer if answer != first else None


def test_killed_doors_come_back_and_others_go_on_serving(server: Server) -> None:
    """A connection to the dead door breaks, as when a machine of a load balancer dies; a client's retry succeeds."""
    deploy(server, "target")
    doors = [name for name in need_server(server.settings).children if name.startswith("door")]
    assert len(doors) == 2
    answers: list[str] = []
    failures: list[Exception] = []
    enough = threading.Event()

    def ask() -> None:
        runtime = server.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 4}))
        while not enough.is_set():
            try:
                body = runtime.invoke_endpoint(EndpointName="target", ContentType="text/csv", Body=b"x")["Body"]
                answers.append(body.read().decode())
            except (ClientError, BotoCoreError) as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for name in doors:
        before = len(answers)
        pid = server.child(name)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda name=name, pid=pid: server.child(name) != pid)
        eventually(lambda before=before: len(answers) > before + 50)
    enough.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(answers)) == 1, "the model server had nothing to do with it"


def kill_one(server: Server) -> None:
    signal_one(server, signal.SIGKILL)


def signal_one(server: Server, number: signal.Signals) -> None:
    """A signal to the process that serves one replica of the endpoint, as soon as there is one."""
    eventually(lambda: try_to_signal_one(server, number))


def try_to_signal_one(server: Server, number: signal.Signals) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            variables = (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        ours = f"AWS_ENDPOINT_URL={server.url}".encode() in variables
        if ours and b"clary_toolkit" in words and b"serve" in words and b"bwrap" not in words[0]:
            os.kill(int(process.name), number)
            return True
    return False
