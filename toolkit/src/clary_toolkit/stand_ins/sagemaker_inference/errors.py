"""Errors that handlers catch and raise."""

from __future__ import annotations

from clary_toolkit.errors import RequestError


class UnsupportedFormatError(RequestError):
    """415 to the client."""

    def __init__(self, content_type: str) -> None:
        super().__init__(415, f"Content type {content_type} is not supported by this framework.")
