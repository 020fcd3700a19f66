"""What the linear learner reports of a model, and the threshold that it gives a model of two classes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from clary_toolkit.algorithms.linear_losses import probabilities
from clary_toolkit.algorithms.progress import Progress
from clary_toolkit.algorithms.tables import numpy

UNCALIBRATED = frozenset({"loss_function", "cross_entropy_loss"})


def threshold(scores: Any, labels: Any, values: Mapping[str, Any], default: float) -> float:
    """From which score on a row counts as positive, by binary_classifier_model_selection_criteria.

    Of thresholds that are equally good the one nearest to the default is taken.
    """
    criterion = values["binary_classifier_model_selection_criteria"]
    if criterion in UNCALIBRATED or not 0 < labels.sum() < len(labels):
        return default
    levels = numpy.unique(scores)
    between = (levels[1:] + levels[:-1]) / 2
    candidates = numpy.concatenate([[default, levels[0]], between])
    candidates = candidates[numpy.argsort(numpy.abs(candidates - default), kind="stable")]
    positive = numpy.sort(scores[labels == 1])
    true = len(positive) - numpy.searchsorted(positive, candidates)
    chosen = len(scores) - numpy.searchsorted(numpy.sort(scores), candidates)
    goodness = _goodness(criterion, true.astype("f8"), chosen.astype("f8"), labels, values)
    return float(candidates[int(goodness.argmax())])


def _goodness(criterion: str, true: Any, chosen: Any, labels: Any, values: Mapping[str, Any]) -> Any:
    """Of each candidate, by how many rows it takes as positive and how many of these are."""
    positives = labels.sum()
    precision, recall = true / numpy.maximum(chosen, 1), true / positives
    if criterion == "accuracy":
        return true + (len(labels) - positives) - (chosen - true)
    if criterion == "precision_at_target_recall":
        return numpy.where(recall >= values["target_recall"], 1 + precision, recall)
    if criterion == "recall_at_target_precision":
        return numpy.where(precision >= values["target_precision"], 1 + recall, precision)
    beta = 1.0 if criterion == "f1" else values["f_beta"]
    return (1 + beta**2) * true / (beta**2 * positives + chosen)


def report_numbers(log: Progress, channel: str, scores: Any, labels: Any) -> None:
    residual = scores - labels
    mse = float((residual**2).mean())
    log.loss(channel, "mse", mse)
    log.loss(channel, "absolute_loss", float(numpy.abs(residual).mean()))
    log.loss(channel, "rmse", mse**0.5)
    if labels.var():
        log.score(channel, "r2", 1 - mse / float(labels.var()))


def report_two_classes(
    log: Progress, channel: str, scores: Any, labels: Any, at: float, values: Mapping[str, Any]
) -> None:
    metrics = importlib.import_module("sklearn.metrics")
    predicted, beta = (scores >= at).astype("i8"), values["f_beta"]
    labels = labels.astype("i8")
    log.score(channel, "binary_classification_accuracy", (predicted == labels).mean())
    log.score(channel, f"binary_f_{beta:.3f}", metrics.fbeta_score(labels, predicted, beta=beta, zero_division=0))
    log.score(channel, "precision", metrics.precision_score(labels, predicted, zero_division=0))
    log.score(channel, "recall", metrics.recall_score(labels, predicted, zero_division=0))
    if 0 < labels.sum() < len(labels):
        log.score(channel, "roc_auc_score", metrics.roc_auc_score(labels, scores))


def report_classes(log: Progress, channel: str, scores: Any, labels: Any, values: Mapping[str, Any]) -> None:
    metrics = importlib.import_module("sklearn.metrics")
    shares, labels = probabilities(scores), labels.astype("i8")
    predicted, most = shares.argmax(axis=1), values["accuracy_top_k"]
    own = shares[numpy.arange(len(labels)), labels][:, None]
    places = (shares > own).sum(axis=1)  # of the right class, from 0
    log.score(channel, "multiclass_accuracy", (predicted == labels).mean())
    log.score(channel, f"multiclass_top_k_accuracy_{most}", (places < most).mean())
    log.score(channel, "dcg", (1 / numpy.log2(places + 2)).mean())
    settings = {"average": "macro", "zero_division": 0, "labels": numpy.unique(labels)}
    beta = values["f_beta"]
    log.score(channel, "macro_recall", metrics.recall_score(labels, predicted, **settings))
    log.score(channel, "macro_precision", metrics.precision_score(labels, predicted, **settings))
    log.score(channel, f"macro_f_{beta:.3f}", metrics.fbeta_score(labels, predicted, beta=beta, **settings))
