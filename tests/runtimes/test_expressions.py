"""Numbers in lines by users' expressions: found, bounded in time, and never an error."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

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


def test_one_that_is_too_slow_or_breaks_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, good, bad, huge = wanted = ["slow", r"val-auc:(.*)", "(", "a{99999999999999999999}"]
    real, asked = subprocess.run, []

    def run(command: list[str], **named: Any) -> Any:
        asked.append(json.loads(named["input"])["expressions"])
        return subprocess.CompletedProcess(command, -signal.SIGXCPU) if slow in asked[-1] else real(command, **named)

    monkeypatch.setattr(subprocess, "run", run)
    expressions = Expressions(seconds=60.0)
    for _ in range(2):
        assert expressions.matches_of_each(wanted, LINES) == {
            slow: [],
            good: [(0, 0.81), (2, 0.9)],
            bad: [],
            huge: [],
        }
    assert asked[0] == wanted
    assert [slow] in asked
    assert not any(slow in each for each in asked[5:]), "it is not tried again"
