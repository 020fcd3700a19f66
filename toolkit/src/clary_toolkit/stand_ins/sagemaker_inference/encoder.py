"""Predictions as bodies: JSON, CSV, NPY."""

from __future__ import annotations

from typing import Any

from clary_toolkit.serving import arrays


def encode(array_like: Any, content_type: str) -> bytes | str:
    return arrays.encode(array_like, content_type)[0]
