"""Hyperparameters of built-in algorithms: types, limits, words, and that the documentation names them all."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from clary_toolkit.algorithms.hyperparameters import AUTO, REQUIRED, choice, flag, parsed, real, several, whole
from clary_toolkit.errors import CustomerError
from tests.toolkit.running import SOURCE

KNOWN = {
    "k": whole(REQUIRED, least=2, most=9),
    "rate": real(AUTO, above=0, below=1),
    "share": real(0.5, "balanced", least=0),
    "bias": flag(True),
    "kind": choice("a", "a", "b"),
    "metrics": several("x", "y", default=["x"]),
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "algorithms.md"
ALGORITHMS = SOURCE / "clary_toolkit" / "algorithms"


def test_defaults_fill_what_is_left_out() -> None:
    found = parsed(KNOWN, {"k": "3", "_tuning_objective_metric": "m", "force_dense": "true"})
    assert found == {"k": 3, "rate": None, "share": 0.5, "bias": True, "kind": "a", "metrics": ("x",)}


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("k", 9, 9),
        ("rate", "auto", None),
        ("rate", 1e-3, 0.001),
        ("share", "balanced", "balanced"),
        ("share", "0", 0.0),
        ("bias", "False", False),
        ("bias", True, True),
        ("kind", "b", "b"),
        ("metrics", ["x", "y"], ("x", "y")),
        ("metrics", "x, y", ("x", "y")),
        ("metrics", "['y']", ("y",)),
    ],
)
def test_what_may_be_given(name: str, given: Any, wanted: Any) -> None:
    assert parsed(KNOWN, {"k": "3", name: given})[name] == wanted


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("k", "1", "a whole number from 2 to 9, not '1'"),
        ("k", "2.5", "not '2.5'"),
        ("k", "auto", "not 'auto'"),
        ("rate", "1", "a number above 0 and below 1 or auto, not '1'"),
        ("rate", "nan", "not 'nan'"),
        ("share", "inf", "a number of at least 0 or balanced, not 'inf'"),
        ("bias", "maybe", "true or false, not 'maybe'"),
        ("kind", "c", "one of a, b, not 'c'"),
        ("metrics", "z", "any of x, y, not 'z'"),
        ("metrics", "{}", "any of x, y"),
        ("metrics", [], "any of x, y"),
    ],
)
def test_what_may_not(name: str, given: Any, words: str) -> None:
    with pytest.raises(CustomerError) as caught:
        parsed(KNOWN, {"k": "3", name: given})
    assert caught.value.message.startswith(f"The hyperparameter {name} must be ")
    assert words in caught.value.message


def test_missing_and_unknown_ones() -> None:
    with pytest.raises(CustomerError, match=r"The hyperparameter k is required: a whole number from 2 to 9"):
        parsed(KNOWN, {})
    with pytest.raises(CustomerError, match=r"not allowed \('a', 'z' unexpected\)"):
        parsed(KNOWN, {"k": "3", "z": "1", "a": "1"})


@pytest.mark.parametrize(
    ("module", "title"),
    [
        ("kmeans", "K-means"),
        ("linear_learner", "Linear learner"),
        ("pca", "PCA"),
        ("knn", "k nearest neighbours"),
        ("random_cut_forest", "Random Cut Forest"),
    ],
)
def test_the_documentation_names_them_all(module: str, title: str) -> None:
    section = PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    for node in ast.parse((ALGORITHMS / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HYPERPARAMETERS":
            assert isinstance(node.value, ast.Dict)
            names = [ast.literal_eval(key) for key in node.value.keys if key is not None]
            assert len(names) > 3
            assert [name for name in names if f"`{name}`" not in section] == []
            return
    pytest.fail("the module has no table")
