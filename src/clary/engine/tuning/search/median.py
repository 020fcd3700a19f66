"""The median rule: stop a training job that does worse than the average course of half of its predecessors. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median

_PREDECESSORS = 3
"""With fewer courses to compare with nothing is stopped."""


def surplus(histories: Mapping[int, Sequence[float]], running: set[int]) -> set[int]:
    """Numbers of running jobs to stop. `histories` are the losses that each job has emitted, in order."""
    ended = [losses for number, losses in histories.items() if number not in running]
    stopped = set()
    for number in running & histories.keys():
        losses = histories[number]
        averages = [fmean(course[: len(losses)]) for course in ended if len(course) >= len(losses) > 0]
        if len(averages) >= _PREDECESSORS and losses[-1] > median(averages):
            stopped.add(number)
    return stopped
