"""Bodies as arrays: JSON, CSV, NPY, NPZ."""

from __future__ import annotations

from typing import Any

from clary_toolkit.serving import arrays


def decode(obj: Any, content_type: str) -> Any:
    return arrays.decode(obj, content_type)
