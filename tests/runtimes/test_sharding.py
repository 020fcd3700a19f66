"""Shares and orders, for all numbers of objects and instances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.runtimes.sharding import shard, shuffled


@given(st.lists(st.integers(), max_size=50), st.integers(1, 8))
def test_every_object_goes_to_exactly_one_instance(objects: list[int], count: int) -> None:
    shares = [shard(objects, index, count) for index in range(count)]
    assert sorted(one for share in shares for one in share) == sorted(objects)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.lists(st.integers(), max_size=50), st.integers(0, 2**63))
def test_an_order_loses_nothing_and_is_the_same_again(objects: list[int], seed: int) -> None:
    assert sorted(shuffled(objects, seed)) == sorted(objects)
    assert shuffled(objects, seed) == shuffled(objects, seed)


def test_seeds_and_epochs_give_orders_of_their_own() -> None:
    orders = {tuple(shuffled(range(50), seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}
    assert len(orders) == 4


@pytest.mark.parametrize(("index", "count"), [(2, 2), (-1, 2), (0, 0)])
def test_instances_that_are_not_there(index: int, count: int) -> None:
    with pytest.raises(ValueError, match="no instance"):
        shard([1], index, count)
