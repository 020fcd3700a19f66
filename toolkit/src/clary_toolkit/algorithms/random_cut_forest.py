"""Random Cut Forest: training and serving. The forest itself is in `cut_trees`."""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import Any

from clary_toolkit.algorithms import exchange
from clary_toolkit.algorithms.cut_trees import Forest, grow
from clary_toolkit.algorithms.exchange import Answer, fitting
from clary_toolkit.algorithms.hyperparameters import REQUIRED, several, whole
from clary_toolkit.algorithms.job import Job, Model, begin, load
from clary_toolkit.algorithms.tables import Table, dense, numpy
from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

HYPERPARAMETERS = {
    "feature_dim": whole(REQUIRED, most=10_000),
    "eval_metrics": several("accuracy", "precision_recall_fscore", default=["accuracy", "precision_recall_fscore"]),
    "mini_batch_size": whole(1000),
    "num_samples_per_tree": whole(256, most=2048),
    "num_trees": whole(100, least=50, most=1000),
}
SEED = 1
_SCORED = 10_000  # so many rows of the training data tell what usual scores are
_DEVIATIONS = 3

DEFAULT_ACCEPT = exchange.DEFAULT_ACCEPT
input_fn = exchange.input_fn
output_fn = exchange.output_fn


def train(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> None:
    job = begin(HYPERPARAMETERS, configuration, layout)
    if job is None:
        return
    foreground.leave_signals()
    table = job.table("train", labels=False)
    test = job.optional("test", table, labels=True)
    if test is not None and not numpy.isin(test.labels, (0, 1)).all():
        raise CustomerError("The labels of the channel test must be 0 (usual) or 1 (anomalous).")
    random, rows = numpy.random.default_rng(SEED), dense(table.features)
    forest = grow(rows, job.values["num_trees"], job.values["num_samples_per_tree"], random)
    job.log.throughput(table.height)
    usual = forest.scores(rows[:_SCORED])
    at = float(usual.mean() + _DEVIATIONS * usual.std())
    job.log.note(f"scores of the training data: mean {usual.mean():g}, standard deviation {usual.std():g}")
    if test is not None:
        _report(job, forest.scores(dense(test.features)) > at, test.labels.astype("i8"))
    arrays = {field.name: getattr(forest, field.name) for field in fields(Forest)}
    job.save(arrays, algorithm="randomcutforest", feature_dim=table.width, cutoff=at)


def model_fn(model_dir: str) -> tuple[Model, Forest]:
    model = load(model_dir, "randomcutforest")
    return model, Forest(**model.arrays)


def predict_fn(table: Table, model: tuple[Model, Forest]) -> Answer:
    scores = model[1].scores(dense(fitting(table, model[0].width).features))
    return Answer("scores", [{"score": score} for score in scores.tolist()])


def _report(job: Job, predicted: Any, labels: Any) -> None:
    """A row counts as anomalous whose score is three standard deviations above the training data's mean."""
    metrics = importlib.import_module("sklearn.metrics")
    if "accuracy" in job.values["eval_metrics"]:
        job.log.score("test", "accuracy", (predicted == labels).mean())
    if "precision_recall_fscore" in job.values["eval_metrics"]:
        found = metrics.precision_recall_fscore_support(labels, predicted, average="binary", zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), found):
            job.log.score("test", name, value)
