"""Evaluation step: what the new model is worth on rows it has never seen. The gate reads evaluation.json."""

import json
import tarfile
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, roc_auc_score

ROOT = Path("/opt/ml/processing")

if __name__ == "__main__":
    with tarfile.open(ROOT / "model" / "model.tar.gz") as archive:
        archive.extract("model.joblib", ROOT / "model")
    model = joblib.load(ROOT / "model" / "model.joblib")
    table = pd.read_csv(ROOT / "test" / "test.csv", dtype=model["columns"])
    labels, scores = table.iloc[:, 0], model["pipeline"].predict_proba(table[list(model["columns"])])[:, 1]
    metrics = {
        "binary_classification_metrics": {
            "auc": {"value": round(float(roc_auc_score(labels, scores)), 4), "standard_deviation": "NaN"},
            "accuracy": {"value": round(float(accuracy_score(labels, scores > 0.5)), 4), "standard_deviation": "NaN"},
        }
    }
    (ROOT / "evaluation").mkdir(parents=True, exist_ok=True)
    (ROOT / "evaluation" / "evaluation.json").write_text(json.dumps(metrics))
    print(json.dumps(metrics))
