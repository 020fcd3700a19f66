"""Errors that handlers catch and raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clary_toolkit.errors import RequestError

_OF_FORMATS = (406, 415)


class UnsupportedFormatError(RequestError):
    """415 to the client."""

    def __init__(self, content_type: str) -> None:
        super().__init__(415, f"content type {content_type!r} is not supported")


@contextmanager
def unsupported_formats(content_type: str) -> Iterator[None]:
    """The toolkit's own refusals of a type become the error that scripts catch."""
    try:
        yield
    except RequestError as error:
        if error.status in _OF_FORMATS:
            raise UnsupportedFormatError(content_type) from error
        raise
