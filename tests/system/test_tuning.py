"""Tuning jobs through boto3: training jobs that really run, their objectives, and the best of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.server import INSTANCE, SKLEARN, Server, archive, eventually, put

SCORE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--kind", default="a")
args, _ = parser.parse_known_args()
print(f"score={1 - (args.alpha - 0.25) ** 2 + (0.5 if args.kind == 'b' else 0):.6f};")
"""
METRICS = [{"Name": "score", "Regex": r"score=([-+]?[0-9.]+);"}]
CONTINUOUS = {
    "ContinuousParameterRanges": [{"Name": "alpha", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]
}


def definition(server: Server, script: str, **changes: Any) -> dict[str, Any]:
    source = put(server, "tests", f"tuning/{crc32(script.encode())}/sourcedir.tar.gz", archive({"train.py": script}))
    return {
        "StaticHyperParameters": {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(source),
        },
        "AlgorithmSpecification": {
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRICS,
        },
        "RoleArn": server.role,
        "OutputDataConfig": {"S3OutputPath": "s3://tests/tuned"},
        "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def request(server: Server, name: str, script: str = SCORE, **config: Any) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": CONTINUOUS,
            "RandomSeed": 3,
            **config,
        },
        "TrainingJobDefinition": definition(server, script),
    }


def describe(server: Server, name: str) -> dict[str, Any]:
    return server.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def ended(server: Server, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job = describe(server, name)
        return None if job["HyperParameterTuningJobStatus"] in {"InProgress", "Stopping"} else job

    return eventually(look, 90)


def trials(server: Server, name: str, **arguments: Any) -> list[dict[str, Any]]:
    client = server.client("sagemaker")
    pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name, **arguments
    )
    return [item for page in pages for item in page["TrainingJobSummaries"]]


def objective(trial: dict[str, Any]) -> float:
    value: float = trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return value


@contextmanager
def refused(code: str, words: str) -> Iterator[None]:
    with pytest.raises(ClientError, match=words) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code


def test_random_search_finds_the_best_of_four(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    tags = [{"Key": "team", "Value": "a"}]
    asked = request(server, "Random-Four")
    arn = sagemaker.create_hyper_parameter_tuning_job(**asked, Tags=tags)["HyperParameterTuningJobArn"]
    assert arn.endswith(":hyper-parameter-tuning-job/random-four")
    with refused("ResourceInUse", "already exists"):
        sagemaker.create_hyper_parameter_tuning_job(**asked)
    # The SageMaker SDK looks every five seconds; its first look is answered when the job has ended.
    sdk = server.client("sagemaker", config=Config(user_agent_extra="AWS-SageMaker-Python-SDK/2.257.0"))
    sdk.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="random-four")
    job = ended(server, "Random-Four")
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["HyperParameterTuningJobName"] == "Random-Four"
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 4, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0,
    }  # fmt: skip
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    assert job["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"] == []
    assert job["TrainingJobDefinition"]["StaticHyperParameters"]["_tuning_objective_metric"] == "score"

    rated = trials(server, "Random-Four", SortBy="FinalObjectiveMetricValue", SortOrder="Descending", MaxResults=3)
    values = [objective(item) for item in rated]
    assert len(values) == 4
    assert values == sorted(values, reverse=True)
    assert job["BestTrainingJob"] == rated[0]
    for item in rated:
        alpha = float(item["TunedHyperParameters"]["alpha"])
        assert 0 <= alpha <= 1
        assert objective(item) == pytest.approx(1 - (alpha - 0.25) ** 2, abs=1e-5)
        assert item["ObjectiveStatus"] == "Succeeded"

    named = trials(server, "Random-Four", MaxResults=3)
    assert [item["TrainingJobName"][:15] for item in named] == [f"Random-Four-{n:03d}" for n in range(1, 5)]
    child = sagemaker.describe_training_job(TrainingJobName=named[0]["TrainingJobName"])
    assert child["TuningJobArn"] == arn
    assert child["HyperParameters"]["alpha"] == named[0]["TunedHyperParameters"]["alpha"]
    assert child["HyperParameters"]["_tuning_objective_metric"] == "score"
    assert sagemaker.list_tags(ResourceArn=child["TrainingJobArn"])["Tags"] == tags
    found = sagemaker.list_training_jobs(NameContains="Random-Four", MaxResults=10)["TrainingJobSummaries"]
    assert len(found) == 4

    with refused("ValidationException", "Completed already"):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="Random-Four")


def test_a_seed_repeats_the_search_and_a_warm_start_knows_its_parent(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    two = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2}
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "seeded"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    sagemaker.create_hyper_parameter_tuning_job(**request(server, "seeded", ResourceLimits=two))
    ended(server, "seeded")
    first = trials(server, "seeded")
    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="seeded")
    with refused("ResourceNotFound", "seeded"):
        describe(server, "seeded")
    with refused("ResourceNotFound", "seeded"):
        sagemaker.create_hyper_parameter_tuning_job(**request(server, "orphan"), WarmStartConfig=warm)
    sagemaker.describe_training_job(TrainingJobName=first[0]["TrainingJobName"])

    sagemaker.create_hyper_parameter_tuning_job(**request(server, "seeded", ResourceLimits=two))
    parent = ended(server, "seeded")
    again = trials(server, "seeded")
    assert [item["TunedHyperParameters"] for item in again] == [item["TunedHyperParameters"] for item in first]
    assert {item["TrainingJobName"] for item in again}.isdisjoint(item["TrainingJobName"] for item in first)

    one = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    asked = request(server, "warm", Strategy="Bayesian", ResourceLimits=one)
    sagemaker.create_hyper_parameter_tuning_job(**asked, WarmStartConfig=warm)
    job = ended(server, "warm")
    best = max((parent["BestTrainingJob"], job["BestTrainingJob"]), key=objective)
    assert job["OverallBestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    assert "OverallBestTrainingJob" not in parent


def test_lagging_training_jobs_are_given_up(server: Server) -> None:
    script = """
import argparse, time
parser = argparse.ArgumentParser()
parser.add_argument("--pace", type=float)
args, _ = parser.parse_known_args()
for epoch in range(600):
    print(f"score={args.pace};", flush=True)
    time.sleep(0.1)
"""
    ranges = {"ContinuousParameterRanges": [{"Name": "pace", "MinValue": "0", "MaxValue": "1"}]}
    asked = request(
        server,
        "hyperband",
        script,
        Strategy="Hyperband",
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 20}},
        ParameterRanges=ranges,
        ResourceLimits={"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 4},
    )
    server.client("sagemaker").create_hyper_parameter_tuning_job(**asked)
    job = ended(server, "hyperband")
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobStatusCounters"]["Stopped"] == 4, "none of them would have ended by itself"
    rated = trials(server, "hyperband", SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert job["BestTrainingJob"]["TrainingJobName"] == rated[0]["TrainingJobName"]


def test_a_grid_tries_every_combination_once(server: Server) -> None:
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "kind", "Values": ["a", "b"]},
            {"Name": "alpha", "Values": ["0.25", "1"]},
        ]
    }
    limits = {"MaxParallelTrainingJobs": 4}
    asked = request(server, "grid", Strategy="Grid", ParameterRanges=ranges, ResourceLimits=limits)
    server.client("sagemaker").create_hyper_parameter_tuning_job(**asked)
    job = ended(server, "grid")
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    tuned = [tuple(sorted(item["TunedHyperParameters"].items())) for item in trials(server, "grid")]
    assert sorted(tuned) == [(("alpha", alpha), ("kind", kind)) for alpha in ("0.25", "1") for kind in "ab"]
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"alpha": "0.25", "kind": "b"}
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Maximize", "MetricName": "score", "Value": 1.5,
    }  # fmt: skip


def test_stopping_stops_the_training_jobs(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**request(server, "to-stop", "import time\ntime.sleep(300)\n"))
    eventually(lambda: describe(server, "to-stop")["TrainingJobStatusCounters"]["InProgress"] == 2)
    with refused("ResourceInUse", "stop it before"):
        sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="to-stop")
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="to-stop")
    job = ended(server, "to-stop")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    assert {item["TrainingJobStatus"] for item in trials(server, "to-stop")} == {"Stopped"}
    assert len(trials(server, "to-stop", StatusEquals="Stopped")) == 2
    assert trials(server, "to-stop", StatusEquals="Completed") == []
    assert trials(server, "to-stop", SortBy="FinalObjectiveMetricValue") == []
    assert "BestTrainingJob" not in job
    listed = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="to-sto", StatusEquals="Stopped")
    (summary,) = listed["HyperParameterTuningJobSummaries"]
    assert summary["TrainingJobStatusCounters"] == job["TrainingJobStatusCounters"]
    assert summary["ResourceLimits"]["MaxParallelTrainingJobs"] == 2
    assert "NextToken" not in listed


def test_failing_training_jobs_fail_it_and_the_first_cause_is_told(server: Server) -> None:
    limits = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2}
    asked = request(server, "failing", "raise KeyError('column_x')\n", ResourceLimits=limits)
    server.client("sagemaker").create_hyper_parameter_tuning_job(**asked)
    job = ended(server, "failing")
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "column_x" in job["FailureReason"]
    assert "failing-001-" in job["FailureReason"]
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 2
    assert all("column_x" in item["FailureReason"] for item in trials(server, "failing"))


def test_requests_that_cannot_work_are_refused(server: Server) -> None:
    sagemaker = server.client("sagemaker")

    def create(changes: dict[str, Any] | None = None, **config: Any) -> None:
        sagemaker.create_hyper_parameter_tuning_job(**{**request(server, "refused", **config), **(changes or {})})

    with refused("ValidationException", "categorical"):
        create(Strategy="Grid")
    with refused("ValidationException", "MaxResource"):
        create(Strategy="Hyperband")
    with refused("ValidationException", "greater than its MaxValue"):
        create(ParameterRanges={"ContinuousParameterRanges": [{"Name": "alpha", "MinValue": "2", "MaxValue": "1"}]})
    with refused("ValidationException", "At least one"):
        create(ParameterRanges={})
    with refused("ValidationException", "not in MetricDefinitions"):
        create(HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "other"})
    with refused("ResourceLimitExceeded", "750"):
        create(ResourceLimits={"MaxNumberOfTrainingJobs": 10000, "MaxParallelTrainingJobs": 1})
    with refused("NotImplemented", "Autotune"):
        create({"Autotune": {"Mode": "Enabled"}})
    with refused("NotImplemented", "ConvergenceDetected"):
        create(TuningJobCompletionCriteria={"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}})
    with refused("ValidationException", "both a range and a static value"):
        create({"TrainingJobDefinition": definition(server, SCORE, StaticHyperParameters={"alpha": "1"})})
    with refused("ValidationException", "Could not assume role"):
        create({"TrainingJobDefinition": definition(server, SCORE, RoleArn=server.role + "x")})
    with refused("ValidationException", "Specify either TrainingJobDefinition"):
        create({"TrainingJobDefinitions": [definition(server, SCORE)]})
    with refused("ResourceNotFound", "not found"):
        describe(server, "refused")
