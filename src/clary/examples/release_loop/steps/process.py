"""Processing step: check the table that came in, and split it into train, validation and test sets.

The target is the first column of what is written; there is no header in it.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

ROOT = Path("/opt/ml/processing")
SMALLEST = 50


def read(folder, target):
    """All CSV files of the folder as one table, with the target in front."""
    files = sorted(folder.rglob("*.csv"))
    table = pd.concat([pd.read_csv(file) for file in files], ignore_index=True).dropna()
    if target not in table:
        raise SystemExit(f"There is no column {target!r} in the data; its columns are {', '.join(table.columns)}.")
    features = table.drop(columns=target).select_dtypes("number")
    table = pd.concat([table[target].astype(int).rename(target), features], axis=1)
    if len(table) < SMALLEST or table[target].nunique() != 2:
        raise SystemExit(
            f"{len(table)} usable rows with {table[target].nunique()} classes are not enough to learn from."
        )
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    arguments = parser.parse_args()
    table = read(ROOT / "input", arguments.target)
    train, rest = train_test_split(table, test_size=0.4, stratify=table[arguments.target], random_state=7)
    validation, test = train_test_split(rest, test_size=0.5, stratify=rest[arguments.target], random_state=7)
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        (ROOT / name).mkdir(parents=True, exist_ok=True)
        part.to_csv(ROOT / name / f"{name}.csv", index=False, header=False)
        print(f"{name}: {len(part)} rows, {part.shape[1] - 1} features, {part.iloc[:, 0].mean():.2f} positive")
