"""Start, readiness, broken models, stop requests, several workers."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.toolkit.conftest import Serve
from tests.toolkit.running import DEADLINE, SOURCE, ModelServer, OptMl, UnixConnection, connected, last_line

ECHO = "def model_fn(d): return 1\ndef transform_fn(m, data, kind, accept): return data\n"
SLOW = """
import os, time
from pathlib import Path

def model_fn(d): return 1

def transform_fn(m, data, kind, accept):
    Path(os.environ["BEGUN"]).write_text(data)
    time.sleep(float(data))
    return data
"""
PREFIX = "clary-toolkit: the model server could not start: "


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "import no_such_thing",
            "importing inference.py raised ModuleNotFoundError: No module named 'no_such_thing'",
        ),
        ("def broken(:", "importing inference.py raised SyntaxError:"),
        ("raise ValueError('at import')", "importing inference.py raised ValueError: at import"),
        ("import sys; sys.exit(3)", "importing inference.py ended the process with sys.exit(3)"),
        ("def predict_fn(d, m): return d", "inference.py does not define model_fn, which framework 'base' needs"),
        ("def model_fn(d): return 1", "inference.py does not define predict_fn, which framework 'base' needs"),
        ("model_fn = 3", "model_fn in inference.py is not a function"),
        (
            "def model_fn(d): return open(d + '/model.joblib')\ndef transform_fn(m, d, k, a): return d",
            "model_fn raised FileNotFoundError: [Errno 2] No such file or directory:",
        ),
        (
            "def model_fn(): return 1\ndef transform_fn(m, d, k, a): return d",
            "model_fn raised TypeError: model_fn() takes 0 positional arguments but 1 was given",
        ),
        (f"{ECHO}\ndef model_fn(d): raise SystemExit('no')", "model_fn ended the process with sys.exit('no')"),
        (f"{ECHO}\ndef model_warmup_fn(d, m): 1 / 0", "model_warmup_fn raised ZeroDivisionError: division by zero"),
        (f"{ECHO}\ndef pre_model_fn(d): 1 / 0", "pre_model_fn raised ZeroDivisionError: division by zero"),
    ],
)
def test_a_broken_model_names_its_cause_last(serve: Serve, opt_ml: OptMl, code: str, reason: str) -> None:
    server = serve(code, ready=False)
    assert server.process.wait(DEADLINE) == 1
    log = server.log()
    assert log.splitlines()[-1].startswith(PREFIX + reason)
    assert opt_ml.failure.startswith(f"ModelServerError: {reason}")
    if "raised" in reason:
        assert "Traceback (most recent call last):" in log


def test_a_missing_program_is_named(serve: Serve) -> None:
    server = serve(ECHO, ready=False, SAGEMAKER_PROGRAM="other.py")
    assert server.process.wait(DEADLINE) == 1
    assert last_line(server) == f"{PREFIX}other.py is not in the model's code folder; it holds: inference.py"


def test_an_installation_that_fails_is_named(serve: Serve, opt_ml: OptMl) -> None:
    server = serve(ECHO, ready=False, files={"requirements.txt": "--no-index\nclary-no-such-package\n"})
    assert server.process.wait(DEADLINE) == 1
    assert last_line(server) == f"{PREFIX}installing -r requirements.txt failed"
    assert "clary-no-such-package" in opt_ml.failure


@pytest.mark.parametrize("extra", [{"SAGEMAKER_BIND_TO_PORT": "x"}, {"SAGEMAKER_MODEL_SERVER_WORKERS": "-1"}])
def test_settings_that_are_no_numbers_are_named(opt_ml: OptMl, extra: dict[str, str]) -> None:
    code, output = opt_ml.run("serve", **extra)
    assert code == 1
    assert next(iter(extra)) in output.splitlines()[-1]


def test_a_read_only_output_folder_is_no_matter(serve: Serve, opt_ml: OptMl) -> None:
    (opt_ml.base / "output").rmdir()
    server = serve("raise ValueError('x')", ready=False)
    assert server.process.wait(DEADLINE) == 1
    assert last_line(server).startswith(PREFIX)


def test_nobody_can_connect_before_the_model_is_loaded(serve: Serve, opt_ml: OptMl) -> None:
    gate = opt_ml.base / "gate"
    server = serve(
        f"import os, time\n{ECHO}\ndef model_fn(d):\n    print('loading', flush=True)\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n",
        ready=False,
    )
    assert server.process.stdout is not None
    assert server.process.stdout.readline() == "loading\n"
    with pytest.raises(ConnectionRefusedError):
        connected(server.path)
    gate.touch()
    server.wait_until_ready()


def test_a_stop_request_while_loading_ends_at_once(serve: Serve) -> None:
    server = serve(
        f"import time\n{ECHO}\ndef model_fn(d): print('loading', flush=True); time.sleep(60)\n", ready=False
    )
    assert server.process.stdout is not None
    server.process.stdout.readline()
    assert server.stop() == -signal.SIGTERM


def test_tcp_when_no_socket_is_given(opt_ml: OptMl) -> None:
    (opt_ml.base / "model/code").mkdir()
    (opt_ml.base / "model/code/inference.py").write_text(ECHO)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = opt_ml.start("serve", SAGEMAKER_BIND_TO_PORT=str(port))
    try:
        assert tcp_ping(port) == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.communicate()


def tcp_ping(port: int) -> int:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.02)
        finally:
            connection.close()
    return 0


def test_a_stale_socket_is_replaced_and_a_taken_path_is_named(serve: Serve, opt_ml: OptMl) -> None:
    first = serve(ECHO)
    first.process.kill()
    first.process.wait()
    assert first.path.exists()
    assert serve(ECHO, path=first.path).invoke("again", "text/csv").text == "again"
    file = opt_ml.base / "file"
    file.write_text("not a socket")
    code, output = opt_ml.run("serve", CLARY_SERVER_SOCKET=str(file))
    assert code == 1
    assert f"cannot bind {file}" in output.splitlines()[-1]


@pytest.fixture
def slow(serve: Serve, tmp_path: Path) -> Iterator[Slow]:
    with ThreadPoolExecutor() as pool:
        yield Slow(serve(SLOW, BEGUN=str(tmp_path / "begun")), tmp_path / "begun", pool)


@dataclass
class Slow:
    """A server whose predictions take as many seconds as the request says."""

    server: ModelServer
    begun: Path
    pool: ThreadPoolExecutor

    def predict(self, seconds: str) -> Future[str]:
        """The answer, once the prediction runs."""
        self.begun.unlink(missing_ok=True)
        answer = self.pool.submit(lambda: self.server.invoke(seconds, "text/csv").text)
        deadline = time.monotonic() + DEADLINE
        while not self.begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return answer


def test_ping_answers_while_a_prediction_runs(slow: Slow) -> None:
    answer = slow.predict("1.0")
    assert slow.server.request("GET", "/ping").status == 200
    assert not answer.done()
    assert answer.result() == "1.0"


def test_a_stop_request_lets_requests_finish(slow: Slow) -> None:
    server = slow.server
    running = slow.predict("0.8")
    waiting = slow.pool.submit(lambda: server.invoke("0.3", "text/csv").text)
    time.sleep(0.4)  # until the second waits behind the first
    server.process.send_signal(signal.SIGTERM)
    assert (running.result(), waiting.result()) == ("0.8", "0.3")
    assert server.process.wait(DEADLINE) == 0
    assert server.log() == ""
    assert not server.path.exists()


def test_the_stop_request_is_heard_during_a_prediction(slow: Slow) -> None:
    server = slow.server
    answer = slow.predict("1.5")
    server.process.send_signal(signal.SIGTERM)
    while server.path.exists():  # not after the prediction, but now
        assert not answer.done()
        time.sleep(0.01)
    assert answer.result() == "1.5"
    assert server.process.wait(DEADLINE) == 0


def test_idle_connections_are_closed_on_stop(serve: Serve) -> None:
    server = serve(ECHO)
    with connected(server.path) as sock:
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 3
        assert sock.recv(10) == b""


STOPPED_AT_ONCE = """
import os, signal, socket, sys
from pathlib import Path
from clary_toolkit.serving import network, worker
from clary_toolkit.serving.settings import Settings

def start(self, start=network.Network.start):
    start(self)
    os.kill(os.getpid(), signal.SIGTERM)

network.Network.start = start
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
worker.run_worker(Settings.from_variables({}), Path(sys.argv[1]), listener, None)
"""


def test_a_stop_request_just_after_the_first_answer_drains(tmp_path: Path) -> None:
    (tmp_path / "inference.py").write_text(ECHO)
    command = [sys.executable, "-c", STOPPED_AT_ONCE, str(tmp_path)]
    ended = subprocess.run(command, env={"PYTHONPATH": str(SOURCE)}, check=False, timeout=DEADLINE)
    assert ended.returncode == 0


def test_a_request_on_an_idle_connection_is_served_while_stopping(serve: Serve) -> None:
    server = serve(ECHO)
    connection = UnixConnection(server.path)
    connection.request("GET", "/ping")
    connection.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    connection.request("POST", "/invocations", "late", {"content-type": "text/csv"})
    response = connection.getresponse()
    assert (response.read(), response.headers["connection"]) == (b"late", "close")
    connection.close()
    assert server.process.wait(DEADLINE) == 0


def test_a_request_that_never_ends_does_not_hold_the_server(serve: Serve) -> None:
    server = serve(ECHO)
    with connected(server.path) as sock:
        sock.sendall(b"POST /invocations HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc")
        time.sleep(0.1)
        started = time.monotonic()
        assert server.stop() == 0
        assert 2 < time.monotonic() - started < 8


def test_user_code_cannot_take_the_stop_request_away(serve: Serve) -> None:
    server = serve(
        f"import signal\n{ECHO}\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "def model_fn(d): signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    )
    assert server.stop() == 0


def hammer(server: ModelServer, stop: threading.Event, failed: list[str], answered: list[int]) -> None:
    """A client as the platform's door is one: keeps its connection, reconnects when told to close."""
    connection: UnixConnection | None = None
    while not stop.is_set():
        try:
            if connection is None:
                connection = UnixConnection(server.path)
                connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            return  # no longer offered: the door has gone elsewhere
        try:
            connection.request("POST", "/invocations", "x", {"content-type": "text/csv"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            failed.append(repr(error))
            return
        answered.append(response.status)
        if response.headers.get("connection") == "close":
            connection.close()
            connection = None


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_fails_when_a_server_is_stopped_under_load(serve: Serve, workers: str) -> None:
    server = serve(ECHO, SAGEMAKER_MODEL_SERVER_WORKERS=workers)
    stop, failed, answered = threading.Event(), list[str](), list[int]()
    clients = [threading.Thread(target=hammer, args=(server, stop, failed, answered)) for _ in range(8)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    assert server.stop() == 0
    stop.set()
    for client in clients:
        client.join(DEADLINE)
    assert failed == []
    assert len(answered) > 50
    assert set(answered) == {200}


PIDS = f"import os\n{ECHO}\ndef transform_fn(m, d, k, a): return str(os.getpid())\n"


def pids_of(server: ModelServer, tries: int = 200) -> set[int]:
    return {int(server.invoke("x").text) for _ in range(tries)}


def test_workers_share_the_socket_and_a_killed_one_is_replaced(serve: Serve) -> None:
    server = serve(PIDS, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    end = time.monotonic() + DEADLINE
    while len(pids := pids_of(server)) < 2 and time.monotonic() < end:
        pass
    assert len(pids) == 2
    assert server.process.pid not in pids
    killed = min(pids)
    os.kill(killed, signal.SIGKILL)
    while len(after := pids_of(server) - {killed}) < 2 and time.monotonic() < end:
        pass
    assert len(after) == 2
    assert server.stop() == 0
    assert "a worker was killed by signal 9" in server.log()


def test_a_broken_model_ends_all_workers(serve: Serve) -> None:
    server = serve("raise ValueError('x')", ready=False, SAGEMAKER_MODEL_SERVER_WORKERS="3")
    assert server.process.wait(DEADLINE) == 1
    # Three workers write at once: which of them has the last word is not settled.
    assert f"{PREFIX}importing inference.py raised ValueError: x" in server.log().splitlines()
