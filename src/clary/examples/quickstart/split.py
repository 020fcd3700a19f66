"""Processing script: one CSV in, a training and a test set out. Label in the first column, no header."""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

ROOT = Path("/opt/ml/processing")

parser = argparse.ArgumentParser()
parser.add_argument("--test-rows", type=int, default=100)
arguments = parser.parse_args()

(source,) = (ROOT / "input").glob("*.csv")
table = pd.read_csv(source)
train, test = train_test_split(table, test_size=arguments.test_rows, stratify=table["target"], random_state=7)
for name, part in (("train", train), ("test", test)):
    (ROOT / name).mkdir(parents=True, exist_ok=True)
    part.to_csv(ROOT / name / f"{name}.csv", index=False, header=False)
    print(f"{name}: {len(part)} rows")
