"""The file that the XGBoost algorithm leaves, read as scripts that go on with it read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.toolkit.running import SOURCE, OptMl

READ = """
import pickle, sys
import numpy, xgboost
from clary_toolkit.algorithms import xgboost_serving
with open(sys.argv[1] + "/xgboost-model", "rb") as file:
    model = pickle.load(file)
rows = xgboost.DMatrix(numpy.array([[2.0], [5.0]]))
assert model.num_boosted_rounds() == 1
assert model.predict(rows).tolist() == xgboost_serving.model_fn(sys.argv[1]).predict(rows).tolist()
"""


def test_a_model_of_an_old_image_is_a_pickle_for_scripts_and_for_serving(
    opt_ml: OptMl, framework_python: Path
) -> None:
    opt_ml.python = framework_python
    opt_ml.configure({"num_round": "1"}, {"train": {"ContentType": "text/csv"}})
    folder = opt_ml.base / "input" / "data" / "train"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text("0,2\n1,5\n")
    code, output = opt_ml.run("train", CLARY_FRAMEWORK="xgboost", CLARY_XGBOOST_MODEL="pickle")
    assert code == 0, output
    command = [str(framework_python), "-c", READ, str(opt_ml.base / "model")]
    read = subprocess.run(command, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr


OLD = """
import pickle, sys
import numpy, xgboost
from clary_toolkit.algorithms import xgboost_serving
rows = xgboost.DMatrix(numpy.array([[2.0], [5.0]]), label=[0, 1])
model = xgboost.train({}, rows, 1)
state = {**model.__getstate__(), "handle": model.save_raw("deprecated"), "feature_names": ["f0"]}
model.__class__.__getstate__ = lambda self: state
for protocol in (0, 2, 4):  # 0 is what Python 2 wrote
    with open(sys.argv[1] + "/xgboost-model", "wb") as file:
        pickle.dump(model, file, protocol)
    assert xgboost_serving.model_fn(sys.argv[1]).predict(rows).tolist() == model.predict(rows).tolist()
"""


def test_a_pickle_of_an_xgboost_before_1_0_can_be_served(framework_python: Path, tmp_path: Path) -> None:
    command = [str(framework_python), "-c", OLD, str(tmp_path)]
    read = subprocess.run(command, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
