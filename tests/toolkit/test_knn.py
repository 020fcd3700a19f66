"""k nearest neighbours: labels and numbers, every metric and reduction, verbose answers, and what is refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from clary_toolkit.algorithms.recordio import Record, Tensor, answers, written
from tests.toolkit.built_in import RECORDS, Ask, Fit, errors, fit_all

LINE = "0,0,0\n0,0,1\n1,10,0\n1,10,1\n1,10,3\n"
VALUES = {"feature_dim": "2", "k": "3", "predictor_type": "classifier", "sample_size": "100"}
TRAIN = {"train": ("text/csv", LINE)}
ASKED = "9,0\n-1,0\n"
VERBOSE = "; verbose=true"


def test_labels_and_numbers(framework_python: Path) -> None:
    asks = [
        Ask(ASKED, "text/csv"),
        Ask(ASKED, "text/csv", f"application/json{VERBOSE}"),
        Ask(ASKED, "text/csv", f"application/jsonlines{VERBOSE}"),
        Ask(ASKED, "text/csv", f"{RECORDS}{VERBOSE}"),
        Ask(ASKED, "text/csv", RECORDS),
    ]
    sparse = written(
        [Record(Tensor([10.0, y], [0, 1], 2), 1.0) for y in (0.5, 1.0, 3.0)]
        + [Record(Tensor([y], [1], 2), 0.0) for y in (0.0, 1.0, 2.0)]
    )
    labels, numbers, records = fit_all(
        framework_python,
        "knn",
        Fit(VALUES, {**TRAIN, "test": ("text/csv", LINE)}, asks),
        Fit({**VALUES, "predictor_type": "regressor", "k": "5"}, {**TRAIN, "test": ("text/csv", LINE)}, asks[:1]),
        Fit({**VALUES, "index_type": "faiss.IVFFlat"}, {"train": (RECORDS, sparse)}, asks[:1]),
    )
    rows = [{"predicted_label": 1.0}, {"predicted_label": 0.0}]
    assert labels.replies[0].json == {"predictions": rows}
    first, second = labels.replies[1].json["predictions"]
    assert (first["labels"], second["labels"]) == ([1.0, 1.0, 1.0], [0.0, 0.0, 1.0])
    assert first["distances"] == pytest.approx([1, 2**0.5, 10**0.5])
    assert labels.replies[2].lines == [first, second]
    told = [{**row, "predicted_label": [row["predicted_label"]]} for row in (first, second)]
    assert labels.replies[3].body == answers(told)
    assert labels.replies[4].body == answers([{"predicted_label": [1.0]}, {"predicted_label": [0.0]}])
    assert labels.metrics == {"test accuracy": 1.0}
    assert [row["predicted_label"] for row in numbers.replies[0].json["predictions"]] == pytest.approx([0.6, 0.6])
    assert numbers.metrics["test mse"] == pytest.approx(0.24)
    assert records.replies[0].json == {"predictions": rows}


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_fewer_dimensions_and_other_metrics(framework_python: Path, kind: str) -> None:
    """Two far directions of 40 dimensions stay apart in 12 and by any metric; a sample is enough."""
    chance = random.Random(1)
    rows = [
        (label, [chance.gauss(9 * ((n < 20) == label), 1) for n in range(40)]) for label in (0, 1) for _ in "123456"
    ]
    data = "".join(f"{label},{','.join(map(str, row))}\n" for label, row in rows)
    asked = "".join(f"{','.join(map(str, row))}\n" for _, row in rows)
    base = {**VALUES, "feature_dim": "40", "k": "1", "sample_size": "9"}
    reduced = {**base, "dimension_reduction_type": kind, "dimension_reduction_target": "12"}
    fits = [
        Fit({**settings, "index_metric": metric}, {"train": ("text/csv", data)}, [Ask(asked, "text/csv")])
        for settings in (base, reduced)
        for metric in ("L2", "COSINE", "INNER_PRODUCT")
    ]
    for fitted in fit_all(framework_python, "knn", *fits):
        found = [row["predicted_label"] for row in fitted.replies[0].json["predictions"]]
        assert found == [float(label) for label, _ in rows]


def test_similarities_come_in_the_order_of_their_numbers(framework_python: Path) -> None:
    """The nearest neighbour is the last one, as its number is the largest; it still decides where votes are equal."""
    train = {"train": ("text/csv", "1,4,3\n2,0,2\n")}
    ask = [Ask("1,0\n", "text/csv", f"application/json{VERBOSE}")]
    products, cosines, parts = fit_all(
        framework_python,
        "knn",
        Fit({**VALUES, "k": "2", "index_metric": "INNER_PRODUCT"}, train, ask),
        Fit({**VALUES, "k": "2", "index_metric": "COSINE"}, train, ask),
        Fit({**VALUES, "k": "2", "index_type": "faiss.IVFPQ", "faiss_index_pq_m": "3"}, train, ask),
    )
    expected = {"predicted_label": 1.0, "distances": [0.0, 4.0], "labels": [2.0, 1.0]}
    assert products.replies[0].json["predictions"] == [expected]
    (found,) = cosines.replies[0].json["predictions"]
    assert (found["predicted_label"], found["labels"]) == (1.0, [2.0, 1.0])
    assert found["distances"] == pytest.approx([0.0, 0.8])
    (found,) = parts.replies[0].json["predictions"]
    assert (found["predicted_label"], found["labels"]) == (2.0, [2.0, 1.0])


def test_what_is_wrong_is_named(framework_python: Path) -> None:
    found = errors(
        framework_python,
        "knn",
        Fit({**VALUES, "sample_size": "0"}, TRAIN),
        Fit({**VALUES, "k": "6"}, TRAIN),
        Fit({**VALUES, "dimension_reduction_type": "sign"}, TRAIN),
        Fit({**VALUES, "dimension_reduction_type": "sign", "dimension_reduction_target": "2"}, TRAIN),
        Fit({**VALUES, "index_type": "faiss.IVFPQ"}, TRAIN),
        Fit({**VALUES, "index_type": "faiss.IVFPQ", "faiss_index_pq_m": "3", "index_metric": "COSINE"}, TRAIN),
        Fit(VALUES, {"train": ("text/csv", "0.5,1,2\n")}),
        Fit(VALUES, {"train": (RECORDS, written([Record(Tensor([1.0, 2.0]))]))}),
    )
    expected = [
        "The hyperparameter sample_size must be a whole number of at least 1, not '0'.",
        "k is 6, but the sample has 5 rows.",
        "dimension_reduction_type and dimension_reduction_target must be given together.",
        "dimension_reduction_target is 2; it must be below feature_dim.",
        "The index type faiss.IVFPQ needs faiss_index_pq_m.",
        "The index type faiss.IVFPQ does not support the index_metric COSINE.",
        "The channel train has labels that are no whole numbers; a classifier needs such.",
        "The channel train must have labels, and not all of its rows have one.",
    ]
    assert found == expected
