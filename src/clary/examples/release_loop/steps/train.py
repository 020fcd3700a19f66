"""Training step, and the model server's functions: an ordinary SageMaker script.

Numbers and words are both learned, and what is missing is filled in. The model keeps the names and types of its
columns; rows to be judged have the same columns in the same order, as CSV without a header.
"""

import argparse
import io
import os
from pathlib import Path

import joblib
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

NUMBER, WORD = "float64", "object"
RARE = 0.01  # words in fewer rows than this are all the same to the model: identifiers, names, free text


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type):
    if content_type.split(";")[0] != "text/csv":
        raise ValueError(f"Rows must come as text/csv, not as {content_type}.")
    return pd.read_csv(io.StringIO(body), header=None, dtype=WORD)


def predict_fn(rows, model):
    """Probability of the positive class for each row."""
    columns = model["columns"]
    if rows.shape[1] != len(columns):
        raise ValueError(f"A row has {len(columns)} values ({', '.join(columns)}), not {rows.shape[1]}.")
    rows.columns = list(columns)
    return model["pipeline"].predict_proba(rows.astype(columns))[:, 1]


def types(table):
    return {
        name: NUMBER if is_numeric_dtype(column) and not is_bool_dtype(column) else WORD
        for name, column in table.items()
    }


def read(folder, name, columns):
    table = pd.read_csv(Path(folder) / f"{name}.csv", dtype=columns)
    return table[list(columns)], table.iloc[:, 0]


def untrained(columns, trees, depth):
    def named(kind):
        return [name for name, its_kind in columns.items() if its_kind == kind]

    numbers = SimpleImputer(strategy="median", keep_empty_features=True)
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=""),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE),
    )
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, named(NUMBER)), ("words", words, named(WORD))], sparse_threshold=0),
        RandomForestClassifier(trees, max_depth=depth, random_state=7),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--max-depth", type=int, default=8)
    arguments = parser.parse_args()

    folder = os.environ["SM_CHANNEL_TRAIN"]
    columns = types(pd.read_csv(Path(folder) / "train.csv").iloc[:, 1:])
    features, labels = read(folder, "train", columns)
    pipeline = untrained(columns, arguments.trees, arguments.max_depth).fit(features, labels)
    features, labels = read(os.environ["SM_CHANNEL_VALIDATION"], "validation", columns)
    print(f"validation:auc={roc_auc_score(labels, pipeline.predict_proba(features)[:, 1]):.4f};")
    joblib.dump({"pipeline": pipeline, "columns": columns}, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
