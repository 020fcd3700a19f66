"""The pure choice: a variant by weight, a replica by how busy it is. Called by fleets for every call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Weighted(Protocol):
    @property
    def weight(self) -> float: ...


class Candidate(Protocol):
    """A replica as the choice sees it. `stalled`: it holds calls and has not said a byte for a while."""

    @property
    def usable(self) -> bool: ...

    @property
    def full(self) -> bool: ...

    @property
    def stalled(self) -> bool: ...

    @property
    def outstanding(self) -> int: ...


W = TypeVar("W", bound=Weighted)
C = TypeVar("C", bound=Candidate)


def choose_by_weight(variants: Sequence[W], roll: float) -> W | None:
    """`roll` is in [0, 1). Variants without weight get nothing; None when no variant has any."""
    total = sum(variant.weight for variant in variants)
    if total <= 0:
        return None
    mark = roll * total
    for variant in variants:
        mark -= variant.weight
        if mark < 0:
            return variant
    return next(variant for variant in reversed(variants) if variant.weight > 0)  # rounding ate the last step


def choose_replica(replicas: Sequence[C], turn: int, avoid: object = None) -> C | None:
    """The usable replica with the fewest outstanding calls, `turn` breaking ties; None when all are out or full.

    One that is stalled, or the one to `avoid`, is taken only when there is no other.
    """
    best: C | None = None
    best_rank = (False, False, 0)
    count = len(replicas)
    for step in range(count):
        replica = replicas[(turn + step) % count]
        if not replica.usable or replica.full:
            continue
        rank = (replica is avoid, replica.stalled, replica.outstanding)
        if best is None or rank < best_rank:
            best, best_rank = replica, rank
    return best
