"""The linear learner: hyperparameters, training and serving. How weights are found is told in `linear_fitting`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary_toolkit.algorithms import exchange, linear_scores
from clary_toolkit.algorithms.exchange import Answer, fitting
from clary_toolkit.algorithms.hyperparameters import AUTO, REQUIRED, choice, flag, real, whole
from clary_toolkit.algorithms.job import Job, Model, begin, load
from clary_toolkit.algorithms.linear_fitting import Fit, Scaling, data_of, scaling_of
from clary_toolkit.algorithms.linear_losses import FOR, Loss, loss_of, probabilities, sigmoid
from clary_toolkit.algorithms.tables import Table, numpy, sparse
from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

HYPERPARAMETERS = {
    "predictor_type": choice(REQUIRED, *FOR),
    "num_classes": whole(AUTO, least=1, most=1_000_000),
    "accuracy_top_k": whole(3, most=1_000_000),
    "balance_multiclass_weights": flag(False),
    "beta_1": real(AUTO, least=0, below=1),
    "beta_2": real(AUTO, least=0, below=1),
    "bias_lr_mult": real(AUTO, above=0),
    "bias_wd_mult": real(AUTO, least=0),
    "binary_classifier_model_selection_criteria": choice(
        "accuracy",
        "accuracy",
        "f1",
        "f_beta",
        "precision_at_target_recall",
        "recall_at_target_precision",
        "cross_entropy_loss",
        "loss_function",
    ),
    "early_stopping_patience": whole(3),
    "early_stopping_tolerance": real(0.001, above=0),
    "epochs": whole(15),
    "f_beta": real(1.0, above=0),
    "feature_dim": whole(AUTO),
    "huber_delta": real(1.0, least=0),
    "init_bias": real(0.0),
    "init_method": choice("uniform", "uniform", "normal"),
    "init_scale": real(0.07, above=0),
    "init_sigma": real(0.01, above=0),
    "l1": real(AUTO, least=0),
    "learning_rate": real(AUTO, above=0),
    "loss": choice(AUTO, *(name for names in FOR.values() for name in names)),
    "loss_insensitivity": real(0.01, above=0),
    "lr_scheduler_factor": real(AUTO, above=0, below=1),
    "lr_scheduler_minimum_lr": real(AUTO, above=0),
    "lr_scheduler_step": whole(AUTO),
    "margin": real(1.0, least=0),
    "mini_batch_size": whole(1000),
    "momentum": real(AUTO, least=0, below=1),
    "normalize_data": flag(True),
    "normalize_label": flag(AUTO),
    "num_calibration_samples": whole(AUTO),
    "num_models": whole(AUTO),
    "num_point_for_scaler": whole(10_000),
    "optimizer": choice(AUTO, "sgd", "adam", "rmsprop"),
    "positive_example_weight_mult": real(1.0, "balanced", "auto", above=0),
    "quantile": real(0.5, above=0, below=1),
    "target_precision": real(0.8, above=0, below=1),
    "target_recall": real(0.8, above=0, below=1),
    "unbias_data": flag(AUTO),
    "unbias_label": flag(AUTO),
    "use_bias": flag(True),
    "use_lr_scheduler": flag(True),
    "wd": real(AUTO, least=0),
}

DEFAULT_ACCEPT = exchange.DEFAULT_ACCEPT
input_fn = exchange.input_fn
output_fn = exchange.output_fn


def train(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> None:
    """A stop request ends training after the running epoch; the model so far is kept."""
    job = begin(HYPERPARAMETERS, configuration, layout)
    if job is None:
        return
    name, classes = _loss_name(job.values), _classes(job.values)
    table = job.table("train", labels=True)
    tables = {"train": table}
    for channel in ("validation", "test"):
        found = job.optional(channel, table, labels=True)
        if found is not None:
            tables[channel] = found
    for channel, each in tables.items():
        _check_labels(channel, each.labels, classes)
    learner = _Learner(job, loss_of(name, job.values), classes, tables)
    coefficients, bias = learner.fit(foreground)
    at = learner.report(coefficients, bias)
    job.log.throughput(table.height)
    settings = {"predictor_type": job.values["predictor_type"], "loss": name, "threshold": at}
    arrays = {"coefficients": coefficients, "bias": bias}
    job.save(arrays, algorithm="linear-learner", feature_dim=table.width, **settings)


def model_fn(model_dir: str) -> Model:
    return load(model_dir, "linear-learner")


def predict_fn(table: Table, model: Model) -> Answer:
    features = fitting(table, model.width).features.astype("f8")
    scores = numpy.asarray(features @ model.arrays["coefficients"]) + model.arrays["bias"]
    kind, settings = model.settings["predictor_type"], model.settings
    if kind == "regressor":
        return Answer("predictions", [{"score": score} for score in scores[:, 0].tolist()])
    if kind == "multiclass_classifier":
        shares = probabilities(scores).tolist()
        labels = scores.argmax(axis=1).tolist()
    else:
        shares = _two_class_scores(scores, settings["loss"]).tolist()
        labels = [int(share >= settings["threshold"]) for share in shares]
    return Answer("predictions", [{"score": s, "predicted_label": label} for s, label in zip(shares, labels)])


@dataclass(frozen=True)
class _Learner:
    """`classes` is 0 for numbers."""

    job: Job
    loss: Loss
    classes: int
    tables: Mapping[str, Table]

    def fit(self, foreground: Foreground) -> tuple[Any, Any]:
        values = self.job.values
        train, validation = self.tables["train"], self.tables.get("validation")
        centred = bool(values["unbias_data"]) or not sparse.issparse(train.features)
        data = data_of(train.features, train.labels, self._weights(train.labels), centred=centred)
        scaling = scaling_of(data, values, regression=not self.classes)
        checked = None
        if validation is not None:
            ones = numpy.ones(validation.height)
            checked = scaling.scaled(data_of(validation.features, validation.labels, ones, centred=centred))
        search = Fit(
            self.loss,
            values,
            scaling.scaled(data),
            checked,
            outputs=self.classes if self.classes > 2 else 1,
            tell=lambda epoch, first, second: self._tell(scaling, epoch, first, second),
            stopping=lambda: foreground.stopping,
        )
        return scaling.unscaled(*search.run())

    def report(self, coefficients: Any, bias: Any) -> float:
        """All metrics of the final model; the threshold for two classes."""
        found = {name: _scores(table, coefficients, bias) for name, table in self.tables.items()}
        at = self._threshold(found)
        for name, scores in found.items():
            self._report(name, scores, at)
        return at

    def _report(self, channel: str, scores: Any, at: float) -> None:
        log, labels, values = self.job.log, self.tables[channel].labels, self.job.values
        objective = float(self.loss(scores, labels)[0].mean())
        if self.loss.title in {"mse", "absolute_loss", "quantile_loss"} or self.classes:
            log.loss(channel, f"{self.loss.title}_objective", objective)
        if not self.classes:
            linear_scores.report_numbers(log, channel, scores[:, 0], labels)
        elif self.classes == 2:
            shares = _two_class_scores(scores, _loss_name(values))
            linear_scores.report_two_classes(log, channel, shares, labels, at, values)
        else:
            linear_scores.report_classes(log, channel, scores, labels, values)

    def _threshold(self, found: Mapping[str, Any]) -> float:
        if self.classes != 2:
            return 0.0
        channel = "validation" if "validation" in found else "train"
        rows = slice(0, self.job.values["num_calibration_samples"])
        name = _loss_name(self.job.values)
        scores = _two_class_scores(found[channel], name)[rows]
        default = 0.5 if name == "logistic" else 0.0
        return linear_scores.threshold(scores, self.tables[channel].labels[rows], self.job.values, default)

    def _tell(self, scaling: Scaling, epoch: int, train: float, validation: float | None) -> None:
        """Losses in the unit of the labels as they came."""
        unit = scaling.label_unit**self.loss.degree
        name = f"{self.loss.title}_objective"
        self.job.log.loss("train", name, train * unit, epoch)
        if validation is not None:
            self.job.log.loss("validation", name, validation * unit, epoch)
        self.job.log.epochs(epoch + 1, self.job.values["epochs"])

    def _weights(self, labels: Any) -> Any:
        if not self.classes:
            return numpy.ones(len(labels))
        counts = numpy.bincount(labels.astype("i8"), minlength=self.classes)
        if self.classes == 2:
            given = self.job.values["positive_example_weight_mult"]
            balanced = counts[0] / max(counts[1], 1)
            return numpy.where(labels == 1, balanced if isinstance(given, str) else given, 1.0)
        if self.job.values["balance_multiclass_weights"]:
            return (len(labels) / (self.classes * numpy.maximum(counts, 1)))[labels.astype("i8")]
        return numpy.ones(len(labels))


def _scores(table: Table, coefficients: Any, bias: Any) -> Any:
    return numpy.asarray(table.features.astype("f8") @ coefficients) + bias


def _two_class_scores(scores: Any, loss: str) -> Any:
    """Probabilities where the loss gives such."""
    return sigmoid(scores[:, 0]) if loss == "logistic" else scores[:, 0]


def _loss_name(values: Mapping[str, Any]) -> str:
    fitting_ones = FOR[values["predictor_type"]]
    name = values["loss"] or fitting_ones[0]
    if name not in fitting_ones:
        raise CustomerError(
            f"The loss {name} does not fit the predictor_type {values['predictor_type']}: {', '.join(fitting_ones)}."
        )
    return str(name)


def _classes(values: Mapping[str, Any]) -> int:
    """0 for numbers."""
    if values["predictor_type"] == "regressor":
        return 0
    if values["predictor_type"] == "binary_classifier":
        return 2
    if values["num_classes"] is None or values["num_classes"] < 3:
        raise CustomerError("The hyperparameter num_classes is required for multiclass_classifier: at least 3.")
    return int(values["num_classes"])


def _check_labels(channel: str, labels: Any, classes: int) -> None:
    if not classes:
        return
    wrong = labels[(labels != labels.astype("i8")) | (labels < 0) | (labels >= classes)]
    if len(wrong):
        raise CustomerError(
            f"The channel {channel} has the label {wrong[0]:g}; labels must be whole numbers from 0 to {classes - 1}."
        )
