"""Applies users' regular expressions to lines, in a process of its own with little time.

Python's engine may need exponential time for an expression and a line that were made for it, and cannot be
interrupted; so it never runs inside control. Used for metrics in the logs of training jobs.
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from clary.base.log import get_logger

log = get_logger(__name__)

_SECONDS = 5.0  # of processor time, so that a busy machine makes no expression slow
_PATIENCE = 10
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)
_LONGEST_LINE = 4000
_PROGRAM = """
import json, re, resource, sys
asked = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
def found(text):
    try:
        expression = re.compile(text)
    except re.error:
        return []
    matches = ((index, expression.search(line)) for index, line in enumerate(asked["lines"]))
    return [[index, match.group(1) if expression.groups else match.group()] for index, match in matches if match]
json.dump([found(text) for text in asked["expressions"]], sys.stdout)
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
        return self.matches_of_each([expression], lines)[expression]

    def matches_of_each(
        self, expressions: Sequence[str], lines: Sequence[str]
    ) -> Mapping[str, list[tuple[int, float]]]:
        """`matches` of several expressions, which share one process and its time unless that is too short."""
        wanted = [expression for expression in dict.fromkeys(expressions) if expression not in self._too_slow]
        found: dict[str, list[tuple[int, float]]] = {expression: [] for expression in expressions}
        if not lines or not wanted:
            return found
        together = self._run(wanted, lines)
        if together is not None:
            return found | together
        if len(wanted) > 1:  # which one is it?
            return found | {expression: self.matches(expression, lines) for expression in wanted}
        self._too_slow.update(wanted)
        log.warning("an expression of a metric is too slow and is left out", extra={"expression": wanted[0]})
        return found

    def _run(self, expressions: Sequence[str], lines: Sequence[str]) -> dict[str, list[tuple[int, float]]] | None:
        """None when the time was too short."""
        asked = {
            "expressions": expressions,
            "lines": [line[:_LONGEST_LINE] for line in lines],
            "seconds": math.ceil(self._seconds),
        }
        try:
            told = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                input=json.dumps(asked),
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE * self._seconds,
            )
        except subprocess.TimeoutExpired:
            return None
        if told.returncode in _OUT_OF_TIME:
            return None
        if told.returncode != 0:  # one that broke the program; among others, it must not cost them their values
            return None if len(expressions) > 1 else {}
        return {
            expression: [(index, number) for index, text in rows if (number := _number(text)) is not None]
            for expression, rows in zip(expressions, json.loads(told.stdout), strict=True)
        }


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
