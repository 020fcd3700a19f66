"""Predictions as bodies: JSON, CSV, NPY."""

from __future__ import annotations

from typing import Any

from clary_toolkit.serving import arrays

# Relative: the class must be the one that scripts import under the library's name.
from .errors import unsupported_formats


def encode(array_like: Any, content_type: str) -> bytes | str:
    with unsupported_formats(content_type):
        return arrays.encode(array_like, content_type)[0]
