"""Grid search: every combination of countable values exactly once, in the order of the ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from clary.definitions.tuning.ranges import Parameters, Ranges, combinations
from clary.engine.tuning.search import Result, fingerprint


def propose(
    ranges: Ranges, results: Sequence[Result], running: Sequence[Parameters], seed: int, count: int
) -> list[dict[str, str]]:
    """Implements `Search`; the seed does not matter."""
    known = {fingerprint(item.parameters) for item in results} | {fingerprint(item) for item in running}
    return list(islice((each for each in _all(ranges) if fingerprint(each) not in known), count))


def _all(ranges: Ranges) -> Iterator[dict[str, str]]:
    total = combinations(ranges)
    if total is None:
        raise ValueError("a grid needs ranges with countable values")
    for index in range(total):
        proposal, rest = {}, index
        for item in ranges:
            size = item.choices or 1
            rest, place = divmod(rest, size)
            proposal[item.name] = item.value((place + 0.5) / size)
        yield proposal
