"""What DescribeTrainingJob tells of the metrics of built-in algorithms: names and expressions, as AWS fills them in.

Clients read the names there (`estimator.training_job_analytics`). Clary itself finds these metrics by the form of the
lines, see the engine's `metrics`. Called by the services.
"""

from __future__ import annotations

from collections.abc import Iterable

_HOST = r"host=\S+"
_PROGRESS = ("train:progress", rf"#progress_metric: {_HOST}, completed (\S+) %")
_THROUGHPUT = ("train:throughput", rf"#throughput_metric: {_HOST}, train throughput=(\S+) records/second")
_XGBOOST = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "error", "f1", "logloss", "mae", "map", "mape", "merror"),
    *("mlogloss", "mse", "ndcg", "precision", "recall", "rmse", "rmsle", "r2"),
)
_LINEAR = (
    ("mse", "mse", "loss"),
    ("absolute_loss", "absolute_loss", "loss"),
    ("binary_classification_accuracy", "binary_classification_accuracy", "score"),
    ("binary_f_beta", r"binary_f_\S+", "score"),
    ("precision", "precision", "score"),
    ("recall", "recall", "score"),
)
_LINEAR_CHECKED = (
    ("roc_auc_score", "roc_auc_score", "score"),
    ("multiclass_accuracy", "multiclass_accuracy", "score"),
    ("multiclass_top_k_accuracy", r"multiclass_top_k_accuracy_\S+", "score"),
    ("dcg", "dcg", "score"),
    ("macro_recall", "macro_recall", "score"),
    ("macro_precision", "macro_precision", "score"),
    ("macro_f_beta", r"macro_f_\S+", "score"),
)


def metric_definitions(repository: str) -> list[dict[str, str]]:
    """`MetricDefinitions` of an image that is an algorithm; none for others."""
    return [{"Name": name, "Regex": regex} for name, regex in _PAIRS.get(repository, ())]


def _linear_learner() -> Iterable[tuple[str, str]]:
    objective = r"\S+_objective"
    for channel in ("train", "validation"):
        name, regex = _line(channel, "objective_loss", objective, "loss")
        yield name, regex.replace(_HOST, rf"{_HOST}, epoch=\S+")
        yield f"{name}:final", regex
    yield _line("test", "objective_loss", objective, "loss")
    for channel in ("train", "validation", "test"):
        for metric in _LINEAR if channel == "train" else (*_LINEAR, *_LINEAR_CHECKED):
            yield _line(channel, *metric)


def _line(channel: str, name: str, pattern: str, kind: str) -> tuple[str, str]:
    return f"{channel}:{name}", rf"#quality_metric: {_HOST}, {channel} {pattern} <{kind}>=(\S+)"


def _round(channel: str, name: str) -> tuple[str, str]:
    number = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
    return f"{channel}:{name}", rf".*\[[0-9]+\].*#011{channel}-{name}:{number}.*"


_KMEANS = tuple(_line(channel, name, name, "loss") for channel in ("train", "test") for name in ("msd", "ssd"))
_FOREST = tuple(_line("test", name, name, "score") for name in ("accuracy", "precision", "recall", "f1"))
_ROUNDS = tuple(_round(channel, name) for channel in ("train", "validation") for name in _XGBOOST)
_PAIRS = {
    "kmeans": (*_KMEANS, _PROGRESS, _THROUGHPUT),
    "knn": (_line("test", "accuracy", "accuracy", "score"), _line("test", "mse", "mse", "loss"), _THROUGHPUT),
    "linear-learner": (*_linear_learner(), _PROGRESS, _THROUGHPUT),
    "pca": (_PROGRESS, _THROUGHPUT),
    "randomcutforest": (*_FOREST, _THROUGHPUT),
    "sagemaker-xgboost": _ROUNDS,
    "xgboost": _ROUNDS,
}
