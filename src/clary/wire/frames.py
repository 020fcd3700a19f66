"""One frame of `application/vnd.amazon.eventstream`, without any knowledge of models. Used by eventstream and doors.

One frame: total length, length of headers, their CRC, headers, payload, CRC of all that.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = b"\x07"


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame; all headers are strings."""
    encoded = b"".join([_header(name, value) for name, value in headers.items()])
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return (
        struct.pack(">B", len(name_bytes)) + name_bytes + _STRING + struct.pack(">H", len(value_bytes)) + value_bytes
    )
