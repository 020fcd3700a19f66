"""Answers in parts: generators, other iterators and files; each part leaves before the next is made."""

from __future__ import annotations

import http.client
import io
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from clary_toolkit.serving.calls import UserCodeFailed
from clary_toolkit.serving.network import IDLE_GRACE, RECEIVE_GRACE
from clary_toolkit.serving.parts import Parts, comes_in_parts
from tests.toolkit.conftest import Serve
from tests.toolkit.running import DEADLINE, ModelServer, UnixConnection

STREAMING = """
import time
from pathlib import Path
def model_fn(d): return Path({folder!r})
def transform_fn(folder, data, kind, accept, context):
    context.set_custom_attributes("c1")
    if data == "fails at once":
        raise ValueError("no first part")
    if data == "empty":
        return
    if data == "endless":
        try:
            while True:
                yield "x" * 1000
        finally:
            (folder / "closed").touch()
    yield "first;"
    if data == "fails later":
        raise ValueError("no second part")
    if data == "odd":
        yield 7
    while not (folder / "go").exists():
        time.sleep(0.005)
    yield b""
    yield b"second"
"""


def begin(server: ModelServer, data: str) -> tuple[UnixConnection, http.client.HTTPResponse]:
    connection = UnixConnection(server.path)
    connection.request("POST", "/invocations", data, {"content-type": "text/csv"})
    return connection, connection.getresponse()


def await_file(path: Path) -> None:
    end = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_part_leaves_while_the_model_still_makes_the_next(serve: Serve, tmp_path: Path) -> None:
    server = serve(STREAMING.format(folder=str(tmp_path)))
    connection, response = begin(server, "x")
    assert response.getheader("transfer-encoding") == "chunked"
    assert response.getheader("x-amzn-sagemaker-custom-attributes") == "c1"
    assert response.read(6) == b"first;"
    (tmp_path / "go").touch()  # only now can the model go on
    assert response.read() == b"second"
    connection.request("POST", "/invocations", "empty", {"content-type": "text/csv"})
    assert connection.getresponse().read() == b""
    connection.close()
    old = server.raw(b"POST /invocations HTTP/1.0\r\ncontent-type: text/csv\r\ncontent-length: 1\r\n\r\nx")
    assert old.endswith(b"\r\n\r\nfirst;second")
    assert b"chunked" not in old


def test_failures_before_and_behind_the_first_part(serve: Serve, tmp_path: Path) -> None:
    server = serve(STREAMING.format(folder=str(tmp_path)))
    reply = server.invoke("fails at once", "text/csv")
    assert (reply.status, reply.text) == (500, "the next part of the answer raised ValueError: no first part")
    for data in ("fails later", "odd"):
        connection, response = begin(server, data)
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
        assert caught.value.partial == b"first;"
        connection.close()
    assert server.stop() == 0
    log = server.log()
    assert "ValueError: no second part" in log
    assert "must be str or bytes, not int" in log


def test_a_generator_is_closed_when_its_client_goes(serve: Serve, tmp_path: Path) -> None:
    server = serve(STREAMING.format(folder=str(tmp_path)))
    connection, response = begin(server, "endless")
    assert response.read(1000) == b"x" * 1000
    time.sleep(0.05)  # the model is held up by a client that does not read
    assert not (tmp_path / "closed").exists()
    response.close()
    connection.close()
    await_file(tmp_path / "closed")
    (tmp_path / "go").touch()
    assert server.invoke("x", "text/csv").text == "first;second"


def test_a_stop_request_lets_a_stream_end_and_closes_behind_it(serve: Serve, tmp_path: Path) -> None:
    server = serve(STREAMING.format(folder=str(tmp_path)))
    connection, response = begin(server, "x")
    assert response.read(6) == b"first;"
    server.process.send_signal(signal.SIGTERM)
    time.sleep(IDLE_GRACE + 0.2)  # connections without a request have been closed by now
    (tmp_path / "go").touch()
    assert response.read() == b"second"
    connection.sock.settimeout((RECEIVE_GRACE - IDLE_GRACE) / 2)  # before anything else would close it
    assert connection.sock.recv(1) == b""
    connection.close()
    assert server.process.wait(DEADLINE) == 0


def test_predictions_in_parts_and_files_need_no_output_fn(serve: Serve, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"y" * 300_000)
    server = serve(
        "def model_fn(d): return 1\ndef input_fn(data, kind): return data\n"
        f"def predict_fn(data, m): return open({str(big)!r}, 'rb') if data == 'file' else (c for c in data)\n"
    )
    assert server.invoke("file", "text/csv").body == b"y" * 300_000
    assert server.invoke("abc", "text/csv").text == "abc"


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        (iter(["a", "", b"b", bytearray(b"c")]), [b"a", b"b", b"c"]),
        (io.BytesIO(b"d" * 70_000), [b"d" * 65536, b"d" * 4464]),
        (io.StringIO("text"), [b"text"]),
        (io.BytesIO(), []),
    ],
)
def test_what_comes_in_parts(source: Any, parts: list[bytes]) -> None:
    assert comes_in_parts(source)
    assert list(Parts(source)) == parts


def test_what_does_not(tmp_path: Path) -> None:
    assert not any(comes_in_parts(body) for body in ("text", b"bytes", [1, 2], (1,), {"a": 1}, None, tmp_path))
    with pytest.raises(UserCodeFailed, match="must be str or bytes, not int"):
        next(Parts(iter([7])))
