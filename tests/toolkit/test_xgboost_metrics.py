"""Metrics of the XGBoost algorithm: those of `eval_metric`, of tuning jobs, and how they end training early."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.toolkit.built_in import Fit, Fitted, fit_all

# One feature tells the label of four rows of five; the fifth is a 0 that looks like a 1.
BINARY = "1,5\n1,5\n1,6\n0,1\n0,5\n" * 8
THREE = "0,1\n1,5\n2,9\n" * 8
TREE = {"num_round": "2", "min_child_weight": "0", "lambda": "0", "eta": "1"}


def fit(data: str, *, validation: str = "", **hyperparameters: str) -> Fit:
    channels = {"train": ("text/csv", data)} | ({"validation": ("text/csv", validation)} if validation else {})
    return Fit({**TREE, **hyperparameters}, channels)


def last_round(fitted: Fitted) -> dict[str, float]:
    assert not fitted.error
    found = re.findall(r"(\S+?):([-0-9.]+)", fitted.log[-1])
    return {name: float(value) for name, value in found}


def test_scores_of_classes_and_numbers(framework_python: Path) -> None:
    names = "logloss,accuracy,balanced_accuracy,f1,f1_binary,precision,recall,mse,r2"
    binary, raw, several, argmax, tuned = fit_all(
        framework_python,
        "xgboost_training",
        fit(BINARY, objective="binary:logistic", eval_metric=names),
        fit(BINARY, objective="binary:logitraw", eval_metric="accuracy"),
        fit(THREE, objective="multi:softmax", num_class="3", eval_metric="accuracy,f1_macro,recall_micro"),
        fit(THREE, objective="multi:softprob", num_class="3", eval_metric="precision_macro,merror"),
        fit(
            BINARY,
            validation="1,5\n0,1\n",
            objective="binary:logistic",
            _tuning_objective_metric="validation:f1_binary",
        ),
    )
    found = last_round(binary)
    assert list(found) == [f"train-{name}" for name in names.split(",")]
    # Of 40 rows 24 are found rightly as 1, 8 wrongly; 8 are found rightly as 0.
    assert (found["train-accuracy"], found["train-balanced_accuracy"]) == (0.8, 0.75)
    assert (found["train-precision"], found["train-recall"]) == (0.75, 1)
    assert (found["train-f1_binary"], found["train-f1"]) == pytest.approx((6 / 7, (6 / 7 + 2 / 3) / 2), abs=1e-4)
    assert found["train-mse"] < 0.25
    assert 0 < found["train-r2"] < 1
    assert last_round(raw)["train-accuracy"] == 0.8
    for name in ("accuracy", "f1_macro", "recall_micro"):
        assert last_round(several)[f"train-{name}"] == 1
    assert last_round(argmax) == {"train-merror": 0, "train-precision_macro": 1}
    assert last_round(tuned)["validation-f1_binary"] == 1


def test_training_ends_early_when_a_score_grows_no_more(framework_python: Path) -> None:
    stopping = {"num_round": "40", "early_stopping_rounds": "3", "eta": "0.1", "objective": "binary:logistic"}
    (score, error) = fit_all(
        framework_python,
        "xgboost_training",
        fit(BINARY, validation=BINARY, **stopping, eval_metric="accuracy"),
        fit(BINARY, validation=BINARY, **stopping, eval_metric="mse"),
    )
    best = next(number for number, line in enumerate(score.log) if "validation-accuracy:0.80000" in line)
    assert len(score.log) == best + 1 + 3
    assert len(error.log) == 40, "the squared error falls in each round"
