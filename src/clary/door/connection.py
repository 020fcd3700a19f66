"""One client connection: parses HTTP/1.1, handles one exchange at a time, keeps the limits of size and time.

Requests that come early (pipelining) wait their turn with reading paused. Time is looked at by the process's
sweep, not by a timer per request.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol, cast

import httptools

from clary.base.errors import ApiError
from clary.base.log import get_logger
from clary.door import limits
from clary.door.exchange import Exchange

log = get_logger(__name__)


class House(Protocol):
    """What a connection needs of the process."""

    draining: bool

    def opened(self, connection: Connection) -> None: ...

    def closed(self, connection: Connection) -> None: ...

    def open(self, exchange: Exchange) -> None:
        """Find a handler for the request, or answer it with an error."""

    def complete(self, exchange: Exchange) -> None:
        """Tell the handler that the body is complete."""


class Connection(asyncio.Protocol):
    """Protocol of the event loop and target of the parser's callbacks."""

    def __init__(self, house: House, scheme: str) -> None:
        self.house = house
        self.scheme = scheme
        self.client = ""
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport  # from connection_made on, which comes before anything else
        self._arriving: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._unread = 0
        self._deaf = False
        self._held = False
        self._reading = True
        self._write_paused_at = 0.0
        self._heard_at = self._loop.time()
        self._head_started_at = 0.0
        self._linger_until = 0.0

    @property
    def draining(self) -> bool:
        return self.house.draining

    @property
    def idle(self) -> bool:
        """Between requests."""
        return not self._queue and self._arriving is None

    @property
    def bounded(self) -> bool:
        """What goes on here comes to its end by itself."""
        return bool(self._queue) and self._queue[0].handler is not None and self._queue[0].handler.bounded

    @property
    def heard_at(self) -> float:
        return self._heard_at

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.client = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        self.house.opened(self)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._deaf:
            return
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # no other protocol is spoken here: the request is answered as plain HTTP, the last one
        except httptools.HttpParserCallbackError:
            log.exception("request parsing failed")
            self.abort()
            return
        except httptools.HttpParserError as error:
            self._refuse(limits.BadRequest(f"The request is not valid HTTP: {error}."))
        if self._unread > limits.HEAD_BYTES:
            self._refuse(limits.head_too_large())

    def connection_lost(self, error: Exception | None) -> None:
        self._deaf = True
        for exchange in self._queue:
            exchange.done = True
            if exchange.handler is not None:
                exchange.handler.abandoned()
        self._queue.clear()
        self.house.closed(self)

    def pause_writing(self) -> None:
        self._write_paused_at = self._loop.time()
        if self._queue and self._queue[0].handler is not None:
            self._queue[0].handler.pause()

    def resume_writing(self) -> None:
        self._write_paused_at = 0.0
        if self._queue and self._queue[0].handler is not None:
            self._queue[0].handler.resume()

    # httptools

    def on_message_begin(self) -> None:
        self._arriving = Exchange(self)
        self._arriving.received_at = time.monotonic()
        self._head_started_at = self._heard_at

    def on_url(self, piece: bytes) -> None:
        exchange = self._arriving
        if exchange is not None:
            exchange.target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        exchange = self._arriving
        if exchange is None:
            return  # a trailer, which is dropped, or more than is wanted
        exchange.headers.append((name, value))
        name = name.lower()
        if name not in exchange.fields:
            exchange.fields[name] = value
        elif name in limits.SINGLE:
            exchange.fault = limits.BadRequest(f"The header {name.decode()} is given twice.")
        else:
            exchange.fields[name] = b"%b,%b" % (exchange.fields[name], value)

    def on_headers_complete(self) -> None:
        exchange, self._arriving = self._arriving, None
        if exchange is None or self._deaf:
            return
        self._unread = 0
        fields = exchange.fields
        exchange.method = self._parser.get_method()
        exchange.version = self._parser.get_http_version()
        exchange.keep_alive = exchange.version == "1.1" and self._parser.should_keep_alive()
        exchange.chunked = b"transfer-encoding" in fields
        exchange.length = int(fields.get(b"content-length", b"0"))
        exchange.expects_continue = b"expect" in fields
        if b"upgrade" in fields or exchange.method == b"CONNECT":
            exchange.keep_alive = False
        try:
            exchange.target = limits.origin_form(exchange.target)
            limits.check_head(exchange.version, exchange.headers, fields)
        except ApiError as error:
            exchange.fault = exchange.fault or error
        self._enqueue(exchange)

    def on_body(self, chunk: bytes) -> None:
        self._unread = 0
        if self._deaf or not self._queue:
            return
        exchange = self._queue[-1]
        if exchange.handler is not None:
            exchange.handler.feed(chunk)
        elif exchange.fault is None:
            exchange.chunks.append(chunk)

    def on_message_complete(self) -> None:
        self._unread = 0
        if self._deaf or not self._queue:
            return
        exchange = self._queue[-1]
        exchange.complete = True
        if exchange.handler is not None:
            self.house.complete(exchange)

    # Channel of exchanges

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def hold_body(self, hold: bool) -> None:
        self._held = hold
        self._update_reading()

    def exchange_done(self, exchange: Exchange) -> None:
        if self._queue and self._queue[0] is exchange:
            self._queue.popleft()
        self._held = False
        if exchange.closing:
            self._linger(complete=exchange.complete)
            return
        self._heard_at = self._loop.time()
        if self._queue:
            self._loop.call_soon(self._start_next)
        elif not self._reading:
            self._update_reading()

    def abort(self) -> None:
        self._deaf = True
        self._transport.abort()

    # For the process

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        if self._linger_until:
            if now >= self._linger_until:
                self.abort()
        elif self._write_paused_at and now - self._write_paused_at > limits.UNREAD_ANSWER_SECONDS:
            self.abort()
        elif self._arriving is not None:
            if now - self._head_started_at > limits.HEAD_SECONDS:
                self._refuse(limits.too_slow())
        elif not self._queue:
            if now - self._heard_at > limits.IDLE_SECONDS:
                self.close()
        elif self._reading and not self._queue[-1].complete and now - self._heard_at > limits.BODY_SILENCE_SECONDS:
            self._deaf = True
            self._abandon(self._queue[-1])
            self._queue[-1].fail(limits.too_slow())

    def close(self) -> None:
        self._deaf = True
        self._transport.close()

    def cut_short(self) -> None:
        """The process ends. Who waits is told so where that is possible."""
        self._deaf = True
        if not self._queue:
            self.abort()
            return
        self._abandon(self._queue[0])
        self._queue[0].fail(limits.stopping())

    # Inside

    def _enqueue(self, exchange: Exchange) -> None:
        self._queue.append(exchange)
        if len(self._queue) == 1:
            self._open(exchange)
        else:
            self._update_reading()

    def _open(self, exchange: Exchange) -> None:
        self.house.open(exchange)
        if self._write_paused_at and exchange.handler is not None:
            exchange.handler.pause()

    def _start_next(self) -> None:
        if not self._queue or self._queue[0].handler is not None or self._queue[0].done:
            return
        exchange = self._queue[0]
        self._open(exchange)
        handler = exchange.handler
        if handler is None:
            return
        chunks, exchange.chunks = exchange.chunks, []
        for chunk in chunks:
            handler.feed(chunk)
        if exchange.complete and not exchange.done:
            self.house.complete(exchange)
        self._update_reading()

    def _refuse(self, error: ApiError) -> None:
        """Answer with an error when everything before has been answered, and read no further."""
        if self._deaf:
            return
        if self._queue and not self._queue[-1].complete:
            exchange = self._queue[-1]  # its body is broken
        elif self._queue and not self._queue[-1].keep_alive:
            return  # bytes behind the last request
        else:
            exchange = self._arriving or Exchange(self)
            exchange.keep_alive = False
        self._arriving = None
        self._deaf = True
        exchange.keep_alive = False
        exchange.fault = error
        if exchange not in self._queue:
            self._enqueue(exchange)
        elif exchange.handler is not None:
            self._abandon(exchange)
            exchange.fail(error)

    def _abandon(self, exchange: Exchange) -> None:
        if exchange.handler is not None:
            exchange.handler.abandoned()

    def _linger(self, *, complete: bool) -> None:
        """Close, but let a client that is still sending read the answer first."""
        self._deaf = True
        if complete or self._transport.is_closing():
            self._transport.close()
            return
        self._linger_until = self._loop.time() + limits.LINGER_SECONDS
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._update_reading()

    def _update_reading(self) -> None:
        if self._transport.is_closing():
            return
        wanted = self._deaf or not (self._held or len(self._queue) > 1)
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()
