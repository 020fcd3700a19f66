"""Applies users' regular expressions to lines, in a process of its own with little time.

Python's engine may need exponential time for an expression and a line that were made for it, and cannot be
interrupted; so it never runs inside control. Used for metrics in the logs of training jobs.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence

from clary.base.log import get_logger

log = get_logger(__name__)

_SECONDS = 5.0
_LONGEST_LINE = 4000
_PROGRAM = """
import json, re, sys
asked = json.load(sys.stdin)
expression = re.compile(asked["expression"])
found = []
for index, line in enumerate(asked["lines"]):
    match = expression.search(line)
    if match:
        found.append([index, match.group(1) if expression.groups else match.group()])
json.dump(found, sys.stdout)
"""


class Expressions:
    """Finds numbers in lines. An expression that was too slow once is not tried again."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._too_slow: set[str] = set()

    def numbers(self, expression: str, lines: Sequence[str]) -> list[float]:
        """Every number that `matches` finds."""
        return [number for _, number in self.matches(expression, lines)]

    def matches(self, expression: str, lines: Sequence[str]) -> list[tuple[int, float]]:
        """What the first group finds in each line that matches, as far as it is a finite number, with the index of
        the line; nothing for an expression that Python does not know.
        """
        if not lines or expression in self._too_slow:
            return []
        asked = json.dumps({"expression": expression, "lines": [line[:_LONGEST_LINE] for line in lines]})
        try:
            told = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                input=asked,
                capture_output=True,
                text=True,
                check=False,
                timeout=self._seconds,
            )
        except subprocess.TimeoutExpired:
            self._too_slow.add(expression)
            log.warning("an expression of a metric is too slow and is left out", extra={"expression": expression})
            return []
        found = json.loads(told.stdout) if told.returncode == 0 else []
        return [(index, number) for index, text in found if (number := _number(text)) is not None]


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
