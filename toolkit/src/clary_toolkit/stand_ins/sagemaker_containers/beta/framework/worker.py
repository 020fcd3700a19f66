"""Answers of `output_fn`."""

from __future__ import annotations

from typing import Any

from clary_toolkit.errors import RequestError

_FIRST_ERROR = 400


class Response(tuple[Any, str]):
    """A body with its media type, which is what handlers may return anyway. With an error's status it is raised."""

    __slots__ = ()

    def __new__(
        cls, response: Any = None, accept: str | None = None, status: int = 200, mimetype: str | None = None
    ) -> Response:
        kind = mimetype or accept or "application/json"
        if status >= _FIRST_ERROR:
            is_text = not isinstance(response, (bytes, bytearray))
            text = str(response or "") if is_text else response.decode("utf-8", "replace")
            raise RequestError(status, text, kind)
        return super().__new__(cls, (response, kind))
