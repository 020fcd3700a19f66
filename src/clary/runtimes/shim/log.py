"""The unit's log: whole lines with their time, up to a limit."""

from __future__ import annotations

import os

from .records import milliseconds

LINE_LIMIT = 256 * 1024


class Log:
    """Lines of bytes into the log file, whole or not at all, up to a limit."""

    def __init__(self, path: str, limit: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.size, self.limit = os.fstat(self.file).st_size, limit
        self.rest = self.last = b""
        self.lost, self.full, self.ended = 0, False, False

    def note(self, text: str) -> None:
        """A line of Clary's own."""
        self._append([b"clary: " + text.encode(errors="replace")])

    def feed(self, data: bytes) -> None:
        """Take output as it comes; nothing (b"") is its end."""
        self.ended = not data
        *lines, self.rest = (self.rest + data).split(b"\n")
        while len(self.rest) > LINE_LIMIT or (self.ended and self.rest):
            piece = _cut(self.rest)
            lines.append(piece)
            self.rest = self.rest[len(piece) :]
        if lines:
            self._append(lines)

    def close(self) -> None:
        if self.rest:
            self.feed(b"")
        if self.lost:
            self._append([])
        try:
            os.fdatasync(self.file)
        except OSError:
            pass  # the record of the exit matters more

    def _append(self, lines: list[bytes]) -> None:
        prefix = b"%d\t" % milliseconds()
        if self.lost:
            lines = [b"clary: %d lines could not be written to the log" % self.lost, *lines]
        pieces = [prefix + piece + b"\n" for line in lines for piece in _tidy(line)]
        block = b"".join(pieces)
        self.last = lines[-1] if lines else self.last
        if self.full:
            return
        if self.size + len(block) > self.limit:
            self.full = True
            block = prefix + b"clary: the log has reached its limit of %d bytes; nothing more is kept\n" % self.limit
        try:
            written = os.write(self.file, block)
            if written < len(block):
                os.ftruncate(self.file, self.size)
                raise OSError("short write")
            self.size += written
            self.lost = 0
        except OSError:
            self.lost += len(lines)


def _tidy(line: bytes) -> list[bytes]:
    """Valid UTF-8 without the carriage return, in pieces that are not too long."""
    line = line[:-1] if line.endswith(b"\r") else line
    pieces = []
    while len(line) > LINE_LIMIT:
        pieces.append(_cut(line))
        line = line[len(pieces[-1]) :]
    return [piece.decode("utf-8", "replace").encode() for piece in [*pieces, line]]


def _cut(data: bytes) -> bytes:
    """The first LINE_LIMIT bytes, not ending inside a character."""
    end = min(LINE_LIMIT, len(data))
    while end < len(data) and end > LINE_LIMIT - 4 and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end]
