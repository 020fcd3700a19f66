"""Numbers in lines by users' expressions: found, bounded in time, and never an error."""

from __future__ import annotations

import subprocess

import pytest

from clary.runtimes.expressions import Expressions

LINES = ["epoch 1#011val-auc:0.81", "nothing", "epoch 2#011val-auc:9e-1", "epoch 3#011val-auc:nan"]


def test_numbers_are_found_in_order() -> None:
    assert Expressions().numbers(r"#011val-auc:(\S+)", LINES) == [0.81, 0.9]
    assert Expressions().matches(r"#011val-auc:(\S+)", LINES) == [(0, 0.81), (2, 0.9)]
    assert Expressions().numbers(r"epoch \d", LINES) == [], "the whole match is not a number"
    assert Expressions().numbers(r"(?<=epoch )\d", LINES) == [1.0, 2.0, 3.0]
    assert Expressions().numbers(r"(x)?nothing", LINES) == []


def test_what_is_no_expression_finds_nothing() -> None:
    for text in ("(", "[a", "*", "(?P<x", "\\"):
        assert Expressions().numbers(text, LINES) == []


def test_a_hostile_expression_costs_its_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    expressions = Expressions(seconds=1.0)
    hostile = ["a" * 60 + "b"]
    assert expressions.numbers(r"^(a+)+$", hostile) == []
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", None)
        assert expressions.numbers(r"^(a+)+$", hostile) == []
    assert expressions.numbers(r"val-auc:(.*)", LINES) == [0.81, 0.9]


def test_one_that_is_too_slow_or_breaks_costs_the_others_nothing() -> None:
    expressions = Expressions(seconds=1.0)
    lines = ["a" * 60 + "b", *LINES]
    wanted = [r"^(a+)+$", r"val-auc:(.*)", "(", "a{99999999999999999999}"]
    found = expressions.matches_of_each(wanted, lines)
    assert found == {wanted[0]: [], wanted[1]: [(1, 0.81), (3, 0.9)], wanted[2]: [], wanted[3]: []}
