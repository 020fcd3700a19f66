"""Ranges: values lie inside, scaling is respected, and what makes no sense is refused with words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.definitions.tuning.ranges import Numeric, RangeError, combinations, read_ranges, within

units = st.floats(0, 1)


def continuous(low: object, high: object, scaling: str = "Linear", name: str = "x") -> dict[str, Any]:
    item = {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}
    return {"ContinuousParameterRanges": [item]}


def integer(low: object, high: object, scaling: str = "Linear") -> dict[str, Any]:
    return {
        "IntegerParameterRanges": [{"Name": "n", "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}]
    }


def categorical(*values: str) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": "c", "Values": list(values)}]}


@st.composite
def numeric(draw: st.DrawFn) -> Numeric:
    whole = draw(st.booleans())
    scaling = draw(
        st.sampled_from(
            ["Auto", "Linear", "Logarithmic"] if whole else ["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]
        )
    )
    bounds = {
        "Logarithmic": (1e-9, 1e9),
        "ReverseLogarithmic": (0.0, 0.999999),
    }.get(scaling, (-1e9, 1e9))
    ends = (
        st.integers(max(1, math.ceil(bounds[0])) if scaling == "Logarithmic" else -(10**9), 10**9)
        if whole
        else st.floats(*bounds)
    )
    low, high = sorted((draw(ends), draw(ends)))
    (found,) = read_ranges(integer(low, high, scaling) if whole else continuous(low, high, scaling))
    assert isinstance(found, Numeric)
    return found


@given(numeric(), units)
def test_every_value_lies_in_its_range(item: Numeric, unit: float) -> None:
    value = item.value(unit)
    assert item.holds(value)
    assert within((item,), {item.name: value})
    assert 0 <= item.unit(value) <= 1
    if item.whole:
        assert value == str(int(value))


@given(numeric(), units, units)
def test_the_scale_keeps_the_order(item: Numeric, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert float(item.value(low)) <= float(item.value(high))


@given(numeric())
def test_both_ends_can_be_reached(item: Numeric) -> None:
    assert float(item.value(0.0)) == item.low
    assert float(item.value(1.0)) == item.high


@pytest.mark.parametrize(
    ("raw", "middle"),
    [
        (continuous(0, 10), 5.0),
        (continuous(1, 10000, "Logarithmic"), 100.0),
        (continuous(1, 10000, "Auto"), 100.0),
        (continuous(1, 10, "Auto"), 5.5),
        (continuous(0, 10000, "Auto"), 5000.0),
        (continuous(0, 0.9999, "ReverseLogarithmic"), 0.99),
        (continuous(3, 3), 3.0),
    ],
)
def test_the_middle_of_the_scale(raw: dict[str, Any], middle: float) -> None:
    (item,) = read_ranges(raw)
    assert float(item.value(0.5)) == pytest.approx(middle)


def test_whole_numbers_own_equal_parts() -> None:
    (item,) = read_ranges(integer(1, 4))
    drawn = [item.value((i + 0.5) / 4000) for i in range(4000)]
    assert {value: round(drawn.count(value), -2) for value in set(drawn)} == dict.fromkeys("1234", 1000)


def test_combinations() -> None:
    assert combinations(read_ranges({**categorical("a", "b"), **integer(1, 3)})) == 6
    assert combinations(read_ranges({**categorical("a", "b"), **continuous(0, 1)})) is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (continuous(2, 1), "greater than its MaxValue"),
        (continuous("nan", 1), "finite"),
        (continuous(0, "1e999"), "finite"),
        (continuous("one", 2), "not a number"),
        (integer("1.5", 2), "not an integer"),
        (integer(0, 10**30), "finite"),
        (continuous(0, 1, "Logarithmic"), "greater than 0"),
        (continuous(0, 1, "ReverseLogarithmic"), "0 <= x < 1"),
        (integer(0, 1, "ReverseLogarithmic"), "must be continuous"),
        (categorical("a", "a"), "more than once"),
        ({**continuous(0, 1, name="n"), **integer(0, 1)}, "more than one range"),
    ],
)
def test_ranges_that_make_no_sense(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(RangeError, match=words):
        read_ranges(raw)
