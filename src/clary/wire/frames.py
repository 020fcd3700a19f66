"""One frame of `application/vnd.amazon.eventstream`, without any knowledge of models. Used by eventstream and doors.

One frame: total length, length of headers, their CRC, headers, payload, CRC of all that.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

CONTENT_TYPE = "application/vnd.amazon.eventstream"
HeaderValue: TypeAlias = str | bool | int | bytes | datetime


def frame(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """One frame; each header has the type of its value."""
    encoded = b"".join([_header(name, value) for name, value in headers.items()])
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: HeaderValue) -> bytes:
    name_bytes = name.encode()
    return struct.pack(">B", len(name_bytes)) + name_bytes + _typed(value)


def _typed(value: HeaderValue) -> bytes:
    """The number of the type and the value; whole numbers take four bytes where they fit."""
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return struct.pack(">Bi", 4, value) if -(1 << 31) <= value < 1 << 31 else struct.pack(">Bq", 5, value)
    if isinstance(value, datetime):
        return struct.pack(">Bq", 8, round(value.timestamp() * 1000))
    number, content = (6, value) if isinstance(value, bytes) else (7, value.encode())
    return struct.pack(">BH", number, len(content)) + content
