"""One request and its answer, as the handlers of the chain see them. Made by a connection."""

from __future__ import annotations

from typing import Protocol

from clary.base import ids
from clary.base.errors import ApiError
from clary.door import answers


class Handler(Protocol):
    """Takes the body of a request as it comes and answers through the exchange. Called on the event loop.

    `bounded`: it comes to its end by itself, within the time limits of endpoints.
    """

    bounded: bool

    def feed(self, chunk: bytes) -> None: ...

    def complete(self) -> None:
        """The whole body has been fed."""

    def abandoned(self) -> None:
        """The client has gone; nothing can be answered any more."""

    def break_off(self, error: ApiError) -> bool:
        """End the answer that has begun with a word about `error`; False when its form has none."""

    def pause(self) -> None:
        """The client does not read fast enough; hold the answer back."""

    def resume(self) -> None: ...


class Channel(Protocol):
    """The connection, as far as an exchange needs it."""

    scheme: str
    client: str

    @property
    def draining(self) -> bool: ...

    def write(self, data: bytes) -> None: ...

    def hold_body(self, hold: bool) -> None: ...

    def exchange_done(self, exchange: Exchange) -> None: ...

    def abort(self) -> None: ...


class Exchange:
    """A request from its first byte to the last byte of its answer.

    `received_at` is when its first byte came, on time.monotonic's clock. `headers` are as the client sent them,
    `fields` by lower-case name. `keep_alive` is what the client wants; whether the connection really goes on is
    decided when the answer's head is written.
    """

    __slots__ = (
        "answering",
        "channel",
        "chunked",
        "chunks",
        "closing",
        "complete",
        "done",
        "expects_continue",
        "fault",
        "fields",
        "handler",
        "headers",
        "keep_alive",
        "length",
        "method",
        "received_at",
        "request_id",
        "target",
        "version",
    )

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.received_at = 0.0
        self.method = b""
        self.target = b""
        self.version = "1.1"
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.length = 0
        self.chunked = False
        self.keep_alive = False
        self.expects_continue = False
        self.fault: ApiError | None = None
        self.handler: Handler | None = None
        self.chunks: list[bytes] = []
        self.complete = False
        self.answering = False
        self.closing = False
        self.done = False
        self.request_id = ""

    @property
    def has_body(self) -> bool:
        return self.chunked or self.length > 0

    def identity(self) -> str:
        if not self.request_id:
            self.request_id = ids.request_id()
        return self.request_id

    def invite_body(self) -> None:
        """Tell a client that asked that it may send its body."""
        if self.expects_continue and not self.complete:
            self.expects_continue = False
            self.channel.write(answers.CONTINUE)

    def begin(self, status_line: bytes, lines: bytes) -> None:
        """Write the head of the answer; the framing lines are among `lines`."""
        self.answering = True
        self.closing = not self.keep_alive or not self.complete or self.channel.draining
        self.channel.write(b"%b%b%b\r\n" % (status_line, lines, b"Connection: close\r\n" if self.closing else b""))

    def answer(self, status_line: bytes, lines: bytes, body: bytes) -> None:
        """A whole answer in one write."""
        self.answering = True
        self.closing = not self.keep_alive or not self.complete or self.channel.draining
        if self.method == b"HEAD":
            body = b""
        end = b"Connection: close\r\n\r\n" if self.closing else b"\r\n"
        self.channel.write(b"%b%b%b%b" % (status_line, lines, end, body))
        self.finish()

    def fail(self, error: ApiError) -> None:
        """Answer with an error, or break the connection when an answer has begun that cannot tell of one."""
        if self.done:
            return
        if self.answering:
            if self.handler is not None and self.handler.break_off(error):
                return
            self.done = True
            self.channel.abort()
            return
        self.answer(answers.status_line(error.status), *answers.error_answer(error, self.identity()))

    def fail_plainly(self, status: int, text: str) -> None:
        """The same for a request of which only control knows the protocol."""
        if self.done:
            return
        if self.answering:
            self.done = True
            self.channel.abort()
            return
        self.answer(answers.status_line(status), *answers.plain_error(status, text, self.identity()))

    def finish(self) -> None:
        """The answer is complete."""
        if not self.done:
            self.done = True
            self.handler = None  # it refers back to the exchange: without the circle, no garbage collection
            self.channel.exchange_done(self)
