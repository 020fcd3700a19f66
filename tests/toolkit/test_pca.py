"""Principal components: both modes find the same directions, for dense and sparse data."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary_toolkit.algorithms.recordio import Record, Tensor, answers, written
from tests.toolkit.built_in import RECORDS, UNLABELLED, Ask, Fit, errors, fit_all

# Far along (1, 1, 0), less far along (1, -1, 0), nowhere else; the mean is (10, 20, 5).
POINTS = [(10 + a + b, 20 + a - b, 5.0) for a in (-9.0, -3.0, 3.0, 9.0) for b in (-1.0, 1.0)]
CSV = "".join(f"{x},{y},{z}\n" for x, y, z in POINTS)
SPARSE = written([Record(Tensor(list(point), [0, 1, 2], 3)) for point in POINTS])
VALUES = {"feature_dim": "3", "num_components": "2", "mini_batch_size": "100"}
ROOT = 2**0.5


def test_the_directions_are_found(framework_python: Path) -> None:
    ask = Ask("20,30,5\n11,19,5\n", "text/csv")
    regular, randomized, sparse, raw = fit_all(
        framework_python,
        "pca",
        Fit(
            VALUES,
            {"train": (UNLABELLED, CSV)},
            [ask, Ask(ask.body, "text/csv", "application/jsonlines"), Ask(ask.body, "text/csv", RECORDS)],
        ),
        Fit({**VALUES, "algorithm_mode": "randomized"}, {"train": (UNLABELLED, CSV)}, [ask]),
        Fit(VALUES, {"train": (RECORDS, SPARSE)}, [ask]),
        Fit({**VALUES, "subtract_mean": "false"}, {"train": (UNLABELLED, CSV)}, [Ask("0,0,0", "text/csv")]),
    )
    for fitted in (regular, randomized, sparse):
        first, second = (row["projection"] for row in fitted.replies[0].json["projections"])
        assert [abs(value) for value in first] == pytest.approx([0, 10 * ROOT], abs=1e-5)
        assert [abs(value) for value in second] == pytest.approx([ROOT, 0], abs=1e-5)
    rows = regular.replies[0].json["projections"]
    assert regular.replies[1].lines == rows
    assert regular.replies[2].body == answers(rows)
    assert raw.replies[0].json["projections"] == [{"projection": [0.0, 0.0]}]


def test_what_is_wrong_is_named(framework_python: Path) -> None:
    found = errors(
        framework_python,
        "pca",
        Fit({"feature_dim": "3", "num_components": "2"}, {"train": (UNLABELLED, CSV)}),
        Fit({**VALUES, "num_components": "4"}, {"train": (UNLABELLED, CSV)}),
        Fit({**VALUES, "algorithm_mode": "fast"}, {"train": (UNLABELLED, CSV)}),
    )
    assert found == [
        "The hyperparameter mini_batch_size is required: a whole number of at least 1.",
        "num_components is 4, but 8 rows of 3 features have at most 3.",
        "The hyperparameter algorithm_mode must be one of regular, randomized, not 'fast'.",
    ]
