"""How the XGBoost algorithm writes its predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clary_toolkit.algorithms.xgboost_serving import model_fn, output_fn


class Predictions:
    """As far as handlers look at an array."""

    def __init__(self, *rows: float | list[float]) -> None:
        self.rows = list(rows)

    def tolist(self) -> list[float | list[float]]:
        return self.rows


ONE, SEVERAL = Predictions(0.5, 2.0), Predictions([0.75, 0.25], [0.5, 0.5])


@pytest.mark.parametrize(("predictions", "text"), [(ONE, "0.5\n2.0\n"), (SEVERAL, "[0.75, 0.25]\n[0.5, 0.5]\n")])
def test_csv_has_a_line_for_each_row(predictions: Predictions, text: str) -> None:
    assert output_fn(predictions, "text/csv") == (text, "text/csv")


@pytest.mark.parametrize("predictions", [ONE, SEVERAL])
def test_json_has_a_score_for_each_row(predictions: Predictions) -> None:
    text, kind = output_fn(predictions, "application/json")
    assert (kind, json.loads(text)) == ("application/json", {"predictions": [{"score": r} for r in predictions.rows]})
    text, kind = output_fn(predictions, "application/jsonlines")
    assert [json.loads(line)["score"] for line in str(text).splitlines()] == predictions.rows


def test_selected_contents_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_INFERENCE_OUTPUT", "predicted_label,probability")
    with pytest.raises(ValueError, match="SAGEMAKER_INFERENCE_OUTPUT is not served"):
        model_fn(str(tmp_path))
