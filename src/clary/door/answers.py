"""Bytes of answers and errors that the door gives itself. What control answers is passed through unchanged."""

from __future__ import annotations

import http
import json

from clary.base.errors import ApiError

_REASONS = {status.value: status.phrase.encode() for status in http.HTTPStatus}
_REASONS[424] = b"Failed Dependency"
_REASONS[530] = b"Internal Dependency"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
STATUS_200 = b"HTTP/1.1 200 OK\r\n"


def status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, b"Unknown"))


def chunk(data: bytes) -> bytes:
    """A chunk of a body whose length is not told ahead; `data` is not empty, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def error_answer(error: ApiError, request_id: str) -> tuple[bytes, bytes]:
    """Header lines and body of an error in the form of rest-json, which is what InvokeEndpoint speaks."""
    document = {"Message": error.message, "message": error.message, **error.members}
    body = json.dumps(document).encode()
    head = (
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"x-amzn-ErrorType: {error.code}\r\nx-amzn-RequestId: {request_id}\r\n"
    )
    return head.encode("latin-1", "replace"), body


def plain_error(status: int, text: str, request_id: str) -> tuple[bytes, bytes]:
    """An error before it is known which protocol the client speaks: AWS's front ends answer so, SDKs read it."""
    body = f"<html><body><b>{status} {_REASONS[status].decode()}</b> {text}</body></html>\n".encode()
    head = f"Content-Type: text/html\r\nContent-Length: {len(body)}\r\nx-amzn-RequestId: {request_id}\r\n"
    return head.encode(), body
