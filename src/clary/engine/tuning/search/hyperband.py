"""Hyperband: many training jobs begin, few go on. Pure.

The resource is how often a training job has emitted the objective (usually once an epoch). A job that reaches a rung
stays only if it is among the best third of those that have been there. Jobs are spread over brackets that begin to
judge later and later, since what learns slowly may learn better. Decisions do not wait for all jobs of a rung, so
nothing idles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from clary.definitions.tuning.ranges import Parameters, Ranges
from clary.engine.tuning.search import Result
from clary.engine.tuning.search import random as random_search

REDUCTION = 3


def propose(
    ranges: Ranges, results: Sequence[Result], running: Sequence[Parameters], seed: int, count: int
) -> list[dict[str, str]]:
    """Implements `Search`: draws like random search; the budgets make the difference."""
    return random_search.propose(ranges, results, running, seed, count)


def brackets(least: int, most: int) -> list[list[int]]:
    """The rungs of each bracket, the strictest bracket first; the last one lets every job run to the end."""
    rungs = []
    rung = least
    while rung < most:
        rungs.append(rung)
        rung *= REDUCTION
    return [rungs[skipped:] for skipped in range(len(rungs) + 1)]


def memberships(count: int, least: int, most: int) -> list[int]:
    """The bracket of each of the first training jobs: shares are such that all brackets cost about the same."""
    weights = [REDUCTION ** len(rungs) / (len(rungs) + 1) for rungs in brackets(least, most)]
    counts = [0] * len(weights)
    found = []
    for _ in range(count):
        chosen = min(range(len(weights)), key=lambda index: (counts[index] + 1) / weights[index])
        counts[chosen] += 1
        found.append(chosen)
    return found


def surplus(histories: Mapping[int, Sequence[float]], running: set[int], least: int, most: int) -> set[int]:
    """Numbers (from 1) of running jobs to stop. `histories` are the losses that each job has emitted, in order."""
    rungs = brackets(least, most)
    bracket_of = dict(enumerate(memberships(max(histories, default=0), least, most), 1))
    at_rungs: dict[tuple[int, int], dict[int, float]] = {}
    stopped = set()
    for number in running & histories.keys():
        losses, bracket = histories[number], bracket_of[number]
        reached = [rung for rung in rungs[bracket] if rung <= len(losses)]
        if reached and (bracket, reached[-1]) not in at_rungs:
            peers = {n: other for n, other in histories.items() if bracket_of[n] == bracket}
            at_rungs[bracket, reached[-1]] = _best_at(peers, reached[-1])
        if len(losses) >= most or (reached and not _promoted(number, at_rungs[bracket, reached[-1]])):
            stopped.add(number)
    return stopped


def _best_at(histories: Mapping[int, Sequence[float]], rung: int) -> dict[int, float]:
    """The best loss up to a rung of each job that got there."""
    return {number: min(losses[:rung]) for number, losses in histories.items() if len(losses) >= rung}


def _promoted(number: int, at_rung: Mapping[int, float]) -> bool:
    better = sum(loss < at_rung[number] for loss in at_rung.values())
    return better < math.ceil(len(at_rung) / REDUCTION)
