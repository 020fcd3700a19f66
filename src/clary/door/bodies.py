"""The body of an invocation as it comes: in memory while it is small, in a file without a name when it is large.

It has to be there as a whole before anything of it may reach a model: only then can its signature be checked. Files
are written and read in threads, and go with their last user, also when the process dies.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import weakref
from pathlib import Path

from clary.base.errors import ApiError
from clary.door import limits
from clary.serving.errors import ServiceUnavailable, ValidationError


class Held:
    """How many bytes of invocation bodies this door holds, in memory and in files."""

    def __init__(self, limit: int = limits.HELD_BODY_BYTES, on_disk: int = limits.SPOOLED_BODY_BYTES) -> None:
        self.limit = limit
        self.disk_limit = on_disk
        self.bytes = 0
        self.disk_bytes = 0


class SpooledFile:
    """A file that nobody else can open. OSError when the disk does not take or give what it should."""

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            self._descriptor = os.dup(file.fileno())
        # Not closed by hand: a thread may still be reading, and the number could be another file's by then.
        weakref.finalize(self, os.close, self._descriptor)

    def append(self, chunks: list[bytes]) -> None:
        """Blocks; one caller at a time."""
        for chunk in chunks:
            self._sha256.update(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self.size += len(chunk)

    def read(self, offset: int, size: int) -> bytes:
        """Blocks."""
        return os.pread(self._descriptor, size, offset)

    def digest(self) -> str:
        return self._sha256.hexdigest()


class RequestBody:
    """Takes chunks; what is `large` has to be written out before it is used."""

    def __init__(self, held: Held, largest: int) -> None:
        self.size = 0
        self.file: SpooledFile | None = None
        self._held = held
        self._largest = largest
        self._chunks: list[bytes] = []
        self._in_memory = 0
        self._on_disk = 0

    @property
    def large(self) -> bool:
        return self.size > limits.BODY_IN_MEMORY_BYTES

    @property
    def in_memory(self) -> int:
        return self._in_memory

    def feed(self, chunk: bytes) -> None:
        """Raises ApiError when it is too much, of this body or of all together."""
        size, held = len(chunk), self._held
        self.size += size
        self._chunks.append(chunk)
        self._in_memory += size
        held.bytes += size
        if self.size > self._largest:
            raise payload_too_large(self._largest)
        if held.bytes > held.limit or held.disk_bytes > held.disk_limit:
            raise ServiceUnavailable("Too many large invocations at the same time. Try again.")

    async def write_out(self, folder: Path) -> None:
        """Until nothing of it is in memory."""
        loop = asyncio.get_running_loop()
        if self.file is None:
            self.file = SpooledFile(folder)
        file = self.file
        while self._chunks:
            chunks, self._chunks = self._chunks, []
            await loop.run_in_executor(None, file.append, chunks)
            if self.file is None:
                return  # released meanwhile
            written = sum([len(chunk) for chunk in chunks])
            self._account(-written, written)

    def take(self) -> bytes:
        """A small body."""
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        return body

    def release(self) -> None:
        self._account(-self._in_memory, -self._on_disk)
        self._chunks = []
        self.file = None

    def _account(self, memory: int, disk: int) -> None:
        self._in_memory += memory
        self._on_disk += disk
        self._held.bytes += memory
        self._held.disk_bytes += disk


def payload_too_large(limit: int) -> ApiError:
    return ValidationError(f"HTTP content length exceeded {limit} bytes.", status=413)
