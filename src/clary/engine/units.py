"""Unit ids: `<letter><resource id>-...`, so that a unit always leads back to the resource it works for."""

from __future__ import annotations

import re

_UNIT = re.compile(r"([a-z])(\d+)-")


def unit_id(letter: str, resource_id: int, *parts: object) -> str:
    """For example `t17-algo-1` or `e4-g2-0-1-a3`."""
    return "-".join([f"{letter}{resource_id}", *map(str, parts)])


def resource_of(letter: str, unit: str) -> int | None:
    """The resource id inside a unit id of that letter."""
    match = _UNIT.match(unit)
    return int(match[2]) if match and match[1] == letter else None


def owner_of(unit: str) -> int | None:
    """The resource id inside a unit id of any letter."""
    match = _UNIT.match(unit)
    return int(match[2]) if match else None
