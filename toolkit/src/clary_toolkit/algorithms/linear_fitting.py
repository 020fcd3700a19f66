"""How the linear learner finds its weights: scaled data, an optimizer, epochs that are logged and may end early.

Where the request leaves optimizer and learning rate open and the loss is smooth, L-BFGS of scipy goes over all data
at once, ten steps an epoch; otherwise mini-batches, with the optimizer that the request names (adam where it names
none).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clary_toolkit.algorithms.linear_losses import Loss
from clary_toolkit.algorithms.linear_steps import Steps
from clary_toolkit.algorithms.tables import dense, numpy, sparse
from clary_toolkit.errors import CustomerError

SEED = 1
_STEPS_PER_EPOCH = 10


@dataclass(frozen=True)
class Data:
    """`weights` say how much each row counts; their mean is 1 where nothing is weighted."""

    features: Any
    labels: Any
    weights: Any

    def part(self, rows: Any) -> Data:
        return Data(self.features[rows], self.labels[rows], self.weights[rows])


@dataclass(frozen=True)
class Scaling:
    """Features are shifted and divided, so is the label: (value - shift) / unit."""

    shift: Any
    unit: Any
    label_shift: float
    label_unit: float

    def scaled(self, data: Data) -> Data:
        labels = (data.labels - self.label_shift) / self.label_unit
        if sparse.issparse(data.features):
            return Data(data.features @ sparse.diags(1 / self.unit), labels, data.weights)
        return Data((data.features - self.shift) / self.unit, labels, data.weights)

    def unscaled(self, coefficients: Any, bias: Any) -> tuple[Any, Any]:
        """For the data as it came."""
        own = coefficients / self.unit[:, None] * self.label_unit
        return own, (bias * self.label_unit + self.label_shift) - self.shift @ own


def scaling_of(data: Data, values: Mapping[str, Any], *, regression: bool) -> Scaling:
    """By the first rows, as many as num_point_for_scaler says. What never changes keeps its unit."""
    rows = slice(0, values["num_point_for_scaler"])
    features, labels = data.features[rows], data.labels[rows]
    is_sparse = sparse.issparse(features)
    first = features.astype("f8")
    mean = numpy.asarray(first.mean(axis=0)).ravel()
    squares = first.multiply(first) if is_sparse else first**2
    spread = numpy.sqrt(numpy.maximum(numpy.asarray(squares.mean(axis=0)).ravel() - mean**2, 0))
    unit = numpy.where(spread > 1e-8 * numpy.maximum(1, numpy.abs(mean)), spread, 1.0)
    unbias = not is_sparse if values["unbias_data"] is None else values["unbias_data"]
    unbias_label = regression and values["unbias_label"] is not False
    normalize_label = regression and values["normalize_label"] is not False
    return Scaling(
        shift=mean if unbias else numpy.zeros_like(mean),
        unit=unit if values["normalize_data"] else numpy.ones_like(unit),
        label_shift=float(labels.mean()) if unbias_label else 0.0,
        label_unit=float(labels.std()) or 1.0 if normalize_label else 1.0,
    )


@dataclass
class Fit:
    """One search for weights. `tell(epoch, train, validation)` is called after each epoch; `stopping` ends it."""

    loss: Loss
    values: Mapping[str, Any]
    train: Data
    validation: Data | None
    outputs: int
    tell: Callable[[int, float, float | None], None]
    stopping: Callable[[], bool]
    epoch: int = 0
    _best: float = math.inf
    _kept: Any = None
    _course: list[float] = field(default_factory=list)

    def run(self) -> tuple[Any, Any]:
        """(coefficients, bias). Raises CustomerError when they grow beyond all bounds."""
        auto = self.values["optimizer"] is None and self.values["learning_rate"] is None
        with numpy.errstate(over="ignore", invalid="ignore"):  # told as what it comes from, see `_epoch_ends`
            found = self._whole() if auto and self.loss.smooth and not self.values["l1"] else self._batches()
        return self._parts(found if self._kept is None else self._kept)

    def _whole(self) -> Any:
        steps = 0

        def after_step(theta: Any) -> None:
            nonlocal steps
            steps += 1
            if steps % _STEPS_PER_EPOCH == 0 and self._epoch_ends(theta):
                raise StopIteration

        found = importlib.import_module("scipy.optimize").minimize(
            lambda theta: self._objective(theta, self.train),
            self._start(),
            jac=True,
            method="L-BFGS-B",
            callback=after_step,
            options={"maxiter": self.values["epochs"] * _STEPS_PER_EPOCH},
        )
        if steps % _STEPS_PER_EPOCH or not steps:
            self._epoch_ends(found.x)
        return found.x

    def _batches(self) -> Any:
        height, size = self.train.features.shape[0], self.values["mini_batch_size"]
        random = numpy.random.default_rng(SEED)
        theta, regular = self._start(), self._is_coefficient()
        steps = Steps(self.values, self.values["epochs"] * math.ceil(height / size), self._row_norm(), regular)
        for _ in range(self.values["epochs"]):
            order = random.permutation(height)
            for start in range(0, height, size):
                batch = self.train.part(order[start : start + size])
                theta = steps.after(theta, self._objective(theta, batch)[1])
            if self._epoch_ends(theta):
                break
        return theta

    def _start(self) -> Any:
        random = numpy.random.default_rng(SEED)
        shape = (self.train.features.shape[1], self.outputs)
        if self.values["init_method"] == "uniform":
            weights = random.uniform(-self.values["init_scale"], self.values["init_scale"], shape)
        else:
            weights = random.normal(0, self.values["init_sigma"], shape)
        bias = numpy.full(self.outputs, self.values["init_bias"] if self.values["use_bias"] else 0.0)
        return numpy.concatenate([weights.ravel(), bias])

    def _is_coefficient(self) -> Any:
        """True where theta is no bias."""
        return numpy.arange(self.train.features.shape[1] * self.outputs + self.outputs) < (
            self.train.features.shape[1] * self.outputs
        )

    def _row_norm(self) -> float:
        features = self.train.features
        squares = features.multiply(features) if sparse.issparse(features) else features**2
        return float(squares.sum() / features.shape[0])

    def _parts(self, theta: Any) -> tuple[Any, Any]:
        size = self.train.features.shape[1] * self.outputs
        return theta[:size].reshape(-1, self.outputs), theta[size:]

    def _objective(self, theta: Any, data: Data) -> tuple[float, Any]:
        """The mean loss with the penalty wd, and its gradient; l1 is the step's business."""
        weights, bias = self._parts(theta)
        costs, slopes = self.loss(data.features @ weights + bias, data.labels)
        slopes = slopes * data.weights[:, None] / len(data.labels)
        decay = self.values["wd"] or 0.0
        bias_decay = decay * (self.values["bias_wd_mult"] or 0.0)
        cost = (costs * data.weights).mean() + decay / 2 * (weights**2).sum() + bias_decay / 2 * (bias**2).sum()
        gradient = numpy.asarray(data.features.T @ slopes) + decay * weights
        own = slopes.sum(axis=0) + bias_decay * bias if self.values["use_bias"] else numpy.zeros_like(bias)
        return float(cost), numpy.concatenate([gradient.ravel(), own])

    def mean_loss(self, theta: Any, data: Data) -> float:
        weights, bias = self._parts(theta)
        return float((self.loss(data.features @ weights + bias, data.labels)[0] * data.weights).mean())

    def _epoch_ends(self, theta: Any) -> bool:
        """Whether this was the last one: nothing gained over some epochs, or the job is being stopped."""
        train = self.mean_loss(theta, self.train)
        if not math.isfinite(train):
            raise CustomerError("The loss is no finite number any more. A lower learning_rate may help.")
        validation = None if self.validation is None else self.mean_loss(theta, self.validation)
        self.tell(self.epoch, train, validation)
        self.epoch += 1
        looked_at = train if validation is None else validation
        if looked_at < self._best:
            self._best, self._kept = looked_at, theta.copy()
        self._course.append(looked_at)
        return self.stopping() or self._stands_still()

    def _stands_still(self) -> bool:
        patience = self.values["early_stopping_patience"]
        if len(self._course) <= patience:
            return False
        before, since = min(self._course[:-patience]), min(self._course[-patience:])
        return bool(before - since <= self.values["early_stopping_tolerance"] * abs(before))


def data_of(features: Any, labels: Any, weights: Any, *, centred: bool) -> Data:
    """Sparse features that are to be shifted cannot stay sparse."""
    whole = dense(features) if centred else features
    return Data(whole.astype("f8"), labels.astype("f8"), weights)
