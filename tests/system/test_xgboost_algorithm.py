"""XGBoost without a script: training, its metrics, serving and batch transform of its model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server import INSTANCE, XGBOOST, Server, eventually, finished, log_of, put, settled


def rows(first: int, last: int) -> bytes:
    return "".join(
        f"{number % 7 + 2 * (number % 3)},{number % 7},{number % 3}\n" for number in range(first, last)
    ).encode()


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def fit(server: Server, name: str, **hyperparameters: str) -> dict[str, Any]:
    train = put(server, "boost", "data/train/rows.csv", rows(0, 300))
    validation = put(server, "boost", "data/validation/rows.csv", rows(300, 400))
    server.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        RoleArn=server.role,
        HyperParameters=hyperparameters,
        InputDataConfig=[channel("train", train), {**channel("validation", validation), "InputMode": "Pipe"}],
        OutputDataConfig={"S3OutputPath": "s3://boost/models"},
        ResourceConfig={"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    return finished(server, name, 120)


def test_train_deploy_and_transform(server: Server) -> None:
    job = fit(server, "boosted", num_round="20", max_depth="3", eta="0.5", objective="reg:squarederror")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
    assert set(metrics) == {"train:rmse", "validation:rmse"}
    assert 0 <= metrics["validation:rmse"] < 0.5
    lines = log_of(server, "/aws/sagemaker/TrainingJobs", "boosted/")
    assert any(line.startswith("[19]#011train-rmse:") and "#011validation-rmse:" in line for line in lines)

    sagemaker = server.client("sagemaker")
    container = {"Image": XGBOOST, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName="boosted", PrimaryContainer=container, ExecutionRoleArn=server.role)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "boosted",
        "InitialInstanceCount": 1,
        "InstanceType": INSTANCE,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="boosted", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="boosted", EndpointConfigName="boosted")
    endpoint = settled(server, "boosted")
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="boosted", ContentType="text/csv", Body=b"5,2\n0,0")
    predicted = [float(line) for line in answer["Body"].read().decode().splitlines()]
    assert predicted == pytest.approx([9, 0], abs=0.7)
    answer = runtime.invoke_endpoint(
        EndpointName="boosted", ContentType="text/libsvm", Accept="application/json", Body=b"0:5 1:2"
    )
    assert json.loads(answer["Body"].read())["predictions"][0]["score"] == pytest.approx(9, abs=0.7)
    sagemaker.delete_endpoint(EndpointName="boosted")

    put(server, "boost", "score/rows.csv", b"5,2\n0,0\n")
    sagemaker.create_transform_job(
        TransformJobName="boosted",
        ModelName="boosted",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://boost/score"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": "s3://boost/scored", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": INSTANCE, "InstanceCount": 1},
    )
    ends = {"Completed", "Failed"}
    eventually(lambda: sagemaker.describe_transform_job(TransformJobName="boosted")["TransformJobStatus"] in ends, 60)
    body = server.client("s3").get_object(Bucket="boost", Key="scored/rows.csv.out")["Body"].read().decode()
    assert [float(line) for line in body.splitlines()] == predicted


def test_wrong_hyperparameters_are_named(server: Server) -> None:
    job = fit(server, "misspelt", num_round="1", max_dept="3")
    assert job["FailureReason"] == "ClientError: Extraneous hyperparameter found: max_dept, exit code: 2"
