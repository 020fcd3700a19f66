"""What the door waits for and for how long. All waits run at the same time, in one test, because they are long."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from tests.door.harness import Harness

PATIENCE = 2.0


def test_slow_clients_and_an_absent_control(harness: Harness) -> None:
    model = harness.model()
    harness.serve(model)
    harness.door(HEAD_SECONDS=PATIENCE, CONTROL_SECONDS=PATIENCE)
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(send_a_head_byte_by_byte, harness)
        absent = pool.submit(harness.ask, "GET", "/echo")
        while time.monotonic() - begun < PATIENCE / 2:
            assert harness.invoke(b"x").status == 200, "others are not held up"
            time.sleep(0.05)
        answer = absent.result(20)
        waited = time.monotonic() - begun
        assert (answer.status, answer.headers["content-type"]) == (503, "text/html")
        assert PATIENCE - 0.5 < waited < PATIENCE + 2
        said, seconds = slow.result(20)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert PATIENCE - 0.5 < seconds < PATIENCE + 2


def send_a_head_byte_by_byte(harness: Harness) -> tuple[bytes, float]:
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", harness.port), timeout=0.2) as connection:
        connection.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\nX: ")
        while time.monotonic() - begun < 20:
            try:
                connection.sendall(b"a")
                return connection.recv(1000), time.monotonic() - begun
            except TimeoutError:
                continue
    return b"", 0.0
