"""Taking request bodies in: small ones into memory, streaming ones into a file while they are hashed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor

from clary.base.errors import ApiError
from clary.control.call import Call, Receive
from clary.control.spool import Spool
from clary.store.blobs import Incoming
from clary.wire import checksums
from clary.wire.error_codes import BodyTooLarge

_PIECE = 1024 * 1024


class ClientGone(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


async def read_body(call: Call, most: int) -> bytes:
    """The whole body; BodyTooLarge beyond `most` bytes."""
    body = bytearray()
    async for chunk in chunks(call.receive):
        body += chunk
        if len(body) > most:
            raise BodyTooLarge
    return bytes(body)


def check_declared(call: Call) -> None:
    """Hold a small S3 body against the checksums that its headers declare."""
    for name in checksums.HEADERS:
        declared = call.head.headers.get(name)
        if declared is None:
            continue
        running = checksums.new(name)
        running.update(call.body)
        if checksums.encoded(running) != declared:
            message = f"The {name} you specified did not match what we received."
            raise ApiError(message, code="BadDigest", status=400)


async def spool_body(call: Call, spool: Spool, pool: Executor) -> Incoming:
    """Write the body to a file in pieces of about 1 MiB, off the event loop: the next comes in meanwhile."""
    loop = asyncio.get_running_loop()
    piece = bytearray()
    written: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks(call.receive):
            piece += chunk
            if len(piece) >= _PIECE:
                if written is not None:
                    await written
                written = loop.run_in_executor(pool, spool.write, bytes(piece))
                piece.clear()
        if written is not None:
            await written
        return await loop.run_in_executor(pool, spool.finish, bytes(piece))
    except BaseException:
        if written is not None:
            await asyncio.gather(written, return_exceptions=True)  # nobody may write to the file any more
        spool.discard()
        raise


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Body chunks of an ASGI request."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        more = message.get("more_body", False)
