"""Writes real data for a new project: the UCI breast cancer set that scikit-learn ships.

Runs in the environment of scikit-learn jobs. Arguments: the CSV with everything but one row, the CSV with the
features of that row (no header), the name of the target column.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer

table_path, row_path, target = sys.argv[1:]
data = load_breast_cancer(as_frame=True)
table = data.frame.rename(columns={"target": target}).sample(frac=1.0, random_state=7)
table.iloc[:-1].to_csv(table_path, index=False)
row = table.iloc[-1].drop(target)
Path(row_path).write_text(",".join(f"{value:.6g}" for value in row) + "\n")
