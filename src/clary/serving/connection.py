"""One HTTP/1.1 keep-alive connection to a model server: sends a request, collects the answer, reports its end.

Knows nothing of endpoints or retries. The HTTP parser is handed in by the door, the only home of httptools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from clary.serving.calls import Headers


class ResponseParser(Protocol):
    def feed_data(self, data: bytes) -> None: ...

    def get_status_code(self) -> int: ...

    def should_keep_alive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Parsing:
    """How answers are parsed: a factory that is given the object with the `on_...` methods, and its errors."""

    parser: Callable[[Any], ResponseParser]
    error: type[Exception]


class Exchange(Protocol):
    """What a connection carries: a call or a probe."""

    request: bytes
    deadline: float


class Owner(Protocol):
    """The replica that a connection belongs to."""

    def answer_started(self) -> None:
        """A first byte of an answer has come."""

    def answer_complete(self, connection: Connection, exchange: Any, status: int) -> None:
        """`connection.headers` and `connection.body()` hold the answer; the connection is free if it is `open`."""

    def broke_off(self, connection: Connection, exchange: Any) -> None:
        """The connection ended or broke before the answer was complete."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone for good."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. `answering` tells whether any byte of its answer has come."""

    def __init__(self, owner: Owner, parsing: Parsing, largest_answer: int) -> None:
        self.owner = owner
        self.exchange: Exchange | None = None
        self.open = True
        self.answering = False
        self.idle_since = 0.0
        self.too_large = False
        self.headers: Headers = []
        self._chunks: list[bytes] = []
        self._size = 0
        self._largest_answer = largest_answer
        self._framed = False
        self._head_complete = False
        self._error = parsing.error
        self._parser = parsing.parser(self)
        self._transport: asyncio.Transport  # from connection_made on, which comes before anything else

    def send(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.answering = self._head_complete = self._framed = False
        self.headers = []
        self._chunks = []
        self._size = 0
        self._transport.write(exchange.request)

    def body(self) -> bytes:
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def close(self) -> None:
        """End the connection without a word to its exchange."""
        self.exchange = None
        self.open = False
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:
            self.close()  # an answer to no question: whatever follows could not be trusted
            return
        if not self.answering:
            self.answering = True
            self.owner.answer_started()
        try:
            self._parser.feed_data(data)
        except self._error:
            self._break_off()

    def eof_received(self) -> None:
        if self.exchange is not None and self._head_complete and not self._framed:
            self.open = False  # an answer without a length ends with its connection
            self._complete(self._parser.get_status_code())

    def connection_lost(self, error: Exception | None) -> None:
        self._break_off()
        self.owner.closed(self)

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._framed = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_complete = self._parser.get_status_code() >= 200

    def on_body(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._largest_answer:
            self.too_large = True
            self._break_off()
        elif self.exchange is not None:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = []  # an interim answer; the real one follows
            self._framed = False
            return
        self.open = self.open and self._parser.should_keep_alive()
        self._complete(status)

    def _complete(self, status: int) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self.owner.answer_complete(self, exchange, status)
        if not self.open:
            self.close()

    def _break_off(self) -> None:
        exchange, self.exchange = self.exchange, None
        self.close()
        if exchange is not None:
            self.owner.broke_off(self, exchange)
