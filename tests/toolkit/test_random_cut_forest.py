"""Random Cut Forest: what lies apart scores high, by the definition of the score too, and metrics say how well."""

from __future__ import annotations

import json
import math
import random
import subprocess
from pathlib import Path

import pytest

from clary_toolkit.algorithms.recordio import Record, Tensor, answers, written
from tests.toolkit.built_in import RECORDS, UNLABELLED, Ask, Fit, errors, fit_all
from tests.toolkit.running import SOURCE

CHANCE = random.Random(1)
USUAL = [(CHANCE.gauss(0, 1), CHANCE.gauss(5, 2)) for _ in range(1000)]
TRAIN = {"train": (UNLABELLED, "".join(f"{x},{y}\n" for x, y in USUAL))}
LABELLED = "".join(f"0,{x},{y}\n" for x, y in USUAL[:50]) + "1,30,5\n1,0,-40\n1,-25,60\n"
VALUES = {"feature_dim": "2"}
# Two rows 0 and 8 in one dimension: every tree is one cut, so that the score is known exactly.
EXACT = """
import json, sys
from clary_toolkit.algorithms.cut_trees import grow
from clary_toolkit.algorithms.tables import numpy
forest = grow(numpy.array([[0.0], [8.0], [8.0]]), 60, 5, numpy.random.default_rng(1))
json.dump([forest.scores(numpy.array([[0.0], [8.0], [-8.0], [24.0]])).tolist(), len(forest.mass)], sys.stdout)
"""


def test_what_lies_apart_scores_high(framework_python: Path) -> None:
    asks = [Ask("0,5\n30,5\n", "text/csv"), Ask("0,5\n30,5\n", "text/csv", RECORDS)]
    sparse = written([Record(Tensor([x, y], [0, 1], 2)) for x, y in USUAL])
    forest, other = fit_all(
        framework_python,
        "random_cut_forest",
        Fit({**VALUES, "num_trees": "50"}, {**TRAIN, "test": ("text/csv;label_size=1", LABELLED)}, asks),
        Fit(
            {**VALUES, "num_trees": "50", "num_samples_per_tree": "64", "mini_batch_size": "1000"},
            {"train": (RECORDS, sparse)},
            asks,
        ),
    )
    for fitted in (forest, other):
        usual, strange = (row["score"] for row in fitted.replies[0].json["scores"])
        assert 0 < usual < 1.1
        assert strange > 2 * usual
        assert fitted.replies[1].body == answers([{"score": [usual]}, {"score": [strange]}])
    assert forest.metrics.keys() == {"test accuracy", "test precision", "test recall", "test f1"}
    assert forest.metrics["test recall"] == 1.0
    assert forest.metrics["test accuracy"] > 0.9


def test_scores_by_their_definition(framework_python: Path) -> None:
    """The box is 8 wide. Inside: depth 1, mass 1 or 2 of 3. Outside by 8 or 16: the first cut may do it."""
    result = subprocess.run(
        [str(framework_python), "-W", "error", "-c", EXACT],
        env={"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    scores, nodes = json.loads(result.stdout)
    inside = [(1 - mass / 6) / (1 + math.log2(mass + 1)) for mass in (1, 2)]
    outside = [share * 1 + (1 - share) / 2 for share in (8 / 16, 16 / 24)]
    assert nodes == 180
    assert scores == pytest.approx([2 * score for score in inside + outside])


def test_what_is_wrong_is_named(framework_python: Path) -> None:
    found = errors(
        framework_python,
        "random_cut_forest",
        Fit({**VALUES, "num_trees": "49"}, TRAIN),
        Fit({**VALUES, "num_samples_per_tree": "2049"}, TRAIN),
        Fit(VALUES, {**TRAIN, "test": (UNLABELLED, "1,2\n")}),
        Fit(VALUES, {**TRAIN, "test": ("text/csv", "3,1,2\n")}),
    )
    assert found == [
        "The hyperparameter num_trees must be a whole number from 50 to 1000, not '49'.",
        "The hyperparameter num_samples_per_tree must be a whole number from 1 to 2048, not '2049'.",
        "The channel test must have labels, and not all of its rows have one.",
        "The labels of the channel test must be 0 (usual) or 1 (anomalous).",
    ]
