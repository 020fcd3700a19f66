"""The bytes of an epoch: objects one after the other, unpacked and wrapped as the channel asks for.

A RecordIO record is a magic number, a length, the bytes, and zeros up to a multiple of four.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from clary_toolkit.errors import UserError
from clary_toolkit.feeding.plan import Part

MAGIC = 0xCED7230A
LONGEST = (1 << 29) - 1
CHUNK = 1 << 20


def epoch_bytes(parts: Iterable[Part], *, wrap: bool, unzip: bool) -> Iterator[bytes]:
    """Raises UserError when an object cannot be unpacked or wrapped."""
    for part in parts:
        if wrap:
            size = sum(map(len, _content(part, unzip)))
            if size > LONGEST:
                raise UserError(f"an object of {size} bytes is too long for one RecordIO record ({LONGEST} bytes)")
            yield struct.pack("<II", MAGIC, size)
            yield from _content(part, unzip)
            yield b"\0" * (-size % 4)
        else:
            yield from _content(part, unzip)


def _content(part: Part, unzip: bool) -> Iterator[bytes]:
    if "file" not in part:
        yield part["text"].encode()
        return
    with Path(part["file"]).open("rb") as file:
        if not unzip:
            yield from _chunks(file)
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield from _chunks(unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(f"CompressionType is Gzip, but an object cannot be unpacked: {error}") from error


def _chunks(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    while True:
        chunk = file.read(CHUNK)
        if not chunk:
            return
        yield chunk
