"""The losses of the linear learner: what a score costs, and how the cost changes with the score. Pure.

Scores are a column for two classes and for numbers, a column for each class otherwise. Labels of two classes are 0
and 1. A loss gives one cost per row and its derivative, shaped as the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clary_toolkit.algorithms.tables import numpy

Function = Callable[[Any, Any], "tuple[Any, Any]"]


@dataclass(frozen=True)
class Loss:
    """`title` is its name in the log. `smooth`: has a derivative everywhere. `degree`: how it grows with the label's
    unit, 0 where labels are classes."""

    title: str
    smooth: bool
    degree: int
    function: Function

    def __call__(self, scores: Any, labels: Any) -> tuple[Any, Any]:
        return self.function(scores, labels)


FOR = {
    "regressor": (
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    ),
    "binary_classifier": ("logistic", "hinge_loss"),
    "multiclass_classifier": ("softmax_loss",),
}
"""The first one of each is what `auto` means."""


def loss_of(name: str, values: Mapping[str, Any]) -> Loss:
    margin, quantile = values["margin"], values["quantile"]
    width, delta = values["loss_insensitivity"], values["huber_delta"]
    return {
        "squared_loss": Loss("mse", True, 2, _residual(lambda r: r**2, lambda r: 2 * r)),
        "absolute_loss": Loss("absolute_loss", False, 1, _residual(numpy.abs, numpy.sign)),
        "eps_insensitive_squared_loss": Loss(
            "eps_insensitive_squared_loss",
            True,
            2,
            _residual(lambda r: _beyond(r, width) ** 2, lambda r: 2 * _beyond(r, width) * numpy.sign(r)),
        ),
        "eps_insensitive_absolute_loss": Loss(
            "eps_insensitive_absolute_loss",
            False,
            1,
            _residual(lambda r: _beyond(r, width), lambda r: numpy.sign(r) * (numpy.abs(r) > width)),
        ),
        "quantile_loss": Loss(
            "quantile_loss",
            False,
            1,
            _residual(
                lambda r: numpy.where(r < 0, -quantile * r, (1 - quantile) * r),
                lambda r: numpy.where(r < 0, -quantile, 1 - quantile),
            ),
        ),
        "huber_loss": Loss(
            "huber_loss",
            True,
            2,
            _residual(
                lambda r: numpy.where(numpy.abs(r) <= delta, r**2 / 2, delta * (numpy.abs(r) - delta / 2)),
                lambda r: numpy.clip(r, -delta, delta),
            ),
        ),
        "logistic": Loss("binary_classification_cross_entropy", True, 0, _logistic),
        "hinge_loss": Loss("hinge_loss", False, 0, lambda scores, labels: _hinge(scores, labels, margin)),
        "softmax_loss": Loss("multiclass_cross_entropy", True, 0, _softmax),
    }[name]


def sigmoid(scores: Any) -> Any:
    return 0.5 * (1 + numpy.tanh(scores / 2))


def probabilities(scores: Any) -> Any:
    """Of each class, by softmax."""
    powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _residual(cost: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Function:
    """`cost` and `slope` of what the score is too much."""

    def function(scores: Any, labels: Any) -> tuple[Any, Any]:
        residual = scores[:, 0] - labels
        return cost(residual), slope(residual)[:, None]

    return function


def _beyond(residual: Any, width: float) -> Any:
    return numpy.maximum(numpy.abs(residual) - width, 0)


def _logistic(scores: Any, labels: Any) -> tuple[Any, Any]:
    column = scores[:, 0]
    return numpy.logaddexp(0, column) - labels * column, (sigmoid(column) - labels)[:, None]


def _hinge(scores: Any, labels: Any, margin: float) -> tuple[Any, Any]:
    signs = 2 * labels - 1
    missing = margin - signs * scores[:, 0]
    return numpy.maximum(missing, 0), (-signs * (missing > 0))[:, None]


def _softmax(scores: Any, labels: Any) -> tuple[Any, Any]:
    rows, classes = numpy.arange(len(labels)), labels.astype("i8")
    slopes = probabilities(scores)
    costs = -numpy.log(numpy.maximum(slopes[rows, classes], 1e-300))
    slopes[rows, classes] -= 1
    return costs, slopes
