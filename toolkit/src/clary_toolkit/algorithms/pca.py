"""Principal components: training and serving. All data at once, whatever mini_batch_size says.

The components lie in `v` as columns, the least important one first, as SageMaker's do; an answer has that order, too.
"""

from __future__ import annotations

import importlib
from typing import Any

from clary_toolkit.algorithms import exchange
from clary_toolkit.algorithms.exchange import Answer, fitting
from clary_toolkit.algorithms.hyperparameters import REQUIRED, choice, flag, whole
from clary_toolkit.algorithms.job import Job, Model, begin, load
from clary_toolkit.algorithms.tables import Table, dense, numpy, sparse
from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

HYPERPARAMETERS = {
    "feature_dim": whole(REQUIRED),
    "mini_batch_size": whole(REQUIRED),
    "num_components": whole(REQUIRED),
    "algorithm_mode": choice("regular", "regular", "randomized"),
    "extra_components": whole(-1, least=-1),
    "subtract_mean": flag(True),
}
SEED = 1
_LEAST_EXTRA = 10

DEFAULT_ACCEPT = exchange.DEFAULT_ACCEPT
input_fn = exchange.input_fn
output_fn = exchange.output_fn


def train(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> None:
    job = begin(HYPERPARAMETERS, configuration, layout)
    if job is None:
        return
    foreground.leave_signals()
    table = job.table("train", labels=False)
    wanted = job.values["num_components"]
    if wanted > min(table.height, table.width):
        raise CustomerError(
            f"num_components is {wanted}, but {table.height} rows of {table.width} features have at most "
            f"{min(table.height, table.width)}."
        )
    mean = numpy.zeros(table.width)
    if job.values["subtract_mean"]:
        mean = numpy.asarray(table.features.mean(axis=0, dtype="f8")).ravel()
    sizes, components = _randomized(job, table, mean) if _is_randomized(job) else _regular(table, mean, wanted)
    job.log.epochs(1, 1)
    job.log.throughput(table.height)
    arrays = {"mean": mean, "v": _signed(components), "s": sizes}
    job.save(arrays, algorithm="pca", feature_dim=table.width)


def model_fn(model_dir: str) -> Model:
    return load(model_dir, "pca")


def predict_fn(table: Table, model: Model) -> Answer:
    features = fitting(table, model.width).features.astype("f8")
    components = model.arrays["v"]
    projected = numpy.asarray(features @ components) - model.arrays["mean"] @ components
    return Answer("projections", [{"projection": row} for row in projected.tolist()])


def _is_randomized(job: Job) -> bool:
    return bool(job.values["algorithm_mode"] == "randomized")


def _regular(table: Table, mean: Any, wanted: int) -> tuple[Any, Any]:
    """By the eigenvectors of the covariance; (singular values, components)."""
    features = table.features.astype("f8")
    if sparse.issparse(features):
        products = (features.T @ features).toarray() - table.height * numpy.outer(mean, mean)
    else:
        centred = features - mean
        products = centred.T @ centred
    values, vectors = numpy.linalg.eigh(products)
    return numpy.sqrt(numpy.maximum(values[-wanted:], 0)), vectors[:, -wanted:]


def _randomized(job: Job, table: Table, mean: Any) -> tuple[Any, Any]:
    wanted, extra = job.values["num_components"], job.values["extra_components"]
    found = importlib.import_module("sklearn.utils.extmath").randomized_svd(
        dense(table.features).astype("f8") - mean,
        wanted,
        n_oversamples=max(_LEAST_EXTRA, wanted) if extra == -1 else extra,
        random_state=SEED,
    )
    return found[1][::-1], found[2][::-1].T


def _signed(components: Any) -> Any:
    """A component's sign means nothing: the largest entry of each is positive, so that runs agree."""
    largest = components[numpy.abs(components).argmax(axis=0), numpy.arange(components.shape[1])]
    return components * numpy.where(largest < 0, -1.0, 1.0)
