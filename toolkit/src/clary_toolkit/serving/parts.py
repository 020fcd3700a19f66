"""An answer that comes in parts: what a handler that yields, or returns a file, has still to say.

Everything here runs user code, so it happens in the main thread, and failures are told apart by `calls`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from clary_toolkit.serving.calls import call
from clary_toolkit.serving.content import encoded_body

STAGE = "the next part of the answer"
FILE_PART = 64 * 1024
_END = object()


def comes_in_parts(body: Any) -> bool:
    """Generators, other iterators and open files; not lists and other things that are there as a whole."""
    return hasattr(body, "__next__") or callable(getattr(body, "read", None))


class Parts:
    """The bytes of each part as the user's code makes it. Raises what `calls.call` raises."""

    def __init__(self, source: Any) -> None:
        self._source = source
        read = getattr(source, "read", None)
        self._iterator: Iterator[Any] = iter(functools.partial(_read, read), None) if callable(read) else source

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            part = call(STAGE, next, self._iterator, _END)
            if part is _END:
                raise StopIteration
            encoded: bytes = call(STAGE, encoded_body, part)
            if encoded:  # nothing to send, and in chunks it would mean the end
                return encoded

    def close(self) -> None:
        """Let the user's code clean up: a generator is left at its `yield`, a file is closed."""
        close = getattr(self._source, "close", None)
        if callable(close):
            call("closing the answer", close)


def _read(read: Any) -> Any:
    return read(FILE_PART) or None
