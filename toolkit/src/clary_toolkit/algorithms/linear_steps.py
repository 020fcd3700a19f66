"""Step after step for the linear learner's mini-batches: sgd, adam or rmsprop, with a falling learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary_toolkit.algorithms.tables import numpy

# What `auto` means. A run is twenty stretches; the learning rate falls to a twentieth of what it was.
_STRETCHES = 20
_FACTOR = 0.86
_LOWEST = 1e-5
_REACH = 5.0  # how far all steps of adam together may lead, in units of scaled data


class Steps:
    """`count` is how many there will be at most, `norm` the mean square of a row's length."""

    def __init__(self, values: Mapping[str, Any], count: int, norm: float, is_coefficient: Any) -> None:
        self._values = values
        self._kind = values["optimizer"] or "adam"
        self._is_coefficient = is_coefficient
        auto = 1 / (1 + norm) if self._kind == "sgd" else min(max(_REACH / count, 0.005), 0.5)
        self._rate = values["learning_rate"] or auto
        self._stretch = values["lr_scheduler_step"] or max(1, count // _STRETCHES)
        self._mean = numpy.zeros(len(is_coefficient))
        self._square = numpy.zeros(len(is_coefficient))
        self._done = 0

    def after(self, theta: Any, gradient: Any) -> Any:
        """The weights after one more step."""
        self._done += 1
        rate = self._falling_rate() * numpy.where(self._is_coefficient, 1.0, self._values["bias_lr_mult"] or 1.0)
        moved = theta - rate * self._direction(gradient)
        l1 = self._values["l1"] or 0.0
        shrunk = numpy.sign(moved) * numpy.maximum(numpy.abs(moved) - rate * l1, 0)
        return numpy.where(self._is_coefficient, shrunk, moved)

    def _falling_rate(self) -> float:
        if not self._values["use_lr_scheduler"]:
            return float(self._rate)
        factor = self._values["lr_scheduler_factor"] or _FACTOR
        lowest = min(self._rate, self._values["lr_scheduler_minimum_lr"] or _LOWEST)
        return float(max(self._rate * factor ** ((self._done - 1) // self._stretch), lowest))

    def _direction(self, gradient: Any) -> Any:
        if self._kind == "sgd":
            self._mean = (self._values["momentum"] or 0.0) * self._mean + gradient
            return self._mean
        first = _given(self._values["beta_1"], 0.9) if self._kind == "adam" else 0.0
        second = _given(self._values["beta_2"], 0.999 if self._kind == "adam" else 0.9)
        self._mean = first * self._mean + (1 - first) * gradient
        self._square = second * self._square + (1 - second) * gradient**2
        mean, square = self._mean / (1 - first**self._done), self._square / (1 - second**self._done)
        return mean / (numpy.sqrt(square) + 1e-8)


def _given(value: float | None, auto: float) -> float:
    return auto if value is None else value
