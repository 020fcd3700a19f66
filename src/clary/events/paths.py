"""JSON paths as rules use them: `$`, `$.detail.name`, `$.resources[0]`, `$['detail']['a b']`, `$.items[*].id`."""

from __future__ import annotations

import re
from typing import Any

_LONGEST = 2048
_STEP = re.compile(r"\.([A-Za-z0-9_\-]{1,256})|\[(\d{1,6})\]|\['([^'\]]{1,256})'\]|\[\"([^\"\]]{1,256})\"\]|(\[\*\])")

Step = str | int | None


class InvalidPath(ValueError):
    """The text is not a path of this language."""


class Missing(LookupError):
    """The document has nothing at the path."""


def parse_path(text: str) -> tuple[Step, ...]:
    """Steps: names, indexes, and None for all items."""
    if not text.startswith("$") or len(text) > _LONGEST:
        raise InvalidPath(f"Invalid JSONPath: {text[:100]}")
    steps: list[Step] = []
    position = 1
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise InvalidPath(f"Invalid JSONPath: {text[:100]}")
        name = found[1] or found[3] or found[4]
        steps.append(int(found[2]) if found[2] is not None else name)
        position = found.end()
    return tuple(steps)


def find(document: Any, text: str) -> Any:
    """The value at the path; a list of values when the path has `[*]`. Missing when there is none."""
    steps = parse_path(text)
    values = [document]
    for step in steps:
        values = [found for value in values for found in _step(value, step)]
    if None in steps:
        return values
    if not values:
        raise Missing(text)
    return values[0]


def _step(value: Any, step: Step) -> list[Any]:
    if step is None:
        return list(value) if isinstance(value, list) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []
