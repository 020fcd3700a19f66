"""Sending responses: bytes at once, files in pieces read off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from clary.control.call import Call
from clary.store.blobs import Slice
from clary.wire.http import Stream

Send = Callable[[dict[str, Any]], Awaitable[None]]

_PIECE = 1024 * 1024


async def send_response(call: Call, send: Send, pool: Executor) -> None:
    """Status, headers and body as ASGI messages. A HEAD request gets no body."""
    response = call.response
    if response is None:
        raise AssertionError("the chain ended without a response")
    headers = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in response.headers.items()]
    body = response.body
    if call.head.method != "HEAD" and "content-length" not in {name.lower() for name in response.headers}:
        headers.append((b"content-length", str(_length(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(body, Slice | Stream):
        async for piece in _pieces(body, pool, wanted=call.head.method != "HEAD"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": b"" if call.head.method == "HEAD" else body})


def _length(body: bytes | Slice | Stream) -> int:
    return len(body) if isinstance(body, bytes) else body.length


async def _pieces(body: Slice | Stream, pool: Executor, *, wanted: bool) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    with body:
        while wanted and (piece := await loop.run_in_executor(pool, body.read, _PIECE)):
            yield piece
