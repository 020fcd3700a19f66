"""Targets outside of Clary: HTTP and e-mail, with real servers on this machine."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from typing import Any

import pytest

from clary.engine.events.targets import http, send
from clary.engine.events.targets.target import Undeliverable
from clary.store import principals
from tests.engine.events.conftest import ACCOUNT, REGION, World


class Hook(HTTPServer):
    """Records requests; `/fail`, `/gone` and `/moved` answer otherwise than 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Hook)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        status = {"/fail": 503, "/gone": 410, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"{self.server.url}/secret")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    with serving(server):
        yield server


def test_a_url_gets_the_message(world: World, hook: Hook) -> None:
    send(world.tools, world.send(f"{hook.url}/x?y=1", body="é", options={"Headers": {"X-Kind": "Notification"}}))
    ((method, path, headers, body),) = hook.seen
    assert (method, path, headers["X-Kind"], body) == ("POST", "/x?y=1", "Notification", "é")


@pytest.mark.parametrize(("path", "again"), [("/fail", True), ("/gone", False), ("/moved", False)])
def test_answers_that_are_no_success(world: World, hook: Hook, path: str, again: bool) -> None:
    with pytest.raises(Undeliverable) as caught:
        send(world.tools, world.send(f"{hook.url}{path}"))
    assert caught.value.temporary is again
    assert len(hook.seen) == 1  # redirects are not followed


def test_nobody_listens(world: World) -> None:
    hook = Hook()
    hook.server_close()
    with pytest.raises(Undeliverable) as caught:
        send(world.tools, world.send(hook.url))
    assert caught.value.temporary


def api_destination(world: World, endpoint: str) -> tuple[str, str]:
    """ARN of a destination, and of a role that may call it."""
    connection = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/c/1"
    secret = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "open sesame"}}
    world.add("event-connection", "c", {"type": "API_KEY", "secret_parameters": secret}, arn=connection)
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/1"
    world.add("api-destination", "d", {"connection": connection, "endpoint": endpoint, "method": "POST"}, arn=arn)
    role = f"arn:aws:iam::{ACCOUNT}:role/caller"
    return arn, role


def test_api_destinations(world: World, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    arn, role = api_destination(world, f"{hook.url}/users/*?fixed=1")
    statement = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": arn}
    allowed = principals.PrincipalPolicies(
        arn=role,
        principal_id="AROA",
        account=ACCOUNT,
        policies=({"Version": "2012-10-17", "Statement": [statement]},),
        boundary=None,
        root=False,
        tags={},
    )
    monkeypatch.setattr(principals, "policies_of", lambda _tx, wanted: allowed if wanted == role else None)
    options = {"HttpParameters": {"PathParameterValues": ["../@evil"], "QueryStringParameters": {"q": "a b"}}}
    send(world.tools, world.send(arn, role=role, options=options))
    ((_, path, headers, _),) = hook.seen
    assert path == "/users/..%2F%40evil?fixed=1&q=a+b"
    assert headers["X-Key"] == "open sesame"
    with pytest.raises(Undeliverable, match="does not exist"):
        send(world.tools, world.send(arn, role="arn:aws:iam::1:role/other"))


class _Mail(socketserver.StreamRequestHandler):
    """Just enough SMTP to take a message."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        lines: list[bytes] = []
        while line := self.rfile.readline():
            lines.append(line)
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(part)
            if line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                break
            self.wfile.write(b"250 ok\r\n")
        self.server.seen = b"".join(lines).decode()  # type: ignore[attr-defined]  # for the test


def test_mail_is_handed_to_the_configured_server(world: World) -> None:
    server = socketserver.TCPServer(("127.0.0.1", 0), _Mail)
    with serving(server):
        world.settings = replace(
            world.settings,
            smtp_host="127.0.0.1",
            smtp_port=server.server_address[1],
            smtp_from="clary@example.com",
            smtp_tls=False,
        )
        send(world.tools, world.send("mailto:a@example.com", body="Hello", options={"Subject": "One\r\nBcc: x@y.z"}))
    text: str = server.seen  # type: ignore[attr-defined]  # set by the handler
    assert "Subject: One Bcc: x@y.z" in text
    assert "rcpt TO:<a@example.com>" in text
    assert text.lower().count("rcpt to") == 1
    assert "Hello" in text


def test_without_a_mail_server_the_reason_is_said(world: World) -> None:
    with pytest.raises(Undeliverable, match="CLARY_SMTP_HOST"):
        send(world.tools, world.send("mailto:a@example.com"))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "ff02::1",
    ],
)
def test_addresses_that_give_credentials_away_are_refused(address: str) -> None:
    with pytest.raises(Undeliverable) as refused:
        http.check_address(address)
    assert refused.value.code == "FORBIDDEN_ADDRESS"
    assert not refused.value.temporary


def test_refused_addresses_are_not_even_connected_to(world: World) -> None:
    for url in ("http://169.254.169.254/latest/meta-data/", "http://[::ffff:a9fe:a9fe]/", "http://2852039166/"):
        with pytest.raises(Undeliverable, match=r"169\.254\.169\.254 is not an address that may be called"):
            http.request("POST", url, {}, "")


def test_a_name_that_changes_its_meaning_is_looked_at_again(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer is harmless; what is connected to counts."""
    monkeypatch.setattr(http, "_METADATA", frozenset({ip_address("127.0.0.1")}))
    harmless = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]
    answers = iter([harmless])
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *given, **named: next(answers, None) or resolve(*given, **named)
    )
    with pytest.raises(Undeliverable, match=r"127\.0\.0\.1 is not an address"):
        http.request("POST", hook.url, {}, "")
    assert hook.seen == []


@pytest.mark.parametrize(
    "url", ["http://a:99999/", "http://[::1", "http://a:b/", "ftp://a/", "http:///x", "http://a b/", ""]
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(Undeliverable) as refused:
        http.request("POST", url, {}, "")
    assert (refused.value.code, refused.value.temporary) == ("INVALID_URL", False)
