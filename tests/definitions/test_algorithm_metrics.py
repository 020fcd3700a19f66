"""The expressions that DescribeTrainingJob shows find what built-in algorithms print."""

from __future__ import annotations

import re

import pytest

from clary.definitions.algorithm_metrics import metric_definitions
from clary.engine.metrics import own_metrics
from clary.runtimes.images import ALGORITHMS, XGBOOST_IMAGES

QUALITY = "[11/21/2026 13:56:58 INFO 7] #quality_metric: host=algo-1,"


@pytest.mark.parametrize(
    ("algorithm", "line"),
    [
        ("kmeans", f"{QUALITY} train msd <loss>=0.25"),
        ("kmeans", "#progress_metric: host=algo-1, completed 50 % of epochs"),
        ("pca", "#throughput_metric: host=algo-1, train throughput=12.5 records/second"),
        ("knn", f"{QUALITY} test accuracy <score>=0.5"),
        ("randomcutforest", f"{QUALITY} test f1 <score>=0.5"),
        ("linear-learner", f"{QUALITY} epoch=3, train mse_objective <loss>=2.5"),
        ("linear-learner", f"{QUALITY} validation mse_objective <loss>=2.5"),
        ("linear-learner", f"{QUALITY} test hinge_loss_objective <loss>=2.5"),
        ("linear-learner", f"{QUALITY} validation binary_f_1.000 <score>=0.5"),
        ("linear-learner", f"{QUALITY} test multiclass_top_k_accuracy_3 <score>=0.5"),
        ("xgboost", "[9]#011train-rmse:0.10000#011validation-rmse:0.20000"),
    ],
)
def test_definitions_find_what_clary_finds_without_them(algorithm: str, line: str) -> None:
    found = {}
    for definition in metric_definitions(algorithm):
        match = re.search(definition["Regex"], line)
        if match is not None:
            found[definition["Name"]] = float(match[1])
    assert found == own_metrics(line) != {}


def test_every_algorithm_has_as_many_as_a_request_may_have() -> None:
    for repository in ALGORITHMS | XGBOOST_IMAGES:
        definitions = metric_definitions(repository)
        assert 0 < len(definitions) <= 40
        assert len({definition["Name"] for definition in definitions}) == len(definitions)
    assert metric_definitions("sagemaker-scikit-learn") == []
