"""Statuses and enum values as events spell them."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def upper_snake(text: str) -> str:
    """`InService` -> `IN_SERVICE`, `S3Prefix` -> `S3_PREFIX`."""
    return _BOUNDARY.sub("_", text).upper()
