"""XGBoost's hyperparameters: types, ranges and words, refused as AWS's container refuses them."""

from __future__ import annotations

import pytest

from clary_toolkit.algorithms.xgboost_parameters import INTERVALS, WORDS, parsed
from clary_toolkit.errors import CustomerError


def test_texts_become_values() -> None:
    found = parsed(
        {
            "num_round": "7",
            "early_stopping_rounds": "3",
            "csv_weights": "1",
            "max_depth": "4",
            "learning_rate": "0.25",
            "objective": "multi:softmax",
            "num_class": "3",
            "eval_metric": "['mlogloss', 'merror']",
            "_tuning_objective_metric": "validation:f1",
        }
    )
    assert (found.rounds, found.early_stopping, found.csv_weights) == (7, 3, True)
    assert found.metrics == ("mlogloss", "merror", "f1")
    assert found.booster == {"max_depth": 4, "learning_rate": 0.25, "objective": "multi:softmax", "num_class": 3}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "Missing required hyperparameter: num_round"),
        ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({"num_round": "1", "max_dept": "3"}, "Extraneous hyperparameter found: max_dept"),
        ({"num_round": "1", "max_depth": "deep"}, "Hyperparameter max_depth: could not parse value, 'deep' is no"),
        ({"num_round": "1", "eta": "1.5"}, "Hyperparameter eta: 1.5 is not in [0, 1]"),
        ({"num_round": "1", "eta": "nan"}, "Hyperparameter eta: nan is not in [0, 1]"),
        ({"num_round": "1", "subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        (
            {"num_round": "1", "booster": "tree"},
            "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']",
        ),
        ({"num_round": "1", "objective": "multi:softmax"}, "Require input for parameter 'num_class'"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, str], text: str) -> None:
    with pytest.raises(CustomerError) as caught:
        parsed(given)
    assert caught.value.message.startswith(text)


def test_limits_belong_to_closed_ranges_only() -> None:
    for name, interval in INTERVALS.items():
        for limit, bracket in zip(interval[1:-1].split(","), (interval[0], interval[-1]), strict=True):
            if "inf" in limit:
                continue
            given = {"num_round": "1", name: str(int(float(limit)))}
            if bracket in "[]":
                parsed(given)
            else:
                with pytest.raises(CustomerError, match=f"Hyperparameter {name}: "):
                    parsed(given)


def test_every_word_is_taken() -> None:
    for name, words in WORDS.items():
        for word in words:
            parsed({"num_round": "1", name: word})
