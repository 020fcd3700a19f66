"""Search strategies: which hyperparameters to try next. Pure; nothing here knows how they are tried.

Every strategy is a function of the ranges, the results so far (less is better), what is being tried, a seed and how
many proposals are wanted. The same arguments give the same proposals, so a seed makes a search repeatable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from clary.definitions.tuning.ranges import Parameters, Ranges


@dataclass(frozen=True, slots=True)
class Result:
    """One set of values that has been tried: its loss, or None when it failed. `prior` came from another job."""

    parameters: Parameters
    loss: float | None
    prior: bool = False


class Search(Protocol):
    """`running` are sets of values that are being tried. Fewer than `count` come back when nothing is left."""

    def __call__(
        self, ranges: Ranges, results: Sequence[Result], running: Sequence[Parameters], seed: int, count: int
    ) -> list[dict[str, str]]: ...


def tried(results: Sequence[Result], running: Sequence[Parameters]) -> int:
    """How many sets of values this search has proposed already."""
    return sum(not result.prior for result in results) + len(running)


def source(seed: int, number: int) -> Random:
    """Where the n-th proposal draws its numbers from."""
    return Random(f"{seed}/{number}")  # noqa: S311  # a search has no secrets, and it must be repeatable


def fingerprint(parameters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The same for equal sets of values."""
    return tuple(sorted(parameters.items()))
