"""K-means: training and serving. The numerics are scikit-learn's; a whole channel is clustered at once.

SageMaker's own goes over the data in batches and then shrinks the centres that it found; the hyperparameters of the
first of these steps are checked and change nothing here.
"""

from __future__ import annotations

import importlib
from typing import Any

from clary_toolkit.algorithms import exchange
from clary_toolkit.algorithms.exchange import Answer, fitting
from clary_toolkit.algorithms.hyperparameters import AUTO, REQUIRED, choice, real, several, whole
from clary_toolkit.algorithms.job import Job, Model, begin, load
from clary_toolkit.algorithms.tables import Table, numpy
from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

HYPERPARAMETERS = {
    "feature_dim": whole(REQUIRED),
    "k": whole(REQUIRED, least=2),
    "epochs": whole(1),
    "eval_metrics": several("msd", "ssd", default=["msd"]),
    "extra_center_factor": whole(AUTO),
    "half_life_time_size": whole(0, least=0),
    "init_method": choice("random", "random", "kmeans++"),
    "local_lloyd_init_method": choice("kmeans++", "random", "kmeans++"),
    "local_lloyd_max_iter": whole(300),
    "local_lloyd_num_trials": whole(AUTO),
    "local_lloyd_tol": real(0.0001, least=0, most=1),
    "mini_batch_size": whole(5000),
}
SEED = 1
_TRIALS = 10

DEFAULT_ACCEPT = exchange.DEFAULT_ACCEPT
input_fn = exchange.input_fn
output_fn = exchange.output_fn


def train(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> None:
    job = begin(HYPERPARAMETERS, configuration, layout)
    if job is None:
        return
    foreground.leave_signals()
    table = job.table("train", labels=False)
    if table.height < job.values["k"]:
        raise CustomerError(f"k is {job.values['k']}, but the channel train has {table.height} rows.")
    test = job.optional("test", table, labels=False)
    centers = _centers(job, table)
    job.log.epochs(1, 1)
    job.log.throughput(table.height)
    for name, rows in (("train", table), ("test", test)):
        if rows is not None:
            _report(job, name, rows, centers)
    job.save({"centers": centers}, algorithm="kmeans", feature_dim=table.width)


def model_fn(model_dir: str) -> Model:
    return load(model_dir, "kmeans")


def predict_fn(table: Table, model: Model) -> Answer:
    distances = _distances(fitting(table, model.width), model.arrays["centers"])
    closest = distances.argmin(axis=1)
    nearest = distances[numpy.arange(len(closest)), closest]
    return Answer(
        "predictions",
        [
            {"closest_cluster": float(cluster), "distance_to_cluster": float(distance)}
            for cluster, distance in zip(closest, nearest)
        ],
    )


def _centers(job: Job, table: Table) -> Any:
    cluster = importlib.import_module("sklearn.cluster")
    values = job.values
    found = cluster.KMeans(
        values["k"],
        init="k-means++" if values["local_lloyd_init_method"] == "kmeans++" else "random",
        n_init=values["local_lloyd_num_trials"] or _TRIALS,
        max_iter=values["local_lloyd_max_iter"],
        tol=values["local_lloyd_tol"],
        random_state=SEED,
    ).fit(table.features)
    return found.cluster_centers_.astype("f4")


def _report(job: Job, channel: str, table: Table, centers: Any) -> None:
    squares = _distances(table, centers).min(axis=1) ** 2
    for name in job.values["eval_metrics"]:
        job.log.loss(channel, name, squares.mean() if name == "msd" else squares.sum())


def _distances(table: Table, centers: Any) -> Any:
    pairwise = importlib.import_module("sklearn.metrics.pairwise")
    return pairwise.euclidean_distances(table.features.astype("f8"), centers.astype("f8"))
