"""CreateHyperParameterTuningJob in process: which training jobs can be stopped early."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.base.errors import ValidationException
from clary.services import iam, sagemaker
from clary.services.context import Context
from tests.services.calling import ACCOUNT, Client, Permissions

ROLE = f"arn:aws:iam::{ACCOUNT}:role/Trainer"
SERVICE = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [SERVICE]})


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    role = Client("iam", iam.OPERATIONS, context, permissions)
    role("CreateRole", RoleName="Trainer", AssumeRolePolicyDocument=TRUST)
    return Client("sagemaker", sagemaker.OPERATIONS, context, permissions)


def request(image: str, **hyperparameters: str) -> dict[str, Any]:
    wd = {"Name": "wd", "MinValue": "0", "MaxValue": "1"}
    return {
        "HyperParameterTuningJobName": "tuned",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:objective_loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [wd]},
            "TrainingJobEarlyStoppingType": "Auto",
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": hyperparameters,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    }


def test_built_in_algorithms_stop_early_without_definitions(client: Client) -> None:
    made = client("CreateHyperParameterTuningJob", **request("linear-learner:1"))
    assert made["HyperParameterTuningJobArn"].endswith(":hyper-parameter-tuning-job/tuned")


def test_scripts_need_a_regular_expression_except_for_the_rounds_of_xgboost(client: Client) -> None:
    image = "1.dkr.ecr.r.amazonaws.com/sagemaker-xgboost:1.7-1"
    client("CreateHyperParameterTuningJob", **request(image, sagemaker_program='"train.py"'))
    unknown = request("766337827248.dkr.ecr.us-east-1.amazonaws.com/lda:1")  # its jobs tell why they fail
    client("CreateHyperParameterTuningJob", **{**unknown, "HyperParameterTuningJobName": "other"})
    image = "1.dkr.ecr.r.amazonaws.com/sagemaker-scikit-learn:1.2-1"
    with pytest.raises(ValidationException, match="A metric is required"):
        client("CreateHyperParameterTuningJob", **request(image, sagemaker_program='"train.py"'))


LINEAR = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
KMEANS = LINEAR.replace("linear-learner", "kmeans")
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
SCRIPT = {"sagemaker_program": '"train.py"'}


def tuned(image: str, metric: str, **hyperparameters: str) -> dict[str, Any]:
    asked = request(image, **hyperparameters)
    asked["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = metric
    return asked


@pytest.mark.parametrize(
    ("image", "metric", "hyperparameters"),
    [
        (LINEAR, "test:recall", {}),
        (KMEANS, "test:msd", {}),
        (XGBOOST, "validation:auc", {}),
        (XGBOOST, "validation:mine", SCRIPT),
    ],
)
def test_objectives_that_the_image_prints(
    client: Client, image: str, metric: str, hyperparameters: dict[str, str]
) -> None:
    made = client("CreateHyperParameterTuningJob", **tuned(image, metric, **hyperparameters))
    assert made["HyperParameterTuningJobArn"].endswith(":hyper-parameter-tuning-job/tuned")


@pytest.mark.parametrize(
    ("image", "metric", "valid"),
    [
        (LINEAR, "validation:auc", "validation:objective_loss"),
        (KMEANS, "validation:msd", "test:ssd"),
        (XGBOOST, "auc", "validation:auc"),
        (XGBOOST, "test:auc", "train:auc"),
    ],
)
def test_objectives_that_an_algorithm_does_not_print_are_refused_with_those_that_it_does(
    client: Client, image: str, metric: str, valid: str
) -> None:
    refused = client.fails("CreateHyperParameterTuningJob", "ValidationException", **tuned(image, metric))
    assert f"[{metric}], isn't valid for the [{image}] algorithm" in refused.message
    assert valid in refused.message.partition("from [")[2]
