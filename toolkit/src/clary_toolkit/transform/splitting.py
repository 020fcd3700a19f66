"""Records and batches of one object. Batches of lines are cut from large blocks, not built line by line."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

RECORDIO_MAGIC = 0xCED7230A
BLOCK = 1 << 20

ReadRecords = Callable[[BinaryIO, int], Iterator[bytes]]


class BadObject(Exception):
    """The object cannot be split, or a record of it cannot be sent; the text is for the user."""


def batches(stream: BinaryIO, split_type: str, limit: int, *, single: bool) -> Iterator[bytes]:
    """Request bodies in order. `limit` in bytes, 0 = none. Raises BadObject."""
    if split_type == "None":
        return _whole(stream, limit)
    if split_type == "Line":
        return _lines(stream, limit) if single else _blocks_of_lines(stream, limit)
    records = _RECORDS[split_type](stream, limit)
    return records if single else _gathered(records, limit)


def _whole(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    body = stream.read(limit + 1) if limit else stream.read()
    _check(len(body), limit, "the object")
    if body:
        yield body


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    while True:
        line = stream.readline(limit + 2) if limit else stream.readline()
        if not line:
            return
        record = line.rstrip(b"\r\n")
        _check(len(record), limit, "a line")
        if record:
            yield record


def _blocks_of_lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """As many whole lines as fit; the line that does not fit any more begins the next block."""
    rest = b""
    while True:
        more = stream.read(limit - len(rest) if limit else -1) if not limit or len(rest) < limit else b""
        block = rest + more
        if not block:
            return
        if not limit or len(block) < limit:
            if block.strip(b"\r\n"):
                yield block
            return
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            following = stream.read(1)
            if following not in (b"", b"\n"):
                raise BadObject(f"a line is larger than MaxPayloadInMB ({limit >> 20} MB)")
            cut = len(block)
        if block[:cut].strip(b"\r\n"):
            yield block[:cut]
        rest = block[cut:]


def _gathered(records: Iterator[bytes], limit: int) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for record in records:
        if parts and limit and size + len(record) > limit:
            yield b"".join(parts)
            parts, size = [], 0
        parts.append(record)
        size += len(record)
    if parts:
        yield b"".join(parts)


def _recordio(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Records with their frames; those in several parts (begin, middle, end) stay together."""
    parts: list[bytes] = []
    while True:
        head = stream.read(8)
        if not head:
            break
        magic, length = struct.unpack("<II", _full(head, 8))
        if magic != RECORDIO_MAGIC:
            raise BadObject("the object is not RecordIO: a record does not begin with its magic number")
        part, length = length >> 29, length & ((1 << 29) - 1)
        size = length + -length % 4
        _check(sum(map(len, parts)) + size + 8, limit, "a record")
        parts.append(head + _full(stream.read(size), size))
        if part in (0, 3):
            yield b"".join(parts)
            parts = []
    if parts:
        raise BadObject("the object ends inside a record")


def _tfrecord(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    while True:
        head = stream.read(12)
        if not head:
            return
        length = struct.unpack("<Q", _full(head, 12)[:8])[0]
        if length > 1 << 31:
            raise BadObject("the object is not TFRecord: a record has an impossible length")
        _check(length + 16, limit, "a record")
        yield head + _full(stream.read(length + 4), length + 4)


def _full(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise BadObject("the object ends inside a record")
    return data


def _check(size: int, limit: int, what: str) -> None:
    if limit and size > limit:
        raise BadObject(f"{what} is larger than MaxPayloadInMB ({limit >> 20} MB)")


_RECORDS: dict[str, ReadRecords] = {"RecordIO": _recordio, "TFRecord": _tfrecord}
