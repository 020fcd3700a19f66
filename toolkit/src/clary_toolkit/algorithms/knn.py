"""k nearest neighbours: training, which keeps a sample of the data, and serving. Every index type answers exactly."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from clary_toolkit.algorithms import exchange
from clary_toolkit.algorithms.exchange import Answer, fitting
from clary_toolkit.algorithms.hyperparameters import AUTO, REQUIRED, choice, whole
from clary_toolkit.algorithms.job import Job, Model, begin, load
from clary_toolkit.algorithms.tables import Table, numpy, sparse
from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError
from clary_toolkit.layout import OptMl
from clary_toolkit.training.configuration import TrainingConfiguration

NO_REDUCTION = ""
HYPERPARAMETERS = {
    "feature_dim": whole(REQUIRED),
    "k": whole(REQUIRED),
    "predictor_type": choice(REQUIRED, "classifier", "regressor"),
    "sample_size": whole(REQUIRED),
    "dimension_reduction_target": whole(0),
    "dimension_reduction_type": choice(NO_REDUCTION, "sign", "fjlt"),
    "faiss_index_ivf_nlists": whole(AUTO),
    "faiss_index_pq_m": whole(0),
    "index_metric": choice("L2", "L2", "INNER_PRODUCT", "COSINE"),
    "index_type": choice("faiss.Flat", "faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"),
    "mini_batch_size": whole(5000),
}
SEED = 1
_ROWS_AT_ONCE = 256
# The larger, the nearer.
_SIMILARITIES = frozenset({"INNER_PRODUCT", "COSINE"})

DEFAULT_ACCEPT = exchange.DEFAULT_ACCEPT
input_fn = exchange.input_fn
output_fn = exchange.output_fn


def train(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> None:
    job = begin(HYPERPARAMETERS, configuration, layout)
    if job is None:
        return
    foreground.leave_signals()
    _check_together(job.values)
    table = job.table("train", labels=True)
    test = job.optional("test", table, labels=True)
    classify = job.values["predictor_type"] == "classifier"
    for name, each in (("train", table), ("test", test)):
        if classify and each is not None and (each.labels != each.labels.round()).any():
            raise CustomerError(f"The channel {name} has labels that are no whole numbers; a classifier needs such.")
    model = _model(job, table)
    job.log.throughput(table.height)
    if test is not None:
        predicted, _, _ = _neighbours(test, model)
        if classify:
            job.log.score("test", "accuracy", (predicted == test.labels).mean())
        else:
            job.log.loss("test", "mse", ((predicted - test.labels) ** 2).mean())
    job.save(model.arrays, **model.settings)


def model_fn(model_dir: str) -> Model:
    return load(model_dir, "knn")


def predict_fn(table: Table, model: Model) -> Answer:
    predicted, distances, labels = _neighbours(fitting(table, model.width), model)
    if model.settings["index_metric"] in _SIMILARITIES:  # the smallest number comes first, whatever it means
        distances, labels = distances[:, ::-1], labels[:, ::-1]
    more = [{"distances": own, "labels": near} for own, near in zip(distances.tolist(), labels.tolist())]
    return Answer("predictions", [{"predicted_label": label} for label in predicted.tolist()], more)


def _check_together(values: Mapping[str, Any]) -> None:
    kind, target = values["dimension_reduction_type"], values["dimension_reduction_target"]
    if bool(kind) != bool(target):
        raise CustomerError("dimension_reduction_type and dimension_reduction_target must be given together.")
    if target >= values["feature_dim"]:
        raise CustomerError(f"dimension_reduction_target is {target}; it must be below feature_dim.")
    if values["index_type"] != "faiss.IVFPQ":
        return
    if not values["faiss_index_pq_m"]:
        raise CustomerError("The index type faiss.IVFPQ needs faiss_index_pq_m.")
    if values["index_metric"] in _SIMILARITIES:
        raise CustomerError(f"The index type faiss.IVFPQ does not support the index_metric {values['index_metric']}.")


def _model(job: Job, table: Table) -> Model:
    """What is kept: as many rows as sample_size says, drawn at random, in fewer dimensions where these are wanted."""
    values, random = job.values, numpy.random.default_rng(SEED)
    size = min(values["sample_size"], table.height)
    if values["k"] > size:
        raise CustomerError(f"k is {values['k']}, but the sample has {size} rows.")
    rows = slice(None) if size == table.height else numpy.sort(random.choice(table.height, size, replace=False))
    arrays: dict[str, Any] = {"labels": table.labels[rows]}
    features = table.features[rows]
    if values["dimension_reduction_type"]:
        arrays["projection"] = _projection(random, values)
        features = numpy.asarray(features @ arrays["projection"], "f4")
    if sparse.issparse(features):
        parts = {"values": features.data, "columns": features.indices, "starts": features.indptr}
    else:
        parts = {"features": features}
    settings = {name: values[name] for name in ("k", "predictor_type", "index_metric", "feature_dim")}
    return Model({**arrays, **parts}, {"algorithm": "knn", **settings})


def _projection(random: Any, values: Mapping[str, Any]) -> Any:
    """A matrix that keeps distances roughly: random signs, or rows of a Walsh-Hadamard matrix behind random signs."""
    width, target = values["feature_dim"], values["dimension_reduction_target"]
    if values["dimension_reduction_type"] == "sign":
        return random.choice([-1.0, 1.0], (width, target)).astype("f4") / numpy.float32(target**0.5)
    size = 1 << (width - 1).bit_length()
    chosen = random.choice(size, target, replace=False)
    signs = numpy.array([_parities(number, width) for number in chosen]).T
    return (signs * random.choice([-1.0, 1.0], width)[:, None]).astype("f4") / numpy.float32(target**0.5)


def _parities(number: int, width: int) -> Any:
    """A row of the matrix: minus one where the two numbers have an odd count of bits in common."""
    common = numpy.arange(width, dtype="i8") & int(number)
    for shift in (32, 16, 8, 4, 2, 1):
        common = common ^ (common >> shift)
    return 1.0 - 2.0 * (common & 1)


def _neighbours(table: Table, model: Model) -> tuple[Any, Any, Any]:
    """(predictions, distances or similarities, labels), the nearest neighbour first."""
    features, known = table.features, _known(model)
    if "projection" in model.arrays:
        features = numpy.asarray(features @ model.arrays["projection"], "f4")
    near, distances = _nearest(features, known, model.settings)
    labels = model.arrays["labels"][near]
    if model.settings["predictor_type"] == "regressor":
        return labels.mean(axis=1), distances, labels
    votes = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    return labels[numpy.arange(len(labels)), votes.argmax(axis=1)], distances, labels


def _known(model: Model) -> Any:
    arrays = model.arrays
    if "features" in arrays:
        return arrays["features"]
    shape = (len(arrays["labels"]), model.width)
    return sparse.csr_matrix((arrays["values"], arrays["columns"], arrays["starts"]), shape)


def _nearest(features: Any, known: Any, settings: Mapping[str, Any]) -> tuple[Any, Any]:
    if settings["index_metric"] == "INNER_PRODUCT":
        return _largest_products(features, known, settings["k"])
    neighbours = importlib.import_module("sklearn.neighbors")
    metric = "cosine" if settings["index_metric"] == "COSINE" else "euclidean"
    index = neighbours.NearestNeighbors(n_neighbors=settings["k"], metric=metric, algorithm="brute").fit(known)
    distances, near = index.kneighbors(features)
    return near, 1 - distances if metric == "cosine" else distances


def _largest_products(features: Any, known: Any, count: int) -> tuple[Any, Any]:
    near, products = [], []
    for start in range(0, features.shape[0], _ROWS_AT_ONCE):
        found = features[start : start + _ROWS_AT_ONCE] @ known.T
        found = found.toarray() if sparse.issparse(found) else found
        order = numpy.argsort(-found, axis=1, kind="stable")[:, :count]
        near.append(order)
        products.append(numpy.take_along_axis(found, order, axis=1))
    return numpy.concatenate(near), numpy.concatenate(products)
