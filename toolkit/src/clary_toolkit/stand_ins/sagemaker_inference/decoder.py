"""Bodies as arrays: JSON, CSV, NPY, NPZ."""

from __future__ import annotations

from typing import Any

from clary_toolkit.serving import arrays

# Relative: the class must be the one that scripts import under the library's name.
from .errors import unsupported_formats


def decode(obj: Any, content_type: str) -> Any:
    with unsupported_formats(content_type):
        return arrays.decode(obj, content_type)
