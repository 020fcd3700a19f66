"""A request without its body, and a response: the two shapes that cross the border between wire and its callers.

Reading sockets and sending bytes is not done here. Doors and control build a `RequestHead` from what their HTTP
parser gives them; `rendering` builds the `Response` they send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote_plus


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Request line and headers.

    `path` is raw: still percent-encoded, without query. `query` is the raw text behind the first `?`.
    `headers` has lower-case names; the values of repeated headers are joined with `,`. Bytes beyond ASCII are decoded
    as UTF-8 with `surrogateescape`, so that a signature over them can be checked.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Decoded (name, value) pairs in order; a name without `=` has an empty value."""
        if not self.query:
            return []
        pairs = []
        for part in self.query.split("&"):
            if part:
                name, _, value = part.partition("=")
                pairs.append((unquote_plus(name), unquote_plus(value)))
        return pairs

    @property
    def host(self) -> str:
        """The Host header in lower case, without port."""
        host = self.headers.get("host", "").lower()
        if host.startswith("["):
            return host.partition("]")[0] + "]"
        return host.partition(":")[0]


class Source(Protocol):
    """What bytes come from."""

    def read(self, amt: int | None = None) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """A body of `length` bytes that is passed on as it comes."""

    source: Source
    length: int

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end."""
        return self.source.read(size)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to send. Header names are lower case.

    `body` is bytes, except for streaming outputs and event streams: there it is whatever object the handler
    returned, and the sender frames it (events through `eventstream`).
    """

    status: int
    headers: dict[str, str]
    body: Any
