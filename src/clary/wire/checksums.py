"""Incremental checksums by the name of the header (or trailer) that carries them.

SHA, MD5 and CRC32 come from the standard library. CRC32C and CRC64NVME are computed here with tables for two bytes
at a time, some ten times faster than byte by byte, still far slower than a library in C.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

_MASK16 = 0xFFFF
_BLOCK = 1 << 16


class Checksum(Protocol):
    """A running checksum."""

    def update(self, data: bytes) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _TableCrc:
    """A reflected CRC of 32 or 64 bits with all bits set at the start and inverted at the end."""

    __slots__ = ("_polynomial", "_size", "_value")

    def __init__(self, polynomial: int, size: int) -> None:
        self._polynomial = polynomial
        self._size = size
        self._value = (1 << (8 * size)) - 1

    def update(self, data: bytes) -> None:
        t0, t1, t2, t3 = _tables(self._polynomial)
        value, mask = self._value, _MASK16
        whole = len(data) - len(data) % 8
        for start in range(0, whole, _BLOCK):
            block = data[start : min(start + _BLOCK, whole)]
            for word in struct.unpack(f"<{len(block) // 8}Q", block):
                value ^= word
                value = t3[value & mask] ^ t2[value >> 16 & mask] ^ t1[value >> 32 & mask] ^ t0[value >> 48]
        single = _byte_table(self._polynomial)
        for byte in data[whole:]:
            value = single[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ ((1 << (8 * self._size)) - 1)).to_bytes(self._size, "big")


@lru_cache(maxsize=4)
def _byte_table(polynomial: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


@lru_cache(maxsize=4)
def _tables(polynomial: int) -> tuple[list[int], ...]:
    """Table k: what two bytes become when 2 * k more bytes follow. Built when first needed, in some 0.1 s."""
    single = _byte_table(polynomial)
    tables = [[single[(single[low] ^ high) & 0xFF] ^ (single[low] >> 8) for high in range(256) for low in range(256)]]
    for _ in range(3):
        first, last = tables[0], tables[-1]
        tables.append([first[value & _MASK16] ^ (value >> 16) for value in last])
    return tuple(tables)


class _Hash:
    __slots__ = ("_hash",)

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=algorithm == "sha256")

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.digest()


_MAKERS: dict[str, Callable[[], Checksum]] = {
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-crc32c": lambda: _TableCrc(0x82F63B78, 4),
    "x-amz-checksum-crc64nvme": lambda: _TableCrc(0x9A6C9329AC4BC9B5, 8),
    "x-amz-checksum-sha1": lambda: _Hash("sha1"),
    "x-amz-checksum-sha256": lambda: _Hash("sha256"),
    "content-md5": lambda: _Hash("md5"),
}
HEADERS: tuple[str, ...] = tuple(_MAKERS)


def new(header: str) -> Checksum:
    """A checksum for a header of `HEADERS` (in lower case); KeyError for any other name."""
    return _MAKERS[header]()


def encoded(checksum: Checksum) -> str:
    """The checksum as headers and trailers carry it."""
    return base64.b64encode(checksum.digest()).decode("ascii")
