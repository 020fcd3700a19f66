"""Answers of `output_fn`."""

from __future__ import annotations

from typing import Any

from clary_toolkit.errors import RequestError

_FIRST_ERROR = 400


class Response(tuple[Any, str]):
    """A body with its media type, which is what handlers may return anyway; with the status of an error it is raised."""

    __slots__ = ()

    def __new__(
        cls, response: Any = None, accept: str | None = None, status: int = 200, mimetype: str | None = None
    ) -> Response:
        kind = mimetype or accept or "application/json"
        if status >= _FIRST_ERROR:
            text = (
                bytes(response).decode("utf-8", "replace") if isinstance(response, (bytes, bytearray)) else response
            )
            raise RequestError(status, str(text or ""), kind)
        return super().__new__(cls, (response, kind))
