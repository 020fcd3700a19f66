"""The host of a function: its conversation, the exchange between threads, the Runtime API and its only clients."""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary_toolkit.functions.command import Host
from clary_toolkit.functions.conversation import Invocation, read_invocation, write_answer
from clary_toolkit.functions.exchange import Answer, Exchange, failure
from clary_toolkit.functions.program import command_of, describe_exit, function_variables
from clary_toolkit.functions.runtime_api import LARGEST_ANSWER, RuntimeApi

INVOCATION = Invocation("id-1", "arn:aws:lambda:us-east-1:111122223333:function:f", 5.0, "", b'{"a": 1}')


def spoken(head: dict[str, Any], payload: bytes) -> io.BytesIO:
    return io.BytesIO(json.dumps(head).encode() + b"\n" + payload)


def test_the_conversation() -> None:
    head = {"request_id": "id-1", "arn": INVOCATION.arn, "timeout": 5, "size": 8}
    assert read_invocation(spoken(head, b'{"a": 1}')) == INVOCATION
    assert read_invocation(spoken(head, b"cut")) is None
    assert read_invocation(spoken({**head, "size": 2**40}, b"")) is None
    assert read_invocation(io.BytesIO()) is None
    answer = io.BytesIO()
    write_answer(answer, b"payload", outcome="ok")
    assert answer.getvalue() == b'{"outcome": "ok", "size": 7}\npayload'


def test_an_answer_for_another_call_is_refused() -> None:
    exchange = Exchange()
    exchange.offer(INVOCATION)
    taken = exchange.take()
    assert taken is not None
    assert not exchange.answer("id-2", Answer(b"late"))
    assert exchange.answer("id-1", Answer(b"mine"))
    assert not exchange.answer("id-1", Answer(b"twice"))
    assert exchange.await_answer(1) == Answer(b"mine")


def test_time_runs_from_when_the_function_has_the_call() -> None:
    exchange = Exchange()
    exchange.offer(Invocation("id-1", "arn", 0.05, "", b"{}"))
    assert exchange.await_answer(0.05) is None, "nobody came"
    exchange.offer(Invocation("id-2", "arn", 0.05, "", b"{}"))
    threading.Timer(0.05, exchange.take).start()
    assert exchange.await_answer(60) is None, "taken, and not answered"
    assert exchange.seconds() >= 0.05


def test_the_end_of_the_process_ends_the_waiting() -> None:
    exchange = Exchange()
    exchange.offer(INVOCATION)
    exchange.note_exit(3)
    assert exchange.await_answer(60) is None
    assert exchange.exit_code == 3
    assert exchange.take() is None


def test_a_start_that_failed_answers_the_call() -> None:
    exchange = Exchange()
    exchange.offer(INVOCATION)
    exchange.fail_start({"errorType": "ImportError"})
    answer = exchange.await_answer(1)
    assert answer is not None
    assert (answer.failed, answer.ended, json.loads(answer.payload)) == (True, True, {"errorType": "ImportError"})


def test_a_start_that_failed_answers_whoever_comes_later() -> None:
    exchange = Exchange()
    exchange.fail_start({"errorType": "ImportError"})
    exchange.note_exit(1)
    exchange.offer(INVOCATION)
    answer = exchange.await_answer(60)
    assert answer is not None
    assert json.loads(answer.payload) == {"errorType": "ImportError"}


def test_words() -> None:
    assert describe_exit(3) == "Runtime exited with error: exit status 3"
    assert describe_exit(-9) == "Runtime exited with error: signal: killed"
    assert describe_exit(0) == "Runtime exited without providing a reason"
    document = json.loads(failure("Runtime.ExitError", "id", "gone").payload)
    assert document == {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: id Error: gone"}
    assert command_of("python3.11", "a.b") == [sys.executable, "-m", "awslambdaric", "a.b"]
    shown = function_variables({"CLARY_SERVER_SOCKET": "s", "CLARY_COLOUR": "blue", "A": "b"})
    assert shown == {"CLARY_COLOUR": "blue", "A": "b"}


@pytest.fixture
def served() -> Iterator[tuple[RuntimeApi, Exchange]]:
    """The API for this very process's session."""
    exchange = Exchange()
    api = RuntimeApi(lambda: (exchange, os.getsid(0)))
    api.start()
    yield api, exchange
    api.stop()


def ask(api: RuntimeApi, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection(api.address, timeout=10)
    try:
        connection.request(method, f"/2018-06-01/runtime/{path}", body)
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


def test_the_runtime_api(served: tuple[RuntimeApi, Exchange]) -> None:
    api, exchange = served
    exchange.offer(INVOCATION)
    status, body, headers = ask(api, "GET", "invocation/next")
    assert (status, body) == (200, b'{"a": 1}')
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == INVOCATION.arn
    assert int(headers["Lambda-Runtime-Deadline-Ms"]) > 0
    assert ask(api, "POST", "invocation/other/response", b"1")[0] == 400
    assert ask(api, "POST", "invocation/id-1/nothing", b"1")[0] == 404
    assert ask(api, "GET", "../../etc/passwd")[0] == 404
    assert ask(api, "POST", "invocation/id-1/response", b"1")[0] == 202
    assert exchange.await_answer(1) == Answer(b"1")


def test_answers_that_are_too_large(served: tuple[RuntimeApi, Exchange]) -> None:
    api, exchange = served
    exchange.offer(INVOCATION)
    ask(api, "GET", "invocation/next")
    assert ask(api, "POST", "invocation/id-1/response", b"x" * (LARGEST_ANSWER + 1))[0] == 413
    answer = exchange.await_answer(1)
    assert answer is not None
    assert json.loads(answer.payload)["errorType"] == "Function.ResponseSizeTooLarge"
    assert answer.ended, "the official clients end after that"


def test_other_processes_are_not_served(served: tuple[RuntimeApi, Exchange]) -> None:
    """A process of another session reaches the port, and is cut off before a word."""
    api, exchange = served
    exchange.offer(INVOCATION)
    program = (
        "import http.client, sys\n"
        "connection = http.client.HTTPConnection(sys.argv[1], timeout=10)\n"
        "try:\n"
        "    connection.request('GET', '/2018-06-01/runtime/invocation/next')\n"
        "    print(connection.getresponse().read())\n"
        "except OSError:\n"
        "    print('cut off')\n"
    )
    command = [sys.executable, "-I", "-c", program, api.address]
    stranger = subprocess.run(command, capture_output=True, text=True, start_new_session=True, timeout=30, check=True)
    assert stranger.stdout == "cut off\n"
    relative = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert relative.stdout == "b'{\"a\": 1}'\n", "one of the session is served"


def test_a_host_survives_its_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a client of three lines in place of the official one."""
    client = tmp_path / "client.py"
    client.write_text(
        "import http.client, json, os, sys\n"
        "connection = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
        "while True:\n"
        "    connection.request('GET', '/2018-06-01/runtime/invocation/next')\n"
        "    response = connection.getresponse()\n"
        "    event = json.loads(response.read())\n"
        "    if 'exit' in event:\n"
        "        sys.exit(event['exit'])\n"
        "    name = response.headers['Lambda-Runtime-Aws-Request-Id']\n"
        "    print('hello', event, flush=True)\n"
        "    connection.request('POST', f'/2018-06-01/runtime/invocation/{name}/response', json.dumps(event))\n"
        "    connection.getresponse().read()\n"
        "    if 'leave' in event:\n"
        "        sys.exit(5)\n"
    )
    monkeypatch.setattr("clary_toolkit.functions.command.command_of", lambda *_: [sys.executable, str(client)])
    monkeypatch.setattr("sys.stdout", (tmp_path / "log").open("w"))
    variables = {
        **os.environ,
        "CLARY_FUNCTION_RUNTIME": "python3.11",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "_HANDLER": "a.b",
    }
    host = Host(variables)
    host.start()
    try:
        answer, tail = host.perform(INVOCATION)
        assert (answer.failed, json.loads(answer.payload)) == (False, {"a": 1})
        assert tail.decode().splitlines()[:2] == ["START RequestId: id-1 Version: 7", "hello {'a': 1}"]
        answer, tail = host.perform(Invocation("id-2", "arn", 5.0, "", b'{"exit": 4}'))
        assert "exit status 4" in answer.payload.decode()
        assert b"id-1" not in tail
        assert host.perform(INVOCATION)[0].payload == b'{"a": 1}'
        host.perform(Invocation("id-3", "arn", 5.0, "", b'{"leave": 1}'))
        first = host._program
        assert first is not None
        first.exchange.take()  # until it has ended
        assert host.perform(INVOCATION)[0].payload == b'{"a": 1}', "a process that ended in between is replaced"
    finally:
        host.stop()
        sys.stdout.close()
