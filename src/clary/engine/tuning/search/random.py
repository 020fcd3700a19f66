"""Random search: independent draws, spread as the ranges' scaling says. The n-th draw depends on seed and n alone."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from clary.definitions.tuning.ranges import Parameters, Ranges
from clary.engine.tuning.search import Result, fingerprint, source, tried

_REDRAWS = 32


def propose(
    ranges: Ranges, results: Sequence[Result], running: Sequence[Parameters], seed: int, count: int
) -> list[dict[str, str]]:
    """Implements `Search`. A set of values comes twice only where hardly any other is left."""
    known = {fingerprint(item.parameters) for item in results} | {fingerprint(item) for item in running}
    first = tried(results, running)
    proposals = []
    for number in range(first, first + count):
        proposal = draw_new(ranges, source(seed, number), known)
        known.add(fingerprint(proposal))
        proposals.append(proposal)
    return proposals


def draw(ranges: Ranges, numbers: Random) -> dict[str, str]:
    return {item.name: item.value(numbers.random()) for item in ranges}


def draw_new(ranges: Ranges, numbers: Random, known: set[tuple[tuple[str, str], ...]]) -> dict[str, str]:
    """A draw that is not known yet, unless many in a row are."""
    for _ in range(_REDRAWS):
        proposal = draw(ranges, numbers)
        if fingerprint(proposal) not in known:
            break
    return proposal
