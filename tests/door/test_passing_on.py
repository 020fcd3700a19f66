"""What is passed on to control, and how: unchanged, streaming, at constant memory, patient while it restarts."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.door.harness import Harness


def memory_kb(pid: int, kind: str = "VmRSS") -> int:
    found = re.search(rf"{kind}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def pieces(count: int, size: int = 1 << 20) -> Iterator[bytes]:
    piece = bytes(range(256)) * (size // 256)
    for _ in range(count):
        yield piece


def test_target_and_body_are_untouched(house: Harness) -> None:
    echo = house.ask("PUT", "/echo?x=%41&y=%2e%2E", b"body\x00\xff").json()
    assert (echo["method"], echo["target"], echo["body"]) == ("PUT", "/echo?x=%41&y=%2e%2E", "body\x00\xff")


def test_headers_are_end_to_end_and_nobody_can_pretend_to_be_the_door(house: Harness) -> None:
    headers = {
        "Host": "bucket.s3.localhost:1234",
        "X-Clary-Client": "6.6.6.6",
        "x-clary-anything": "1",
        "X-Amz-Date": "20260101T000000Z",
        "Connection": "keep-alive, X-Mine, Host, X-Amz-Date",
        "X-Mine": "hop",
        "TE": "trailers",
        "X-Other": "end",
    }
    answer = house.ask("GET", "/echo", None, headers)
    seen = dict(answer.json()["headers"])
    assert seen["host"] == "bucket.s3.localhost:1234"
    assert (seen["x-clary-client"], seen["x-clary-scheme"]) == ("127.0.0.1", "http")
    assert seen["x-amz-date"] == "20260101T000000Z"
    assert seen["x-other"] == "end"
    assert not {"x-mine", "te", "connection", "x-clary-anything"} & set(seen)
    assert "keep-alive" not in answer.headers


def test_answers_without_body(house: Harness) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)) as connection:
        for method, path, status in [("HEAD", "/echo", 200), ("GET", "/nothing", 204), ("HEAD", "/echo", 200)]:
            connection.request(method, path)
            response = connection.getresponse()
            assert (response.status, response.read()) == (status, b"")
        connection.request("GET", "/ready")
        assert connection.getresponse().status == 200


def test_chunked_bodies_stay_whole_in_both_directions(house: Harness) -> None:
    answer = house.ask("POST", "/count", pieces(3, 100 * 256))
    whole = b"".join(pieces(3, 100 * 256))
    assert answer.json() == {"size": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    streamed = house.ask("GET", "/stream?300000")
    assert (streamed.headers["transfer-encoding"], len(streamed.body)) == ("chunked", 300000)


def test_bodies_stream_up_and_down_at_constant_memory(harness: Harness) -> None:
    """256 MiB each way suffice to tell: held back anywhere, it would show in the high-water mark."""
    harness.control()
    door = harness.door()
    harness.ask("GET", "/ready")
    before = memory_kb(door.pid, "VmHWM")
    count = 256
    answer = harness.ask("POST", "/count", pieces(count), {"Content-Length": str(count << 20)})
    assert answer.json()["size"] == count << 20
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", harness.port, timeout=60)) as connection:
        connection.request("GET", f"/stream?{count << 20}")
        response = connection.getresponse()
        time.sleep(0.3)  # a reader that is slow to start
        left = count << 20
        while part := response.read(1 << 20):
            left -= len(part)
        assert left == 0
    assert memory_kb(door.pid, "VmHWM") - before < 16 * 1024


def test_expect_100_continue_is_answered_by_control(house: Harness) -> None:
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as connection:
        connection.sendall(b"PUT /count HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        said = b""
        while b'"size": 5' not in said:
            said += connection.recv(2000)


def test_control_may_refuse_before_the_body_comes(house: Harness) -> None:
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as connection:
        connection.sendall(b"PUT /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        said = b""
        while part := connection.recv(1000):
            said += part
    assert said.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in said.lower()


def test_a_client_that_leaves_is_forgotten(house: Harness) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", house.port)) as connection:
            connection.sendall(b"GET /slow?0.2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert house.ask("GET", "/ready").status == 200


def test_requests_wait_while_control_is_away(harness: Harness) -> None:
    harness.door()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(harness.ask, "POST", "/echo", b"body %d" % number) for number in range(8)]
        time.sleep(0.5)
        assert not any(answer.done() for answer in answers)
        harness.control()
        assert sorted(answer.result(5).json()["body"] for answer in answers) == [f"body {n}" for n in range(8)]


def test_killed_again_and_again_control_loses_no_question(harness: Harness) -> None:
    """GETs are repeated on a new connection; three kills, none is seen by the clients."""
    harness.door()
    control = harness.control()
    statuses: list[int] = []
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            statuses.append(harness.ask("GET", "/slow?0.01").status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.2)
        control.kill()
        control.wait()
        control = harness.control()
    enough.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_a_body_that_was_sent_is_not_sent_twice(harness: Harness) -> None:
    harness.door()
    control = harness.control()
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(harness.ask("POST", "/slow?5", b"once").status))
    thread.start()
    time.sleep(0.3)
    control.kill()
    control.wait()
    thread.join(30)
    assert results == [503]


def test_invocations_do_not_need_control(harness: Harness) -> None:
    model = harness.model()
    harness.serve(model)
    harness.door()
    assert harness.invoke(b"x").status == 200
    control = harness.control()
    control.kill()
    control.wait()
    assert harness.invoke(b"x").status == 200
