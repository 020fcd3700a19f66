"""Training script as one writes it for SageMaker: arguments, SM_* variables, a model in SM_MODEL_DIR.

The same file serves the model: `model_fn` loads it on the endpoint.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--max-depth", type=int, default=None)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    arguments = parser.parse_args()

    table = pd.read_csv(Path(arguments.train) / "train.csv", header=None)
    labels, features = table[0].to_numpy(), table.drop(columns=0).to_numpy()
    model = RandomForestClassifier(arguments.trees, max_depth=arguments.max_depth, random_state=7)
    scores = cross_val_score(model, features, labels, cv=3)
    print(f"rows {len(table)}, trees {arguments.trees}, depth {arguments.max_depth}")
    print(f"cross-validated accuracy {scores.mean():.3f} +- {scores.std():.3f}")
    joblib.dump(model.fit(features, labels), Path(arguments.model_dir) / "model.joblib")
    print(f"model written to {arguments.model_dir}")
