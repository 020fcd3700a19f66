"""Connections to control over its unix socket: one keep-alive connection carries one passage at a time.

What a passage is, and when it may be tried again, is decided in `passing_on`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Protocol, cast

import httptools

# Control closes idle connections after 5 s; ours are dropped well before, so that none closes under a request.
_IDLE_SECONDS = 2.0
_IDLE_CONNECTIONS = 64


class Passage(Protocol):
    """A request on its way to control and its answer on its way back."""

    @property
    def is_head(self) -> bool: ...

    def interim(self) -> None: ...

    def answer_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None: ...

    def answer_chunk(self, chunk: bytes) -> None: ...

    def answer_complete(self, connection: ControlConnection) -> None: ...

    def link_lost(self) -> None: ...

    def hold_body(self, hold: bool) -> None: ...


class ControlConnection(asyncio.Protocol):
    """One connection. `reusable` is decided when an answer is complete."""

    def __init__(self, link: ControlLink) -> None:
        self.reusable = False
        self.idle_since = 0.0
        self._link = link
        self._passage: Passage | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._framed = False
        self._head_seen = False
        self._transport: asyncio.Transport  # from connection_made on

    @property
    def lost(self) -> bool:
        return self._transport.is_closing()

    def carry(self, passage: Passage) -> None:
        self._passage = passage
        self.reusable = self._framed = self._head_seen = False
        self._headers = []

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def hold_answer(self, hold: bool) -> None:
        if self._transport.is_closing():
            return
        if hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        self._passage = None
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._passage is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._lose()

    def eof_received(self) -> None:
        if self._passage is not None and self._head_seen and not self._framed:
            self._complete()

    def connection_lost(self, error: Exception | None) -> None:
        self._link.forget(self)
        self._lose()

    def pause_writing(self) -> None:
        if self._passage is not None:
            self._passage.hold_body(True)

    def resume_writing(self) -> None:
        if self._passage is not None:
            self._passage.hold_body(False)

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_seen:
            self._framed = self._framed or name.lower() in (b"content-length", b"transfer-encoding")
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        passage = self._passage
        status = self._parser.get_status_code()
        if passage is None or status < 200:
            return
        self._head_seen = True
        passage.answer_head(status, self._headers)
        if passage.is_head:
            # The parser would wait for the body that Content-Length tells of.
            self.reusable = self._parser.should_keep_alive()
            self._parser = httptools.HttpResponseParser(self)
            self._complete()

    def on_body(self, chunk: bytes) -> None:
        if self._passage is not None:
            self._passage.answer_chunk(chunk)

    def on_message_complete(self) -> None:
        if self._passage is None:
            return
        if not self._head_seen:
            self._headers = []
            self._framed = False
            self._passage.interim()
            return
        self.reusable = self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        passage, self._passage = self._passage, None
        if passage is not None:
            passage.answer_complete(self)

    def _lose(self) -> None:
        passage, self._passage = self._passage, None
        self._transport.abort()
        if passage is not None:
            passage.link_lost()


class ControlLink:
    """The pool of idle connections, newest first: few stay in use, the others end."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        self._idle: deque[ControlConnection] = deque()
        self._loop = asyncio.get_running_loop()

    def take_idle(self) -> ControlConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost and self._loop.time() - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def connect(self) -> ControlConnection:
        """A new connection; OSError while control is not there."""
        _, connection = await self._loop.create_unix_connection(lambda: ControlConnection(self), self._socket)
        return connection

    def give_back(self, connection: ControlConnection) -> None:
        if connection.reusable and not connection.lost and len(self._idle) < _IDLE_CONNECTIONS:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
        else:
            connection.close()

    def forget(self, connection: ControlConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self, now: float) -> None:
        while self._idle and now - self._idle[0].idle_since > _IDLE_SECONDS:
            self._idle.popleft().close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
