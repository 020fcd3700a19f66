"""The course of an objective in a log: by the definition's expression, or as built-in algorithms print it."""

from __future__ import annotations

from clary.definitions.tuning.job import Definition
from clary.definitions.tuning.ranges import read_ranges
from clary.engine.tuning.early import values_by
from clary.runtimes.expressions import Expressions

LINES = [
    "[0]#011train-rmse:3#011validation-rmse:2.5",
    "[1]#011train-rmse:2#011validation-rmse:1.5",
    "#quality_metric: host=algo-1, epoch=0, validation mse_objective <loss>=4",
    "#quality_metric: host=algo-1, epoch=1, validation mse_objective <loss>=3",
    "#quality_metric: host=algo-1, validation mse_objective <loss>=3",
    "nothing",
]


def values(metric: str, **regexes: str) -> list[float]:
    named = [{"Name": name, "Regex": regex} for name, regex in regexes.items()]
    request = {"AlgorithmSpecification": {"MetricDefinitions": named}}
    return values_by(Expressions())(Definition("", metric, read_ranges({}), request), LINES)


def test_values_in_their_order() -> None:
    assert values("validation:rmse") == [2.5, 1.5]
    assert values("validation:objective_loss") == [4, 3]
    assert values("validation:auc") == []
    assert values("own", own=r"train-rmse:(\d)") == [3, 2]
