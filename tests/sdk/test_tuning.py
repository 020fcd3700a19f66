"""HyperparameterTuner of the SageMaker Python SDK: fit, best training job, analytics, attach."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sdk.conftest import Run

TRAIN = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--solver")
args = parser.parse_args()
print(f"score={1 - (args.alpha - 0.25) ** 2 - (args.solver == 'slow')};")
"""
CLIENT = """
import json, sagemaker
from sagemaker.sklearn import SKLearn
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner

estimator = SKLearn(
    "train.py", framework_version="1.2-1", instance_type="ml.m5.large", role=sagemaker.get_execution_role(),
    base_job_name="tuned",
)
tuner = HyperparameterTuner(
    estimator, "score", {"alpha": ContinuousParameter(0, 1), "solver": CategoricalParameter(["fast", "slow"])},
    metric_definitions=[{"Name": "score", "Regex": r"score=([-0-9.]+);"}], strategy="Random", max_jobs=4,
    max_parallel_jobs=4, random_seed=5, base_tuning_job_name="sdk",
)
tuner.fit()
frame = tuner.analytics().dataframe()
attached = HyperparameterTuner.attach(tuner.latest_tuning_job.name)
best = tuner.best_estimator()
print(json.dumps({
    "best": tuner.best_training_job(),
    "attached": attached.best_training_job(),
    "names": list(frame.sort_values("FinalObjectiveValue")["TrainingJobName"]),
    "solvers": sorted(set(frame["solver"])),
    "hyperparameters": best.hyperparameters(),
    "status": tuner.describe()["HyperParameterTuningJobStatus"],
}))
"""


def test_a_tuner_fits_and_tells_the_best(run_client: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "client.py").write_text(CLIENT)
    told = json.loads(run_client(tmp_path / "client.py").splitlines()[-1])
    assert told["status"] == "Completed"
    assert len(told["names"]) == 4
    assert told["best"] == told["attached"] == told["names"][-1]
    assert {solver.strip('"') for solver in told["solvers"]} <= {"fast", "slow"}
    assert 0 <= float(json.loads(str(told["hyperparameters"]["alpha"]))) <= 1
