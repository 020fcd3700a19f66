"""HTTP/1.1 on one connection: parsing, limits, answers in the order of their requests, orderly ends.

Knows nothing of models: complete requests go to `Service.handle`, which calls `answer` when it is done; an answer
in parts is followed by `send_part` for each and `end_parts`. At most one request of a connection is with the
service at a time; what a client sends ahead waits here.
"""

from __future__ import annotations

import asyncio
import collections
import http
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, cast

import httptools

from clary_toolkit.serving.invocation import Answer, Request

HEADER_LIMIT = 64 * 1024
PIPELINE_LIMIT = 16
# How long an answer to a request that was cut off is kept readable before the connection is closed.
LINGER_SECONDS = 1.0
REASONS = {status.value: status.phrase for status in http.HTTPStatus}


class Service(Protocol):
    """What a connection needs from its server."""

    draining: bool
    max_payload: int | None

    def opened(self, connection: Connection) -> None:
        """The connection exists."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone; an answer to it would be dropped."""

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer the request now or later, once, in the event loop's thread."""


class _Refused(Exception):
    """Raised inside a parser callback; `httptools` stops there."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Connection(asyncio.Protocol):
    def __init__(self, service: Service) -> None:
        self._service = service
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: collections.deque[Request | Answer] = collections.deque()
        self._current: Request | None = None
        self._receiving = False  # between the first byte of a request and its last
        self._in_head = False  # between the first byte of a request and the end of its headers
        self._refused = False  # nothing more is read from this client
        self._paused = False  # reading stops while too much is waiting
        self._advancing = False
        self._chunked = self._keep = False  # of an answer in parts
        self._url = b""
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._head_bytes = self._body_bytes = 0
        self._writable = asyncio.Event()  # the client reads what is sent, or is gone
        self._writable.set()

    @property
    def idle(self) -> bool:
        """Nothing is being received, answered or waiting."""
        return not self.answering and not self._receiving

    @property
    def answering(self) -> bool:
        """A complete request has not been answered yet."""
        return self._current is not None or bool(self._waiting)

    @property
    def open(self) -> bool:
        return self._transport is not None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._service.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._writable.set()
        self._service.closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        # The parser keeps an unfinished header to itself; only so can its size be bounded.
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_after_last()
        except httptools.HttpParserCallbackError as error:
            self._refuse(_answer_of(error))
        except httptools.HttpParserError as error:
            self._refuse(Answer.text(400, f"not a valid HTTP request: {error}"))
        if self._in_head and self._head_bytes > HEADER_LIMIT and not self._refused:
            self._refuse(Answer.text(431, "the request's headers are too large"))
        self._next()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._receiving = self._in_head = True
        self._url, self._headers, self._parts = b"", {}, []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url  # arrives in pieces

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer; nothing here uses one
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._in_head = False
        length = self._headers.get("content-length", "")
        if length.isdigit():
            self._count(int(length))
            self._body_bytes = 0
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._count(len(part))
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self._receiving = False
        path = self._url.split(b"?", 1)[0].decode("latin-1")
        method = self._parser.get_method().decode("latin-1")
        keep_alive = self._parser.should_keep_alive()
        chunks = self._parser.get_http_version() == "1.1"
        self._waiting.append(Request(method, path, self._headers, b"".join(self._parts), keep_alive, chunks))
        self._parts = []

    # Answering

    def answer(self, answer: Answer) -> None:
        """Send the answer to the request that `Service.handle` was given last, then go on with the next."""
        request = self._current
        if self._transport is None or request is None:
            return
        keep = request.keep_alive and (bool(self._waiting) or not self._service.draining)
        if answer.parts is not None:
            self._chunked = request.chunks
            self._transport.write(begun(answer, chunked=request.chunks, keep_alive=keep and request.chunks))
            self._keep = keep and request.chunks
            return
        self._transport.write(rendered(answer, request.method, keep_alive=keep))
        self._end_answer(keep=keep)

    async def send_part(self, part: bytes) -> bool:
        """Send one more part of the answer and wait while the client does not read. False: the client has gone."""
        if self._transport is None:
            return False
        self._transport.write(chunk(part) if self._chunked else part)
        await self._writable.wait()
        return self._transport is not None

    async def end_parts(self, *, complete: bool) -> None:
        """Without the last chunk the client sees that something is missing."""
        if self._transport is None:
            return
        if complete and self._chunked:
            self._transport.write(b"0\r\n\r\n")
        # It may have lasted: when draining has begun meanwhile, nobody else will close this connection.
        self._end_answer(keep=complete and self._keep and not self._service.draining)

    def _end_answer(self, *, keep: bool) -> None:
        self._current = None
        if self._transport is None:
            return
        if not keep:
            self._waiting.clear()
            self._transport.close()
            return
        self._next()

    def _next(self) -> None:
        """Hand over what waits, one request at a time; a loop, because an answer may come at once."""
        if self._advancing:
            return
        self._advancing = True
        while self._current is None and self._waiting and self._transport is not None:
            following = self._waiting.popleft()
            if isinstance(following, Answer):
                self._end_with(following)
            else:
                self._current = following
                self._service.handle(self, following)
        self._advancing = False
        if self._transport is not None:
            self._balance(self._transport)

    def _balance(self, transport: asyncio.Transport) -> None:
        """Stop reading from a client that sends faster than it is answered."""
        full = len(self._waiting) >= PIPELINE_LIMIT
        if full and not self._paused:
            transport.pause_reading()
        elif self._paused and not full:
            transport.resume_reading()
        self._paused = full

    def _count(self, size: int) -> None:
        self._body_bytes += size
        limit = self._service.max_payload
        if limit is not None and self._body_bytes > limit:
            raise _Refused(Answer.text(413, f"the request's body is larger than {limit} bytes"))

    def _refuse(self, answer: Answer) -> None:
        """Answer in turn, then close: what follows on this connection cannot be understood."""
        self._refused, self._receiving, self._in_head = True, False, False
        self._waiting.append(answer)

    def _end_after_last(self) -> None:
        """The last request wishes for another protocol. It is answered in this one, and nothing follows it."""
        self._refused = True
        last = self._waiting.pop()
        self._waiting.append(replace(last, keep_alive=False) if isinstance(last, Request) else last)

    def _end_with(self, answer: Answer) -> None:
        transport = self._transport
        if transport is None:
            return
        transport.write(rendered(answer, "POST", keep_alive=False))
        transport.write_eof()
        # Closing at once would reset the connection while the client still sends, and lose the answer.
        asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.close)


def rendered(answer: Answer, method: str, *, keep_alive: bool) -> bytes:
    """The answer as bytes on the wire."""
    bodiless = answer.status in {204, 304}
    head = _head(answer, "" if bodiless else f"content-length: {len(answer.body)}", keep_alive=keep_alive)
    return head if bodiless or method == "HEAD" else head + answer.body


def begun(answer: Answer, *, chunked: bool, keep_alive: bool) -> bytes:
    """The head and the first part of an answer in parts."""
    head = _head(answer, "transfer-encoding: chunked" if chunked else "", keep_alive=keep_alive)
    if not answer.body:
        return head
    return head + (chunk(answer.body) if chunked else answer.body)


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


def _head(answer: Answer, framing: str, *, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in _headers(answer).items()]
    if framing:
        lines.append(framing)
    if not keep_alive:
        lines.append("connection: close")
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"


def _headers(answer: Answer) -> Mapping[str, str]:
    return {"content-type": answer.content_type, **answer.headers} if answer.content_type else answer.headers


def _answer_of(error: BaseException) -> Answer:
    cause = error.__context__ or error.__cause__
    if not isinstance(cause, _Refused):
        raise error
    return cause.answer
