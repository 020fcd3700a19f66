"""kill -9 of control while a function runs: nothing is left behind, and the function answers again."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import zipfile
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from tests.server import Server, eventually

CODE = """
import os, time

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return os.getpid()
"""


def units(server: Server) -> list[str]:
    return [item.name for item in server.settings.layout.units.iterdir() if item.name.startswith("f")]


def test_processes_of_a_killed_control_go_and_new_ones_come(server: Server) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = server.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("app.py", CODE)
    client = server.client("lambda")
    client.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Timeout=60,
        Code={"ZipFile": buffer.getvalue()},
    )
    client.invoke(FunctionName="f", Payload=b"{}")

    def ask() -> None:
        with suppress(ClientError, BotoCoreError):
            client.invoke(FunctionName="f", Payload=b'{"seconds": 50}')

    caller = threading.Thread(target=ask)
    caller.start()
    before = set(eventually(lambda: units(server)))
    os.kill(server.child("control"), signal.SIGKILL)
    caller.join()

    def again() -> bool:
        with suppress(ClientError, BotoCoreError):
            return "FunctionError" not in server.client("lambda").invoke(FunctionName="f", Payload=b"{}")
        return False

    eventually(again, 60)
    assert before.isdisjoint(units(server)), "the old process is gone with its folder"
