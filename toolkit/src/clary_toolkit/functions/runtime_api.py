"""The Lambda Runtime API (version 2018-06-01), by which an interface client gets invocations and answers them.

It listens on a loopback port and speaks only to the function's own processes. What is behind it is in `exchange`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clary_toolkit.functions.exchange import Answer, Exchange
from clary_toolkit.functions.peers import is_of_session

LARGEST_ANSWER = 6 * 1024 * 1024 + 100
_PREFIX = "/2018-06-01/runtime/"
_TOO_LARGE = {
    "errorMessage": f"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}

Current = Callable[[], "tuple[Exchange, int] | None"]


class RuntimeApi:
    """`current` tells the exchange and the session of the process that runs now."""

    def __init__(self, current: Current) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.current = current
        host, port = self._server.server_address[:2]
        self.address = f"{host!s}:{port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="runtime-api", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    current: Current

    def verify_request(self, request: Any, client_address: Any) -> bool:
        now = self.current()
        server = self.server_address
        return now is not None and is_of_session(client_address, (str(server[0]), int(server[1])), now[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed leaves broken connections behind; everything else belongs into the log."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for an answer, sent at once: otherwise head and body wait for each other, 40 ms every time.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        exchange = self._exchange()
        if exchange is None or self.path != f"{_PREFIX}invocation/next":
            self._send(404, {"errorType": "InvalidPath", "errorMessage": self.path[:200]})
            return
        taken = exchange.take()
        if taken is None:
            self.close_connection = True
            return
        invocation = taken.invocation
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(taken.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
        }
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._send_bytes(200, invocation.payload, headers)

    def do_POST(self) -> None:
        exchange, body = self._exchange(), self._body()
        if exchange is None:
            self._send(410, {"errorType": "Gone", "errorMessage": "The process has been replaced."})
        elif self.path == f"{_PREFIX}init/error":
            exchange.fail_start(_document(body))
            self._send(202, {"status": "OK"})
        else:
            self._take_answer(exchange, body)

    def _take_answer(self, exchange: Exchange, body: bytes | None) -> None:
        request_id, _, what = self.path.removeprefix(f"{_PREFIX}invocation/").partition("/")
        if what not in {"response", "error"}:
            self._send(404, {"errorType": "InvalidPath", "errorMessage": self.path[:200]})
            return
        answer = Answer(body or b"", failed=what == "error")
        if body is None:
            # The official clients give up when an answer is refused.
            answer = Answer(json.dumps(_TOO_LARGE).encode(), failed=True, ended=True)
        if not exchange.answer(request_id, answer):
            self._send(400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"})
        elif body is None:
            self._send(413, {"errorType": "RequestEntityTooLarge", "errorMessage": _TOO_LARGE["errorMessage"]})
        else:
            self._send(202, {"status": "OK"})

    def _exchange(self) -> Exchange | None:
        now = self.server.current()
        return None if now is None else now[0]

    def _body(self) -> bytes | None:
        """None when it is too large; it is read nevertheless, so that the connection can go on."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._kept(iter(self._chunk, b""))
        left = int(self.headers.get("Content-Length") or 0)
        return self._kept(self._pieces(left))

    def _kept(self, pieces: Any) -> bytes | None:
        body, fits = bytearray(), True
        for piece in pieces:
            fits = fits and len(body) + len(piece) <= LARGEST_ANSWER
            if fits:
                body += piece
        return bytes(body) if fits else None

    def _pieces(self, left: int) -> Any:
        while left > 0:
            piece = self.rfile.read(min(left, 1 << 20))
            if not piece:
                return
            left -= len(piece)
            yield piece

    def _chunk(self) -> bytes:
        """One chunk, at most 16 MiB; the empty one ends the body."""
        size = int(self.rfile.readline(100).partition(b";")[0], 16)
        if size > 16 * 1024 * 1024:
            self.close_connection = True
            return b""
        data = self.rfile.read(size)
        self.rfile.readline(100)
        return data

    def _send(self, status: int, document: dict[str, str]) -> None:
        self._send_bytes(status, json.dumps(document).encode(), {})

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server's own name
        """The log belongs to the function."""


def _document(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {"errorType": "Runtime.Unknown", "errorMessage": "The function could not be loaded."}
