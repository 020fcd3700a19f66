"""Request bodies that a client has compressed (PutMetricData beyond 10 kB). Called by `routing` and `parsing`.

Signatures are over the bytes as they were sent, so this comes after them. What an S3 object is encoded with stays as
it is: only operations whose model speaks of compression come here, and forms, whose operation is inside.
"""

from __future__ import annotations

import zlib

from clary.base.errors import ApiError
from clary.wire.error_codes import BodyTooLarge
from clary.wire.facts import MEBIBYTE
from clary.wire.http import RequestHead

LARGEST = 4 * MEBIBYTE  # only CloudWatch has such bodies
_GZIP = zlib.MAX_WBITS | 16


def is_compressed(head: RequestHead) -> bool:
    """Whether the last thing done to the body was gzip."""
    return _encodings(head)[-1:] == ["gzip"]


def expanded(body: bytes) -> bytes:
    """The body as it was before; an ApiError when it is not what it says, or too large."""
    reader = zlib.decompressobj(_GZIP)
    try:
        content = reader.decompress(body, LARGEST + 1)
    except zlib.error:
        content = b""
    if len(content) > LARGEST:
        raise BodyTooLarge
    if not reader.eof or reader.unused_data:
        raise ApiError("The request body is not valid gzip.", code="SerializationException", status=400)
    return content


def expanded_head(head: RequestHead) -> RequestHead:
    """The head without that encoding."""
    headers = {name: value for name, value in head.headers.items() if name != "content-encoding"}
    if kept := _encodings(head)[:-1]:
        headers["content-encoding"] = ", ".join(kept)
    return RequestHead(head.method, head.path, head.query, headers)


def _encodings(head: RequestHead) -> list[str]:
    return [item.strip() for item in head.headers.get("content-encoding", "").split(",")]
