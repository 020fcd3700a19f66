"""Reading a tuning job's request, and making training jobs of it."""

from __future__ import annotations

import re
from typing import Any

from clary.definitions.tuning.child import child_name, child_request
from clary.definitions.tuning.job import completed, read_tuning_job

RANGES = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
DEFINITION: dict[str, Any] = {
    "StaticHyperParameters": {"epochs": '"27"'},
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "role",
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "HyperParameterTuningResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5},
    "Environment": {"A": "b"},
}


def request(**config: Any) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": "job",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Hyperband",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3},
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "auc"},
            "ParameterRanges": RANGES,
            **config,
        },
        "TrainingJobDefinition": DEFINITION,
    }


def test_what_was_left_out_is_described() -> None:
    whole = completed(request())
    assert whole["TrainingJobDefinition"]["StaticHyperParameters"]["_tuning_objective_metric"] == "auc"
    assert whole["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"] == []
    config = whole["HyperParameterTuningJobConfig"]
    assert config["TrainingJobEarlyStoppingType"] == "Off"
    assert config["ParameterRanges"]["IntegerParameterRanges"] == []
    assert config["ParameterRanges"]["ContinuousParameterRanges"] == RANGES["ContinuousParameterRanges"]
    assert "_tuning_objective_metric" not in DEFINITION["StaticHyperParameters"]


def test_reading_a_job() -> None:
    job = read_tuning_job(completed(request(RandomSeed=7)), seed=1)
    assert (job.maximize, job.max_jobs, job.max_parallel, job.seed) == (True, 9, 3, 7)
    assert job.resources == (1, 27), "epochs of the static hyperparameters"
    given = {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 8}}
    assert read_tuning_job(completed(request(StrategyConfig=given)), seed=1).resources == (2, 8)
    assert job.loss(0.25) == -0.25


def test_a_training_job_is_made_of_a_trial() -> None:
    made = child_request("job-001-x", completed(request())["TrainingJobDefinition"], {"x": "0.5"}, [])
    assert made["HyperParameters"] == {"epochs": '"27"', "_tuning_objective_metric": "auc", "x": "0.5"}
    assert made["ResourceConfig"] == {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    assert made["AlgorithmSpecification"] == {"TrainingImage": "image", "TrainingInputMode": "File"}
    assert made["Environment"] == {"A": "b"}
    assert "Tags" not in made


def test_each_trial_keeps_checkpoints_of_its_own() -> None:
    definition = {**completed(request())["TrainingJobDefinition"], "CheckpointConfig": {"S3Uri": "s3://b/c/"}}
    made = [child_request(name, definition, {}, [])["CheckpointConfig"] for name in ("one", "two")]
    assert made == [{"S3Uri": "s3://b/c/one"}, {"S3Uri": "s3://b/c/two"}]


def test_names_are_derived_and_fit() -> None:
    longest = "a" * 31 + "-"
    name = child_name(longest, "identity", 7)
    assert re.fullmatch(r"a{31}-007-[0-9a-f]{8}", name)
    assert name == child_name(longest, "identity", 7)
    others = {child_name(longest, identity, number) for identity in ("identity", "other") for number in (7, 8)}
    assert len(others) == 4
    assert len(child_name("b" * 32, "identity", 1000)) <= 63
