"""The linear learner: three kinds of labels, every loss and optimizer, thresholds, and what it refuses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from clary_toolkit.algorithms.recordio import Record, Tensor, answers, written
from tests.toolkit.built_in import RECORDS, Ask, Fit, errors, fit_all

NUMBERS = {"predictor_type": "regressor"}
TWO = {"predictor_type": "binary_classifier"}
THREE = {"predictor_type": "multiclass_classifier", "num_classes": "3"}
RANDOM = random.Random(1)
POINTS = [(RANDOM.uniform(-5, 5), RANDOM.uniform(0, 100)) for _ in range(300)]
LINE = "".join(f"{3 * x - 0.5 * y + 7},{x},{y}\n" for x, y in POINTS)
SIDES = "".join(f"{int(x > y / 50 - 1)},{x},{y}\n" for x, y in POINTS)
SECTORS = "".join(f"{0 if x < -1 else 2 if y > 50 else 1},{x},{y}\n" for x, y in POINTS)
ASKED = Ask("1,10\n-2,50\n", "text/csv")


def test_numbers(framework_python: Path) -> None:
    """The line itself is found; the log tells it in the form of SageMaker's expressions."""
    both = {"train": ("text/csv", LINE), "validation": ("text/csv", LINE), "test": ("text/csv", LINE)}
    records = written([Record(Tensor([x, y], [0, 1], 2), 3 * x - 0.5 * y + 7) for x, y in POINTS])
    narrow = written([Record(Tensor([x], [0]), 3 * x + 7) for x, _ in POINTS])
    plain, sparse, offset = fit_all(
        framework_python,
        "linear_learner",
        Fit(NUMBERS, both, [ASKED, Ask("1,10\n", "text/csv", "text/csv")]),
        Fit(NUMBERS, {"train": (RECORDS, records), "test": (RECORDS, narrow)}, [ASKED]),
        Fit(
            {**NUMBERS, "use_bias": "false", "unbias_data": "0", "unbias_label": "0"},
            {"train": ("text/csv", LINE)},
            [Ask("0,0\n", "text/csv")],
        ),
    )
    for fitted in (plain, sparse):
        rows = fitted.replies[0].json["predictions"]
        assert [row.keys() for row in rows] == [{"score"}] * 2
        assert [row["score"] for row in rows] == pytest.approx([5, -24], abs=0.1)
    assert float(plain.replies[1].body) == pytest.approx(5, abs=0.1)
    assert offset.replies[0].json["predictions"] == [{"score": 0.0}]
    assert plain.metrics["test mse"] < 0.01
    assert plain.metrics["validation r2"] > 0.999
    assert sparse.metrics["test mse"] < 0.01
    assert {"train mse_objective", "validation absolute_loss", "test rmse"} <= plain.metrics.keys()
    epochs = [line for line in plain.log if "epoch=0, validation mse_objective <loss>=" in line]
    assert len(epochs) == 1


def test_every_loss_and_optimizer_for_numbers(framework_python: Path) -> None:
    given = {
        "squared_loss": {"optimizer": "sgd", "momentum": "0.9"},
        "absolute_loss": {"optimizer": "rmsprop"},
        "eps_insensitive_squared_loss": {"loss_insensitivity": "0.001"},
        "eps_insensitive_absolute_loss": {"optimizer": "adam", "beta_1": "0.8", "beta_2": "0.99"},
        "quantile_loss": {},
        "huber_loss": {"optimizer": "sgd", "learning_rate": "0.3"},
    }
    base = {**NUMBERS, "epochs": "60", "mini_batch_size": "20"}
    train = {"train": ("text/csv", LINE)}
    fits = [Fit({**base, "loss": name, **more}, train, [ASKED]) for name, more in given.items()]
    for fitted in fit_all(framework_python, "linear_learner", *fits):
        scores = [row["score"] for row in fitted.replies[0].json["predictions"]]
        assert scores == pytest.approx([5, -24], abs=1.0)


def test_a_quantile_lies_where_it_must(framework_python: Path) -> None:
    noisy = "".join(f"{RANDOM.uniform(0, 100)},{x}\n" for x, _ in POINTS)
    settings = {**NUMBERS, "loss": "quantile_loss", "epochs": "60", "mini_batch_size": "50"}
    low, high = fit_all(
        framework_python,
        "linear_learner",
        *(
            Fit({**settings, "quantile": quantile}, {"train": ("text/csv", noisy)}, [Ask("0", "text/csv")])
            for quantile in ("0.1", "0.9")
        ),
    )
    assert low.replies[0].json["predictions"][0]["score"] == pytest.approx(10, abs=8)
    assert high.replies[0].json["predictions"][0]["score"] == pytest.approx(90, abs=8)


def test_two_classes(framework_python: Path) -> None:
    channels = {"train": ("text/csv", SIDES), "validation": ("text/csv", SIDES)}
    asks = [Ask("5,10\n-5,90\n", "text/csv"), Ask("5,10\n", "text/csv", RECORDS)]
    logistic, hinge, adam, recall, precise, weighted = fit_all(
        framework_python,
        "linear_learner",
        Fit(TWO, channels, asks),
        Fit({**TWO, "loss": "hinge_loss"}, channels, asks),
        Fit({**TWO, "optimizer": "adam", "wd": "0.0001", "l1": "0.0001", "mini_batch_size": "30"}, channels, asks),
        Fit(criterion("precision_at_target_recall", target_recall="0.99"), channels, asks),
        Fit(criterion("recall_at_target_precision", target_precision="0.99"), channels, asks),
        Fit({**criterion("f_beta", f_beta="2"), "positive_example_weight_mult": "balanced"}, channels, asks),
    )
    for fitted in (logistic, hinge, adam, recall, precise, weighted):
        first, second = fitted.replies[0].json["predictions"]
        assert (first["predicted_label"], second["predicted_label"]) == (1, 0)
        assert first["score"] > second["score"]
    first = logistic.replies[0].json["predictions"][0]
    assert 0.9 < first["score"] <= 1
    record = {"score": [first["score"]], "predicted_label": [1.0]}
    assert logistic.replies[1].body == answers([record])
    assert logistic.metrics["validation binary_classification_accuracy"] > 0.97
    assert logistic.metrics["train roc_auc_score"] > 0.99
    assert "train binary_classification_cross_entropy_objective" in logistic.metrics
    assert "validation hinge_loss_objective" in hinge.metrics
    assert recall.metrics["validation recall"] >= 0.99
    assert precise.metrics["validation precision"] >= 0.99
    assert "validation binary_f_2.000" in weighted.metrics


def criterion(name: str, **more: str) -> dict[str, str]:
    return {**TWO, "binary_classifier_model_selection_criteria": name, **more}


def test_several_classes(framework_python: Path) -> None:
    channels = {"train": ("text/csv", SECTORS), "test": ("text/csv", SECTORS)}
    (fitted,) = fit_all(
        framework_python,
        "linear_learner",
        Fit(
            {**THREE, "balance_multiclass_weights": "true", "accuracy_top_k": "2"},
            channels,
            [Ask("-5,10\n4,10\n4,95\n", "text/csv")],
        ),
    )
    rows = fitted.replies[0].json["predictions"]
    assert [row["predicted_label"] for row in rows] == [0, 1, 2]
    assert all(sum(row["score"]) == pytest.approx(1) and len(row["score"]) == 3 for row in rows)
    assert fitted.metrics["test multiclass_accuracy"] > 0.85
    assert fitted.metrics["test multiclass_top_k_accuracy_2"] > 0.97
    assert {"train dcg", "test macro_f_1.000", "test macro_recall", "test macro_precision"} <= fitted.metrics.keys()


def test_training_ends_early_or_with_a_clear_reason(framework_python: Path) -> None:
    many = {**NUMBERS, "optimizer": "adam", "mini_batch_size": "30", "epochs": "5000"}
    wild = {**NUMBERS, "optimizer": "sgd", "learning_rate": "1e6", "use_lr_scheduler": "false"}
    early, bad = fit_all(
        framework_python,
        "linear_learner",
        Fit(many, {"train": ("text/csv", LINE)}),
        Fit({**wild, "mini_batch_size": "1"}, {"train": ("text/csv", LINE)}),
    )
    assert len([line for line in early.log if "epoch=" in line]) < 1000
    assert bad.error == "The loss is no finite number any more. A lower learning_rate may help."


def test_what_is_wrong_is_named(framework_python: Path) -> None:
    found = errors(
        framework_python,
        "linear_learner",
        Fit({}, {"train": ("text/csv", LINE)}),
        Fit({**NUMBERS, "loss": "logistic"}, {"train": ("text/csv", LINE)}),
        Fit({"predictor_type": "multiclass_classifier"}, {"train": ("text/csv", LINE)}),
        Fit({**TWO}, {"train": ("text/csv", "0,1\n2,3\n")}),
        Fit({**THREE}, {"train": ("text/csv", "0,1\n1.5,3\n")}),
        Fit({**NUMBERS}, {"train": ("text/csv;label_size=0", LINE)}),
        Fit({**NUMBERS}, {"train": ("text/csv", LINE), "test": ("text/csv", "1,2\n")}),
        Fit({**TWO, "positive_example_weight_mult": "-1"}, {"train": ("text/csv", SIDES)}),
    )
    expected = [
        "The hyperparameter predictor_type is required: one of regressor, binary_classifier, multiclass_classifier.",
        "The loss logistic does not fit the predictor_type regressor: squared_loss, absolute_loss, ",
        "The hyperparameter num_classes is required for multiclass_classifier: at least 3.",
        "The channel train has the label 2; labels must be whole numbers from 0 to 1.",
        "The channel train has the label 1.5; labels must be whole numbers from 0 to 2.",
        "The channel train must have labels, and not all of its rows have one.",
        "The channel test has 1 features, the training data 2.",
        "The hyperparameter positive_example_weight_mult must be a number above 0 or balanced or auto, not '-1'.",
    ]
    for error, words in zip(found, expected, strict=True):
        assert error.startswith(words)
