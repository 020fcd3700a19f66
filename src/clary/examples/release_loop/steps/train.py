"""Training step, and the model server's `model_fn` and `predict_fn`: an ordinary SageMaker script."""

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


def predict_fn(rows, model):
    """Probability of the positive class for each row; a single row arrives as a flat array."""
    return model.predict_proba(np.atleast_2d(rows))[:, 1]


def read(folder, name):
    table = pd.read_csv(Path(folder) / f"{name}.csv", header=None)
    return table.drop(columns=0).to_numpy(), table[0].to_numpy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--max-depth", type=int, default=8)
    arguments = parser.parse_args()

    features, labels = read(os.environ["SM_CHANNEL_TRAIN"], "train")
    model = RandomForestClassifier(arguments.trees, max_depth=arguments.max_depth, random_state=7)
    model.fit(features, labels)
    features, labels = read(os.environ["SM_CHANNEL_VALIDATION"], "validation")
    print(f"validation:auc={roc_auc_score(labels, model.predict_proba(features)[:, 1]):.4f};")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
