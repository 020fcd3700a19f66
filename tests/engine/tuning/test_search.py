"""Searches: everything proposed is inside the ranges, a seed makes it repeatable, a grid is complete, and Bayesian
search finds more than random search."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.definitions.tuning.ranges import Ranges, combinations, read_ranges, within
from clary.engine.tuning.search import Result, Search, bayesian, fingerprint, grid, hyperband, median, random

MIXED = read_ranges(
    {
        "ContinuousParameterRanges": [
            {"Name": "x", "MinValue": "-5", "MaxValue": "5", "ScalingType": "Linear"},
            {"Name": "rate", "MinValue": "1e-5", "MaxValue": "1", "ScalingType": "Logarithmic"},
        ],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b", "c"]}],
    }
)


@st.composite
def spaces(draw: st.DrawFn) -> Ranges:
    raw: dict[str, Any] = {
        "CategoricalParameterRanges": [],
        "ContinuousParameterRanges": [],
        "IntegerParameterRanges": [],
    }
    for index in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["Categorical", "Continuous", "Integer"]))
        name = f"p{index}"
        if kind == "Categorical":
            raw["CategoricalParameterRanges"].append(
                {"Name": name, "Values": [str(i) for i in range(draw(st.integers(1, 4)))]}
            )
            continue
        low = draw(st.integers(1, 50))
        ends = {"MinValue": str(low), "MaxValue": str(low + draw(st.integers(0, 5000)))}
        scaling = draw(st.sampled_from(["Auto", "Linear", "Logarithmic"]))
        raw[f"{kind}ParameterRanges"].append({"Name": name, "ScalingType": scaling, **ends})
    return read_ranges(raw)


@settings(max_examples=60, deadline=None)
@given(
    spaces(), st.integers(0, 2**31), st.sampled_from([random.propose, bayesian.propose, hyperband.propose]), st.data()
)
def test_proposals_lie_inside_and_repeat_for_a_seed(
    ranges: Ranges, seed: int, search: Search, data: st.DataObject
) -> None:
    results: list[Result] = []
    for _ in range(data.draw(st.integers(1, 6))):
        running = search(ranges, results, [], seed, data.draw(st.integers(0, 3)))
        proposed = search(ranges, results, running, seed, 2)
        assert proposed == search(ranges, results, running, seed, 2)
        assert all(within(ranges, each) for each in [*running, *proposed])
        losses = data.draw(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=5, max_size=5))
        results += [Result(each, loss) for each, loss in zip([*running, *proposed], losses, strict=False)]


def test_random_search_does_not_depend_on_who_ends_first() -> None:
    at_once = random.propose(MIXED, [], [], 7, 6)
    one_by_one: list[Result] = []
    while len(one_by_one) < 6:
        one_by_one.append(Result(random.propose(MIXED, one_by_one, [], 7, 1)[0], 1.0))
    assert [result.parameters for result in one_by_one] == at_once
    assert at_once != random.propose(MIXED, [], [], 8, 6)


def test_random_search_respects_the_scaling() -> None:
    drawn = [float(each["rate"]) for each in random.propose(MIXED, [], [], 1, 2000)]
    below = sum(rate < math.sqrt(1e-5) for rate in drawn)
    assert 850 < below < 1150, "half of the draws on a logarithmic scale are below the geometric middle"


def test_a_small_space_is_exhausted_before_anything_comes_twice() -> None:
    ranges = read_ranges({"CategoricalParameterRanges": [{"Name": "c", "Values": list("abc")}]})
    for search in (random.propose, bayesian.propose):
        assert {each["c"] for each in search(ranges, [], [], 3, 3)} == set("abc")
        assert len(search(ranges, [], [], 3, 5)) == 5


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_a_grid_is_complete_and_has_nothing_twice(sizes: list[int], data: st.DataObject) -> None:
    raw = [{"Name": f"p{i}", "Values": [f"v{v}" for v in range(size)]} for i, size in enumerate(sizes)]
    ranges = read_ranges({"CategoricalParameterRanges": raw})
    results: list[Result] = []
    while True:
        running = grid.propose(ranges, results, [], 0, data.draw(st.integers(1, 5)))
        more = grid.propose(ranges, results, running, 0, data.draw(st.integers(1, 5)))
        results += [Result(each, None) for each in [*running, *more]]
        if not more:
            break
    counts = Counter(fingerprint(result.parameters) for result in results)
    assert len(counts) == combinations(ranges)
    assert set(counts.values()) == {1}


def bowl(parameters: Mapping[str, str]) -> float:
    far = {"a": 0.0, "b": 0.5, "c": 2.0}[parameters["kind"]]
    return (float(parameters["x"]) - 1.3) ** 2 + (math.log10(float(parameters["rate"])) + 3) ** 2 + far


def best_found(search: Search, loss: Callable[[Mapping[str, str]], float], seed: int, parallel: int) -> float:
    results: list[Result] = []
    while len(results) < 30:
        results += [Result(each, loss(each)) for each in search(MIXED, results, [], seed, parallel)]
    return min(result.loss for result in results if result.loss is not None)


@pytest.mark.parametrize("parallel", [1, 3])
def test_bayesian_search_beats_random_search(parallel: int) -> None:
    """Everything is seeded, so this cannot flicker; the margin leaves room for changes of the search itself."""
    seeds = range(12)
    guided = [best_found(bayesian.propose, bowl, seed, parallel) for seed in seeds]
    blind = [best_found(random.propose, bowl, seed, parallel) for seed in seeds]
    assert fmean(guided) < 0.6 * fmean(blind)
    assert sum(one < other for one, other in zip(guided, blind, strict=True)) >= 9


def test_bayesian_search_learns_from_failures_and_from_parents() -> None:
    tried = random.propose(MIXED, [], [], 5, 40)
    failing = [Result(each, None if each["kind"] == "a" else bowl(each)) for each in tried]
    kinds = Counter(each["kind"] for seed in range(10) for each in bayesian.propose(MIXED, failing, [], seed, 1))
    assert kinds["a"] <= 1
    prior = [Result(each, bowl(each), prior=True) for each in tried]
    informed = [bowl(bayesian.propose(MIXED, prior, [], seed, 1)[0]) for seed in range(10)]
    blind = [bowl(bayesian.propose(MIXED, [], [], seed, 1)[0]) for seed in range(10)]
    assert fmean(informed) < 0.5 * fmean(blind)


def test_parallel_proposals_keep_apart() -> None:
    results = [Result(each, bowl(each)) for each in random.propose(MIXED, [], [], 5, 20)]
    together = bayesian.propose(MIXED, results, [], 1, 4)
    assert len({fingerprint(each) for each in together}) == 4


@given(st.integers(1, 50), st.integers(0, 1000))
def test_hyperbands_brackets_stay_within_the_budget(least: int, more: int) -> None:
    most = least + more
    found = hyperband.brackets(least, most)
    assert found[-1] == []
    for rungs in found:
        assert rungs == sorted(set(rungs))
        assert all(least <= rung < most for rung in rungs)
    assert [len(rungs) for rungs in found] == list(range(len(found) - 1, -1, -1))


def test_hyperbands_brackets_cost_about_the_same() -> None:
    least, most = 1, 27
    spent: Counter[int] = Counter()
    for bracket in hyperband.memberships(200, least, most):
        rungs = hyperband.brackets(least, most)[bracket]
        stages = [*rungs, most]
        spent[bracket] += sum(
            (stage - before) * hyperband.REDUCTION**-index
            for index, (before, stage) in enumerate(zip([0, *stages], stages, strict=False))
        )
    assert min(spent.values()) > 0.6 * max(spent.values())


@given(
    st.dictionaries(st.integers(1, 30), st.lists(st.floats(-100, 100), max_size=12), max_size=12),
    st.sets(st.integers(1, 30)),
    st.integers(1, 4),
    st.integers(0, 12),
)
def test_hyperband_stops_nothing_too_early_and_keeps_the_best(
    histories: dict[int, list[float]], running: set[int], least: int, more: int
) -> None:
    most = least + more
    stopped = hyperband.surplus(histories, running, least, most)
    assert stopped <= running & histories.keys()
    for number, losses in histories.items():
        if number in stopped:
            assert len(losses) >= least
        elif number in running:
            assert len(losses) < most
    members = hyperband.memberships(30, least, most)
    for bracket in set(members):
        own = {n: min(h) for n, h in histories.items() if h and members[n - 1] == bracket}
        leader = min(own, key=lambda n: own[n], default=None)
        if leader in stopped:
            rungs = [rung for rung in hyperband.brackets(least, most)[bracket] if rung <= len(histories[leader])]
            best_then = min(histories[leader][: rungs[-1]]) if rungs else None
            assert len(histories[leader]) >= most or best_then != own[leader]


def test_hyperband_keeps_a_third() -> None:
    numbers = [number for number, bracket in enumerate(hyperband.memberships(60, 1, 27), 1) if bracket == 0][:9]
    histories: dict[int, Sequence[float]] = {number: [float(place)] for place, number in enumerate(numbers)}
    assert hyperband.surplus(histories, set(numbers), 1, 27) == set(numbers[3:])


def test_the_median_rule() -> None:
    histories: dict[int, Sequence[float]] = {1: [4, 2, 1], 2: [5, 4, 3], 3: [6, 5, 4], 4: [9.0, 8.0], 5: [9.0, 1.0]}
    assert median.surplus(histories, {4, 5}) == {4}
    assert median.surplus(histories, {3, 4, 5}) == set(), "two predecessors are too few"
    assert median.surplus({1: [1.0], 2: [1.0], 3: [1.0], 4: [9.0, 9.0]}, {4}) == set(), "nobody got that far"
