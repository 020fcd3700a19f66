"""Everything that is not answered here is passed on to control, streaming in both directions.

Control may be away for some seconds (it restarts): requests wait for it. A request is tried again on a new
connection only while nothing of its body has been sent and no answer has begun, one without a body only when
its method may be repeated, and only once: what makes control fall over must not do so again and again.
"""

from __future__ import annotations

import asyncio

from clary.base.errors import ApiError
from clary.door import answers, limits
from clary.door.control_link import ControlConnection, ControlLink
from clary.door.exchange import Exchange

_RETRY_SECONDS = 0.05
_PAUSE_SECONDS = 0.1
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
# A client may not have these taken away by naming them in its Connection header: signatures cover them.
_END_TO_END = frozenset({b"host", b"authorization", b"content-length", b"content-type", b"expect"})
_OWN = b"x-clary-"
_REPEATABLE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_BODYLESS = frozenset({204, 304})


class PassOn:
    """The last link of the chain: takes every request."""

    def __init__(self, link: ControlLink) -> None:
        self._link = link

    def __call__(self, exchange: Exchange) -> PassedOn:
        return PassedOn(self._link, exchange)


class PassedOn:
    """Handler of the client's exchange and passage of the connection to control."""

    bounded = False

    def __init__(self, link: ControlLink, exchange: Exchange) -> None:
        self._link = link
        self._exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + limits.CONTROL_SECONDS
        self._connection: ControlConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pending: list[bytes] = []
        self._body_sent = False
        self._repeated = False
        self._chunked_answer = False
        self._held_head: tuple[bytes, bytes] | None = None
        self._paused = False
        idle = link.take_idle()
        if idle is not None:
            self._send_head(idle)
        else:
            self._connecting = self._loop.create_task(self._connect())

    @property
    def is_head(self) -> bool:
        return self._exchange.method == b"HEAD"

    # Handler

    def feed(self, chunk: bytes) -> None:
        if self._connection is None:
            self._pending.append(chunk)
            self._exchange.channel.hold_body(True)
        else:
            self._send_body(self._connection, chunk)

    def complete(self) -> None:
        if self._connection is not None and self._exchange.chunked:
            self._body_sent = True
            self._connection.write(b"0\r\n\r\n")

    def abandoned(self) -> None:
        self._drop()

    def break_off(self, error: ApiError) -> bool:
        return False

    def pause(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._connection.hold_answer(True)

    def resume(self) -> None:
        self._paused = False
        if self._connection is not None:
            self._connection.hold_answer(False)

    # Passage

    def interim(self) -> None:
        self._exchange.invite_body()

    def answer_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        lines = bytearray()
        framed = self.is_head or status in _BODYLESS
        for name, value in _without_hops(headers):
            framed = framed or name.lower() == b"content-length"
            lines += b"%b: %b\r\n" % (name, value)
        if not framed and self._exchange.version == "1.1":
            self._chunked_answer = True
            lines += b"Transfer-Encoding: chunked\r\n"
        # Held until the first bytes behind it: so long, the request can still be tried again.
        self._held_head = (answers.status_line(status), bytes(lines))

    def answer_chunk(self, chunk: bytes) -> None:
        self._begin()
        if self._chunked_answer:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self._exchange.channel.write(chunk)

    def answer_complete(self, connection: ControlConnection) -> None:
        self._begin()
        self._connection = None
        connection.reusable = connection.reusable and self._exchange.complete
        if self._paused:
            connection.hold_answer(False)
        self._link.give_back(connection)
        if self._chunked_answer:
            self._exchange.channel.write(b"0\r\n\r\n")
        self._exchange.finish()

    def link_lost(self) -> None:
        self._connection = None
        self._held_head = None
        self._chunked_answer = False
        exchange = self._exchange
        may_repeat = exchange.has_body or exchange.method in _REPEATABLE
        if exchange.answering or self._body_sent or not may_repeat or self._repeated:
            exchange.fail_plainly(503, "The control process ended before it had answered. Try again.")
        else:
            self._repeated = True
            self._deadline = self._loop.time() + limits.CONTROL_SECONDS
            # Of a dying control the listening socket may outlive the connections for a moment.
            self._connecting = self._loop.create_task(self._connect(after=_PAUSE_SECONDS))

    def hold_body(self, hold: bool) -> None:
        self._exchange.channel.hold_body(hold)

    # Inside

    def _begin(self) -> None:
        if self._held_head is not None:
            self._exchange.begin(*self._held_head)
            self._held_head = None

    async def _connect(self, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        while not self._exchange.done:
            try:
                connection = await self._link.connect()
            except OSError:
                if self._loop.time() >= self._deadline:
                    self._exchange.fail_plainly(503, "The control process is not running. Try again.")
                    return
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._connecting = None
                self._send_head(connection)
                self._send_pending(connection)
                return

    def _send_head(self, connection: ControlConnection) -> None:
        exchange = self._exchange
        self._connection = connection
        connection.carry(self)
        lines = bytearray(b"%b %b HTTP/1.1\r\n" % (exchange.method, exchange.target))
        for name, value in _without_hops(exchange.headers):
            if not name.lower().startswith(_OWN):
                lines += b"%b: %b\r\n" % (name, value)
        if exchange.chunked:
            lines += b"Transfer-Encoding: chunked\r\n"
        own = f"x-clary-client: {exchange.channel.client}\r\nx-clary-scheme: {exchange.channel.scheme}\r\n\r\n"
        connection.write(bytes(lines) + own.encode())
        if self._paused:
            connection.hold_answer(True)

    def _send_pending(self, connection: ControlConnection) -> None:
        chunks, self._pending = self._pending, []
        for chunk in chunks:
            self._send_body(connection, chunk)
        if self._exchange.complete:
            self.complete()
        elif chunks:
            self._exchange.channel.hold_body(False)

    def _send_body(self, connection: ControlConnection, chunk: bytes) -> None:
        self._body_sent = True
        if self._exchange.chunked:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        connection.write(chunk)

    def _drop(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _without_hops(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers that travel on; those that a Connection header names do not, unless they must."""
    named = set(_HOP_BY_HOP)
    for name, value in headers:
        if name.lower() == b"connection":
            tokens = {token.strip().lower() for token in value.split(b",")}
            named |= {token for token in tokens - _END_TO_END if not token.startswith(b"x-amz")}
    return [(name, value) for name, value in headers if name.lower() not in named]
