"""One HTTP/1.1 keep-alive connection to a model server: sends a request, collects the answer, reports its end.

Small answers are collected and reported whole. Large ones, and those of streamed calls, are handed on part by part
as they come (`began`); large bodies are read and sent piece by piece. So memory does not grow with either. Knows
nothing of endpoints or retries. The HTTP parser is handed in by the door, the only home of httptools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from clary.serving.calls import Body, Headers

COLLECTED_BYTES = 1024 * 1024  # an answer up to this size is kept until it is complete
_PIECE_BYTES = 256 * 1024
_FOREVER = float("inf")


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
    """What a connection carries: a call or a probe. Once something flows, `patience` is the limit for silence."""

    request: bytes
    deadline: float
    patience: float
    streamed: bool
    body: Body | None


class Owner(Protocol):
    """The replica that a connection belongs to."""

    def answer_started(self) -> None:
        """A first byte of an answer has come."""

    def answer_began(self, connection: Connection, exchange: Any) -> None:
        """The answer is a good one and comes in parts; `connection.headers` has its head."""

    def answer_part(self, exchange: Any, data: bytes) -> None: ...

    def answer_complete(self, connection: Connection, exchange: Any, status: int) -> None:
        """`connection.headers` and `connection.body()` hold the answer; the connection is free if it is `open`.

        When the answer `began`, all of its parts have been handed on.
        """

    def broke_off(self, connection: Connection, exchange: Any) -> None:
        """The connection ended or broke before the answer was complete."""

    def given_up(self, connection: Connection, exchange: Any) -> None:
        """Nobody wants the answer any more, and the connection has been closed."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone for good."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. `answering` tells whether any byte of its answer has come."""

    def __init__(self, owner: Owner, parsing: Parsing, largest_answer: int) -> None:
        self.owner = owner
        self.exchange: Exchange | None = None
        self.open = True
        self.answering = False
        self.began = False
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
        self._loop = asyncio.get_running_loop()
        self._held = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._sending: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport  # from connection_made on, which comes before anything else

    def send(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.answering = self.began = self._head_complete = self._framed = False
        self.headers = []
        self._chunks = []
        self._size = 0
        self._transport.write(exchange.request)
        if exchange.body is not None:
            self._sending = self._loop.create_task(self._send_body(exchange, exchange.body))

    def hold_answer(self, hold: bool) -> None:
        """Whoever reads the answer is slower than the model; the model's time stands still meanwhile."""
        if hold == self._held or self._transport.is_closing():
            return
        self._held = hold
        if hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
        self._moved()

    def give_up(self) -> None:
        exchange = self.exchange
        if exchange is not None:
            self.close()
            self.owner.given_up(self, exchange)

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
        self._writable.set()
        self._break_off()
        self.owner.closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._framed = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._head_complete = status >= 200
        if self.exchange is None or not 200 <= status < 300:
            return
        if self.exchange.streamed:
            self._begin(self.exchange)
        elif self._announced() > self._largest_answer:
            self._refuse_size()

    def on_body(self, chunk: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        self._size += len(chunk)
        good = 200 <= self._parser.get_status_code() < 300
        if good and self._size > self._largest_answer and not exchange.streamed:
            self._refuse_size()
        elif self.began:
            self.owner.answer_part(exchange, chunk)
            self._moved()
        elif self._size <= COLLECTED_BYTES:
            self._chunks.append(chunk)
        elif good:
            self._chunks.append(chunk)
            self._begin(exchange)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = []  # an interim answer; the real one follows
            self._framed = False
            return
        self.open = self.open and self._parser.should_keep_alive()
        self._complete(status)

    # Inside

    def _begin(self, exchange: Exchange) -> None:
        chunks, self._chunks = self._chunks, []
        self.began = True
        self.owner.answer_began(self, exchange)
        for chunk in chunks:
            self.owner.answer_part(exchange, chunk)
        self._moved()

    def _announced(self) -> int:
        for name, value in self.headers:
            if name == b"content-length" and value.isdigit():
                return int(value)
        return 0

    def _refuse_size(self) -> None:
        self.too_large = True
        self._break_off()

    def _moved(self) -> None:
        """Something flows: the exchange's time begins anew."""
        if self.exchange is not None:
            self.exchange.deadline = _FOREVER if self._held else self._loop.time() + self.exchange.patience

    async def _send_body(self, exchange: Exchange, body: Body) -> None:
        offset = 0
        while offset < body.size:
            try:
                piece = await self._loop.run_in_executor(None, body.read, offset, _PIECE_BYTES)
            except OSError:
                piece = b""
            if self.exchange is not exchange:
                return
            if not piece:
                self._break_off()
                return
            self._transport.write(piece)
            offset += len(piece)
            await self._writable.wait()
            if self.exchange is exchange:
                self._moved()
        self._sending = None

    def _complete(self, status: int) -> None:
        if self._sending is not None:
            self._sending = None
            self.open = False  # answered before it had read all: what it would still read is no request
        if self._held:
            self.hold_answer(False)
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
