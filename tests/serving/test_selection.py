"""The pure choice of variant and replica."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.serving.selection import choose_by_weight, choose_replica


@dataclass
class V:
    name: str
    weight: float


@dataclass
class R:
    name: str
    outstanding: int = 0
    usable: bool = True
    full: bool = False
    stalled: bool = False


def test_shares_follow_the_weights() -> None:
    variants = [V("a", 1.0), V("b", 3.0), V("never", 0.0)]
    source = random.Random(7)
    picks = [choose_by_weight(variants, source.random()) for _ in range(4000)]
    names = [pick.name for pick in picks if pick is not None]
    assert len(names) == 4000
    assert 0.22 < names.count("a") / 4000 < 0.28
    assert "never" not in names


@pytest.mark.parametrize("variants", [[], [V("a", 0.0)], [V("a", 0.0), V("b", 0.0)]])
def test_nothing_is_chosen_where_nobody_has_weight(variants: list[V]) -> None:
    assert choose_by_weight(variants, 0.5) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1, exclude_max=True))
def test_the_chosen_one_always_has_weight(weights: list[float], roll: float) -> None:
    chosen = choose_by_weight([V(str(i), w) for i, w in enumerate(weights)], roll)
    assert (chosen is None) == (sum(weights) == 0)
    assert chosen is None or chosen.weight > 0


def test_the_least_busy_replica_is_taken_and_ties_take_turns() -> None:
    assert choose_replica([R("a", 3), R("b", 1), R("c", 2)], 0).name == "b"  # type: ignore[union-attr]
    even = [R("a"), R("b"), R("c")]
    assert [choose_replica(even, turn).name for turn in range(3)] == ["a", "b", "c"]  # type: ignore[union-attr]


def test_stalled_and_avoided_replicas_are_the_last_resort() -> None:
    stalled, busy = R("stalled", 0, stalled=True), R("busy", 200)
    assert choose_replica([stalled, busy], 0) is busy
    assert choose_replica([busy], 0, avoid=busy) is busy
    assert choose_replica([busy, stalled], 0, avoid=busy) is stalled


def test_unusable_and_full_replicas_are_never_taken() -> None:
    assert choose_replica([R("out", usable=False), R("full", full=True)], 0) is None
    assert choose_replica([], 3) is None
