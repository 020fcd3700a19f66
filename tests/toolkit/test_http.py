"""HTTP on the wire: keep-alive, pipelining, chunks, limits, and what is not HTTP."""

from __future__ import annotations

import threading
import time

from tests.toolkit.conftest import Serve
from tests.toolkit.running import ModelServer, UnixConnection, connected

ECHO = "def model_fn(d): return 1\ndef transform_fn(m, data, kind, accept): return data\n"
POST = b"POST /invocations HTTP/1.1\r\nhost: m\r\ncontent-type: text/csv\r\n"


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def post(body: bytes) -> bytes:
    return POST + b"content-length: %d\r\n\r\n%s" % (len(body), body)


def test_a_connection_serves_many_requests(serve: Serve) -> None:
    server = serve(ECHO)
    connection = UnixConnection(server.path)
    for number in range(20):
        connection.request("POST", "/invocations", str(number), {"content-type": "text/csv"})
        assert connection.getresponse().read() == str(number).encode()
    used = connection.sock
    connection.request("GET", "/ping")
    assert connection.getresponse().read() == b""
    assert connection.sock is used
    connection.close()


def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    server = serve(ECHO)
    ping = b"GET /ping HTTP/1.1\r\nhost: m\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n"
    requests = b"".join(post(b"%03d" % number) + ping for number in range(200))
    received = server.raw(requests + last)
    assert statuses(received) == [200] * 400 + [404]
    bodies = [part.rsplit(b"\r\n\r\n", 1)[1] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert bodies[:400:2] == [b"%03d" % number for number in range(200)]


def test_thousands_of_pings_in_one_piece(serve: Serve) -> None:
    server = serve(ECHO)
    received = server.raw(b"GET /ping HTTP/1.1\r\nhost: m\r\n\r\n" * 3000 + b"GET / HTTP/1.0\r\n\r\n")
    assert statuses(received) == [200] * 3000 + [404]


def test_chunked_bodies(serve: Serve) -> None:
    server = serve(ECHO)
    head = POST + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    received = server.raw(head + b"3\r\nabc\r\n", then=b"2;ext=1\r\nde\r\n0\r\ncontent-type: trailer\r\n\r\n")
    assert received.endswith(b"\r\n\r\nabcde")
    assert b"content-type: application/json\r\n" in received


def test_head_has_no_body(serve: Serve) -> None:
    server = serve(ECHO)
    received = server.raw(b"HEAD /execution-parameters HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n")
    assert statuses(received) == [200]
    assert received.endswith(b"\r\n\r\n")
    assert b"content-length: 0" not in received


def test_wrong_places_and_methods(serve: Serve) -> None:
    server = serve(ECHO)
    assert server.request("GET", "/").status == 404
    refused = server.request("GET", "/invocations")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    assert server.request("POST", "/ping", "").status == 405
    assert server.request("POST", "/invocations?query=is+ignored", "x", {"content-type": "text/csv"}).text == "x"


NOT_HTTP = [
    b"this is not http\r\n\r\n",
    b"GET /ping HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    POST + b"content-length: x\r\n\r\n",
    POST + b"content-length: -1\r\n\r\n",
    POST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    b"GET /ping HTTP/1.1\r\nhost: m\r\nbad header\r\n\r\n",
]


def test_what_is_not_http_is_refused_and_closed(serve: Serve) -> None:
    server = serve(ECHO)
    for data in NOT_HTTP:
        with connected(server.path) as sock:
            sock.sendall(data)
            received = b""
            while chunk := sock.recv(65536):  # ends only when the server closes
                received += chunk
        assert statuses(received) == [400], data
        assert b"connection: close" in received
        assert server.invoke("still here", "text/csv").text == "still here"


def test_an_upgrade_is_answered_in_plain_http_and_nothing_follows(serve: Serve) -> None:
    server = serve(ECHO)
    head = b" HTTP/1.1\r\nhost: m\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    for start, status in [(b"GET /ping", 200), (b"POST /invocations", 200), (b"CONNECT a:1", 404)]:
        received = server.raw(start + head + post(b"smuggled"))
        assert statuses(received) == [status]
        assert b"smuggled" not in received


def test_a_bad_request_behind_a_good_one_keeps_its_turn(serve: Serve) -> None:
    server = serve(ECHO)
    received = server.raw(post(b"good") + b"garbage\r\n\r\n" + post(b"never"))
    assert statuses(received) == [200, 400]
    assert b"never" not in received


def test_the_payload_limit(serve: Serve) -> None:
    server = serve(ECHO, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    size = 1 << 20
    assert server.invoke(b"x" * size, "text/csv").status == 200
    announced = server.raw(POST + b"content-length: %d\r\nexpect: 100-continue\r\n\r\n" % (size + 1))
    assert statuses(announced) == [413]
    chunk = b"%x\r\n%s\r\n" % (700_000, b"x" * 700_000)
    chunked = server.raw(POST + b"transfer-encoding: chunked\r\n\r\n", then=chunk * 2)
    assert statuses(chunked) == [413]


def test_without_a_setting_there_is_no_limit(serve: Serve) -> None:
    assert len(serve(ECHO).invoke(b"x" * (30 << 20), "text/csv").body) == 30 << 20


def test_endless_headers_are_refused(serve: Serve) -> None:
    server = serve(ECHO)
    with connected(server.path) as sock:
        sock.sendall(b"GET /ping HTTP/1.1\r\nx: ")
        received = b""
        for _ in range(100):
            sock.sendall(b"y" * 8192)
            time.sleep(0.001)
            sock.setblocking(False)
            try:
                received += sock.recv(4096)
            except BlockingIOError:
                continue
            finally:
                sock.settimeout(10)
            break
    assert statuses(received) == [431]


def test_expect_continue(serve: Serve) -> None:
    server = serve(ECHO)
    with connected(server.path) as sock:
        sock.sendall(POST + b"content-length: 2\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ok")
        assert sock.recv(1000).endswith(b"ok")


def test_a_client_that_goes_away_harms_nobody(serve: Serve) -> None:
    server = serve(
        "import time\ncalls = []\ndef model_fn(d): return 1\n"
        "def transform_fn(m, data, k, a):\n"
        "    calls.append(data); time.sleep(0.2); return ','.join(calls)\n"
    )
    first, second = connected(server.path), connected(server.path)
    first.sendall(post(b"gone-early"))
    time.sleep(0.1)  # it is being answered
    second.sendall(post(b"gone-before-its-turn"))
    time.sleep(0.02)
    second.close()
    first.close()
    assert server.invoke("stays", "text/csv").text == "gone-early,stays"
    assert server.stop() == 0
    assert server.log() == ""


def invoke_many(server: ModelServer, count: int, wrong: list[str]) -> None:
    connection = UnixConnection(server.path)
    for number in range(count):
        body = f"{threading.get_ident()}-{number}"
        connection.request("POST", "/invocations", body, {"content-type": "text/csv"})
        reply = connection.getresponse().read().decode()
        if reply != body:
            wrong.append(reply)
    connection.close()


def test_concurrent_clients_get_their_own_answers(serve: Serve) -> None:
    server = serve(ECHO)
    wrong: list[str] = []
    threads = [threading.Thread(target=invoke_many, args=(server, 100, wrong)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
