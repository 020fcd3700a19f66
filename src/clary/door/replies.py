"""How the answer of a model becomes the answer to the client: as it is, or as a stream of events.

Made by an invocation for its exchange. `break_off` is asked when an answer fails in its middle: a stream can say so.
"""

from __future__ import annotations

import json
from typing import Protocol

from clary.base.errors import ApiError
from clary.door import answers
from clary.door.exchange import Exchange
from clary.serving.calls import Headers
from clary.serving.errors import ModelError, ModelTimedOut
from clary.wire.frames import CONTENT_TYPE, frame

_ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
_RETURNED = {
    b"content-type": b"Content-Type",
    _ATTRIBUTES: b"X-Amzn-SageMaker-Custom-Attributes",
    b"x-amzn-sagemaker-new-session-id": b"X-Amzn-SageMaker-New-Session-Id",
    b"x-amzn-sagemaker-closed-session-id": b"X-Amzn-SageMaker-Closed-Session-Id",
}
_STREAM_RETURNED = {
    b"content-type": b"X-Amzn-SageMaker-Content-Type",
    _ATTRIBUTES: b"X-Amzn-SageMaker-Custom-Attributes",
}
_PART = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
_PART_BYTES = 1024 * 1024  # readers of event streams refuse frames much larger than this
_LAST_CHUNK = b"0\r\n\r\n"


class Reply(Protocol):
    """See `serving.calls.Receiver`; failures before the beginning are the invocation's."""

    def __init__(self, exchange: Exchange) -> None: ...

    def answered(self, variant: str, headers: Headers, body: bytes) -> None: ...

    def began(self, variant: str, headers: Headers) -> None: ...

    def part(self, data: bytes) -> None: ...

    def ended(self) -> None: ...

    def break_off(self, error: ApiError) -> bool:
        """False when there is no way to tell the client."""


class PlainReply:
    """The model's answer and nothing else."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._chunked = False

    def answered(self, variant: str, headers: Headers, body: bytes) -> None:
        lines = _lines(self._exchange, variant, headers, _RETURNED)
        self._exchange.answer(answers.STATUS_200, b"%bContent-Length: %d\r\n" % (lines, len(body)), body)

    def began(self, variant: str, headers: Headers) -> None:
        lines = _lines(self._exchange, variant, headers, _RETURNED)
        length = next((value for name, value in headers if name == b"content-length"), None)
        if length is not None:
            lines += b"Content-Length: %b\r\n" % length
        self._chunked = length is None and _knows_chunks(self._exchange)
        if self._chunked:
            lines += b"Transfer-Encoding: chunked\r\n"
        self._exchange.begin(answers.STATUS_200, lines)

    def part(self, data: bytes) -> None:
        self._exchange.channel.write(answers.chunk(data) if self._chunked else data)

    def ended(self) -> None:
        if self._chunked:
            self._exchange.channel.write(_LAST_CHUNK)
        self._exchange.finish()

    def break_off(self, error: ApiError) -> bool:
        return False


class StreamReply:
    """Events: a PayloadPart for each part, and an exception when the answer breaks in its middle."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._chunked = _knows_chunks(exchange)

    def answered(self, variant: str, headers: Headers, body: bytes) -> None:
        self.began(variant, headers)
        self.part(body)
        self.ended()

    def began(self, variant: str, headers: Headers) -> None:
        lines = _lines(self._exchange, variant, headers, _STREAM_RETURNED)
        lines += b"Content-Type: %b\r\n" % CONTENT_TYPE.encode()
        if self._chunked:
            lines += b"Transfer-Encoding: chunked\r\n"
        self._exchange.begin(answers.STATUS_200, lines)

    def part(self, data: bytes) -> None:
        for start in range(0, len(data), _PART_BYTES):
            self._write(frame(_PART, data[start : start + _PART_BYTES]))

    def ended(self) -> None:
        if self._chunked:
            self._exchange.channel.write(_LAST_CHUNK)
        self._exchange.finish()

    def break_off(self, error: ApiError) -> bool:
        document = {"Message": error.message}
        name = "InternalStreamFailure"
        if isinstance(error, ModelError):
            name = "ModelStreamError"
            document["ErrorCode"] = (
                "ModelInvocationTimeExceeded" if isinstance(error, ModelTimedOut) else "StreamBroken"
            )
        headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
        self._write(frame(headers, json.dumps(document).encode()))
        self.ended()
        return True

    def _write(self, data: bytes) -> None:
        self._exchange.channel.write(answers.chunk(data) if self._chunked else data)


def _lines(exchange: Exchange, variant: str, headers: Headers, returned: dict[bytes, bytes]) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % (returned[name], value) for name, value in headers if name in returned])
    own = f"x-Amzn-Invoked-Production-Variant: {variant}\r\nx-amzn-RequestId: {exchange.identity()}\r\n"
    return lines + own.encode()


def _knows_chunks(exchange: Exchange) -> bool:
    return exchange.version == "1.1"
