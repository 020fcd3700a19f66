"""Answers of `output_fn`."""

from __future__ import annotations

from typing import Any


class Response(tuple[Any, str]):
    """A body with its media type, which is what handlers may return anyway."""

    __slots__ = ()

    def __new__(
        cls, response: Any = None, accept: str | None = None, status: int = 200, mimetype: str | None = None
    ) -> Response:
        return super().__new__(cls, (response, mimetype or accept or "application/json"))
