"""kill -9 of model servers under load: no invocation fails, with two replicas and with one."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.server import ECHO_MODEL, Server, deploy, eventually, invoke


@pytest.mark.parametrize("replicas", [2, 1])
def test_no_invocation_fails_while_model_servers_are_killed(server: Server, replicas: int) -> None:
    slow = ECHO_MODEL.replace("def predict_fn(data, model):", "def predict_fn(data, model):\n    time.sleep(0.01)")
    deploy(server, "target", code=slow, instances=replicas)
    failures: list[Exception] = []
    answers: list[str] = []
    enough = threading.Event()

    def ask() -> None:
        runtime = server.client("sagemaker-runtime")
        while not enough.is_set():
            try:
                body = runtime.invoke_endpoint(EndpointName="target", ContentType="text/csv", Body=b"x")["Body"]
                answers.append(body.read().decode())
            except (ClientError, BotoCoreError) as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        time.sleep(0.5)
        before = set(answers)
        kill_one(server)
        # A request is sent at most twice: the next kill waits until the replacement serves.
        eventually(lambda known=before: set(answers) - known, 30)
    enough.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({answer.split(":")[1] for answer in answers}) >= 4
    assert invoke(server, "target", "x").startswith("target:")


def kill_one(server: Server) -> None:
    """SIGKILL to the process that serves one replica of the endpoint."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            variables = (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        ours = f"AWS_ENDPOINT_URL={server.url}".encode() in variables
        if ours and b"clary_toolkit" in words and b"serve" in words and b"bwrap" not in words[0]:
            os.kill(int(process.name), signal.SIGKILL)
            return
    raise AssertionError("no model server runs")
