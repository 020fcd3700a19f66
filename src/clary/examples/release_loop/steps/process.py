"""Processing step: check the table that came in, and split it into train, validation and test sets.

What is written has a header, and the target is its first column. Turn dates and the like into numbers here.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

ROOT = Path("/opt/ml/processing")
SMALLEST = 50
MOSTLY = 0.95


def read(folder, target):
    """All CSV files of the folder as one table, with the target in front; rows without a target are left out."""
    files = sorted(folder.rglob("*.csv"))
    table = pd.concat([pd.read_csv(file, dtype=object) for file in files], ignore_index=True)
    if target not in table:
        raise SystemExit(f"There is no column {target!r} in the data; its columns are {', '.join(table.columns)}.")
    table = table.assign(**{target: pd.to_numeric(table[target])}).dropna(subset=target)
    if len(table) < SMALLEST or table[target].nunique() != 2:
        raise SystemExit(
            f"{len(table)} usable rows with {table[target].nunique()} classes are not enough to learn from."
        )
    features = table.drop(columns=target).apply(as_numbers)
    return pd.concat([table[target].astype(int), features], axis=1)


def as_numbers(column):
    """The column as numbers if it holds almost nothing else; a stray word in it becomes a missing number."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.count() >= MOSTLY * column.count() else column


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    arguments = parser.parse_args()
    table = read(ROOT / "input", arguments.target)
    train, rest = train_test_split(table, test_size=0.4, stratify=table[arguments.target], random_state=7)
    validation, test = train_test_split(rest, test_size=0.5, stratify=rest[arguments.target], random_state=7)
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        (ROOT / name).mkdir(parents=True, exist_ok=True)
        part.to_csv(ROOT / name / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} rows, {part.shape[1] - 1} features, {part.iloc[:, 0].mean():.2f} positive")
