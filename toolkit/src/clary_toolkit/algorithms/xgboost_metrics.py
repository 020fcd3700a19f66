"""Metrics that the image of the algorithm adds to XGBoost's own: scores of classes, squared errors, r2.

XGBoost hands over predictions, not margins: probabilities, one row of them per record, or classes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

Score = Callable[[Any, Any, Any], float]  # scikit-learn's metrics, labels, predictions


def _score(name: str, **options: Any) -> Score:
    return lambda metrics, labels, found: float(getattr(metrics, name)(labels, found, **options))


# Where nothing is in a class, its precision is 0, without a warning in each round.
_QUIET = {"zero_division": 0}
CLASSES: dict[str, Score] = {
    "accuracy": _score("accuracy_score"),
    "balanced_accuracy": _score("balanced_accuracy_score"),
    "f1": _score("f1_score", average="macro", **_QUIET),
    "f1_binary": _score("f1_score", **_QUIET),
    "f1_macro": _score("f1_score", average="macro", **_QUIET),
    "precision": _score("precision_score", **_QUIET),
    "precision_macro": _score("precision_score", average="macro", **_QUIET),
    "precision_micro": _score("precision_score", average="micro", **_QUIET),
    "recall": _score("recall_score", **_QUIET),
    "recall_macro": _score("recall_score", average="macro", **_QUIET),
    "recall_micro": _score("recall_score", average="micro", **_QUIET),
}
NUMBERS: dict[str, Score] = {
    "mse": _score("mean_squared_error"),
    "r2": _score("r2_score"),
}
NAMES = frozenset({*CLASSES, *NUMBERS})
# Early stopping looks at the metric that comes last, and these are better when they are greater.
_MAXIMIZED = NAMES - {"mse"}


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """XGBoost's own metrics, and those of this module."""
    return [name for name in names if name not in NAMES], [name for name in names if name in NAMES]


def is_maximized(added: Sequence[str]) -> bool | None:
    """What `early_stopping_rounds` must know of the last metric; None where XGBoost knows it by itself."""
    return added[-1] in _MAXIMIZED if added else None


def evaluation(added: Sequence[str], objective: str) -> Callable[[Any, Any], list[tuple[str, float]]] | None:
    """XGBoost's `custom_metric`."""
    if not added:
        return None
    metrics = importlib.import_module("sklearn.metrics")

    def evaluate(predictions: Any, matrix: Any) -> list[tuple[str, float]]:
        labels, classes = matrix.get_label(), _classes(predictions, objective)
        numbers = predictions if predictions.ndim == 1 else classes
        scores = {name: score(metrics, labels, classes) for name, score in CLASSES.items() if name in added}
        scores |= {name: score(metrics, labels, numbers) for name, score in NUMBERS.items() if name in added}
        return [(name, scores[name]) for name in added]

    return evaluate


def _classes(predictions: Any, objective: str) -> Any:
    if predictions.ndim > 1:
        return predictions.argmax(axis=1)
    if objective == "multi:softmax":
        return predictions.round()
    return (predictions > (0 if objective == "binary:logitraw" else 0.5)).astype("f4")
