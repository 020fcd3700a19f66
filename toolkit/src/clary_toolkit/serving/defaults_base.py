"""Handlers for environments without a framework of their own: arrays in, arrays out, the rest is the user's."""

from __future__ import annotations

from typing import Any

from clary_toolkit.serving import arrays


def input_fn(data: Any, content_type: str) -> Any:
    return arrays.decode(data, content_type)


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    return arrays.encode(prediction, accept)
