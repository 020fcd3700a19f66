"""Hostile and broken HTTP: refused with 4xx or closed, quickly, without harm to others."""

from __future__ import annotations

import socket
import time

import pytest

from clary.door import limits
from tests.door.harness import Harness

OK = b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"

SMUGGLING = {
    "length and chunked": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "list of lengths": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "plus": POST + b"Content-Length: +4\r\n\r\nabcd",
    "minus": POST + b"Content-Length: -4\r\n\r\nabcd",
    "hexadecimal": POST + b"Content-Length: 0x4\r\n\r\nabcd",
    "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabcd",
    "empty length": POST + b"Content-Length: \r\n\r\nabcd",
    "folded": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded value": POST + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "space before colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "compressed": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "bare line feed": b"GET /echo HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "bare carriage return": b"GET /echo HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
    "nul": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: y\x00z\r\n\r\n",
    "no host": b"GET /echo HTTP/1.1\r\n\r\n",
    "empty host": b"GET /echo HTTP/1.1\r\nHost:\r\n\r\n",
    "two hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two signatures": b"GET /echo HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
    "version 1.2": b"GET /echo HTTP/1.2\r\nHost: a\r\n\r\n",
    "version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no method": b"HELLO WORLD\r\n\r\n",
    "connect": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment": b"GET /echo#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "space in target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "upgrade with body": POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nabcd",
    "bad chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk too long": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "unknown expectation": POST + b"Expect: a-pony\r\nContent-Length: 4\r\n\r\nabcd",
}


@pytest.mark.parametrize("data", SMUGGLING.values(), ids=SMUGGLING)
def test_ambiguous_or_broken_requests_are_refused_and_the_connection_ends(house: Harness, data: bytes) -> None:
    begun = time.monotonic()
    said = house.raw(data + OK)
    assert time.monotonic() - begun < 20
    status = said[:12]
    assert status[:9] == b"HTTP/1.1 "
    assert status[9:10] == b"4" or status == b"HTTP/1.1 501"
    assert said.count(b"HTTP/1.1 ") == 1, "what came behind must not be answered"
    assert b"connection: close" in said.lower()


def test_what_was_asked_before_the_broken_bytes_is_answered(house: Harness) -> None:
    said = house.raw(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n" + b"\x00\x01\r\n\r\n")
    assert [said[:12], said.count(b"HTTP/1.1 "), said.count(b"HTTP/1.1 400 ")] == [b"HTTP/1.1 200", 2, 1]


def test_pipelined_requests_are_answered_in_order(house: Harness) -> None:
    data = b"".join(b"GET /echo?%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5))
    said = house.raw(data + b"POST /echo?5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
    positions = [said.index(b"/echo?%d" % number) for number in range(6)]
    assert positions == sorted(positions)
    assert said.count(b"HTTP/1.1 200 OK") == 6


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * (limits.HEAD_BYTES + 10) + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(70)),
        b"".join(b"X-%d: a\r\n" % n for n in range(limits.HEADER_COUNT + 1)),
        b"X: " + b"a" * 300_000,  # never ends
    ],
)
def test_heads_have_a_largest_size(house: Harness, head: bytes) -> None:
    assert house.raw(b"GET /echo HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n").startswith(b"HTTP/1.1 431 ")


def test_a_head_just_below_the_limit_is_fine(house: Harness) -> None:
    answer = house.ask("GET", "/echo", headers={"X-Long": "a" * 30_000})
    assert answer.status == 200


def test_an_offer_to_upgrade_is_ignored(house: Harness) -> None:
    said = house.raw(b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in said.lower()


def test_http_1_0_and_absolute_targets(house: Harness) -> None:
    assert house.raw(b"GET /ready HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
    said = house.raw(b"GET http://elsewhere/echo?x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b'"target": "/echo?x"' in said
    said = house.raw(b"GET /stream?100000 HTTP/1.0\r\n\r\n")
    assert said.endswith(b"\r\n\r\n" + b"x" * 100_000), "no chunks for a client that knows none"


def test_many_idle_connections_disturb_nobody(house: Harness) -> None:
    idle = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(900)]
    try:
        begun = time.monotonic()
        assert house.ask("GET", "/ready").status == 200
        assert house.invoke(b"x").status == 200
        assert time.monotonic() - begun < 10
    finally:
        for connection in idle:
            connection.close()
