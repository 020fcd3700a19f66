"""A built-in algorithm by its image alone: instances, metrics without definitions, an endpoint, a transform."""

from __future__ import annotations

import json

import pytest

from tests.server import INSTANCE, Server, eventually, finished, put, settled

KMEANS = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"


def start(server: Server, name: str, **hyperparameters: str) -> None:
    put(server, "clusters", "data/a.csv", b"0,0\n0,2\n")
    uri = put(server, "clusters", "data/b.csv", b"10,10\n10,12\n").rpartition("/")[0]
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "ShardedByS3Key"}
    channel = {
        "ChannelName": "train",
        "ContentType": "text/csv;label_size=0",
        "DataSource": {"S3DataSource": source},
    }
    server.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": KMEANS, "TrainingInputMode": "File"},
        RoleArn=server.role,
        HyperParameters=hyperparameters,
        InputDataConfig=[channel],
        OutputDataConfig={"S3OutputPath": "s3://clusters/models"},
        ResourceConfig={"InstanceType": INSTANCE, "InstanceCount": 2, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )


def test_train_deploy_and_transform(server: Server) -> None:
    start(server, "clusterless", feature_dim="2")
    start(server, "clustered", k="2", feature_dim="2")
    refused = finished(server, "clusterless", 150)
    assert refused["TrainingJobStatus"] == "Failed"
    wanted = "ClientError: The hyperparameter k is required: a whole number of at least 2., exit code: 2"
    assert refused["FailureReason"].startswith(wanted)
    job = finished(server, "clustered", 60)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
    assert metrics.keys() == {"train:msd", "train:progress", "train:throughput"}
    assert (metrics["train:msd"], metrics["train:progress"]) == (1.0, 100.0)

    sagemaker = server.client("sagemaker")
    container = {"Image": KMEANS, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName="clustered", PrimaryContainer=container, ExecutionRoleArn=server.role)
    variant = {"VariantName": "All", "ModelName": "clustered", "InitialInstanceCount": 1, "InstanceType": INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName="clustered", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="clustered", EndpointConfigName="clustered")
    endpoint = settled(server, "clustered")
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="clustered", ContentType="text/csv", Body=b"0,1\n10,14")
    rows = json.loads(answer["Body"].read())["predictions"]
    assert [row["distance_to_cluster"] for row in rows] == [0.0, 3.0]
    assert {row["closest_cluster"] for row in rows} == {0.0, 1.0}
    with pytest.raises(runtime.exceptions.ModelError, match="2 features"):
        runtime.invoke_endpoint(EndpointName="clustered", ContentType="text/csv", Body=b"0,1,2")
    sagemaker.delete_endpoint(EndpointName="clustered")

    put(server, "clusters", "score/rows.csv", b"0,1\n10,14\n")
    sagemaker.create_transform_job(
        TransformJobName="clustered",
        ModelName="clustered",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://clusters/score"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": "s3://clusters/scored"},
        TransformResources={"InstanceType": INSTANCE, "InstanceCount": 1},
    )
    ends = {"Completed", "Failed"}
    eventually(
        lambda: sagemaker.describe_transform_job(TransformJobName="clustered")["TransformJobStatus"] in ends, 60
    )
    body = server.client("s3").get_object(Bucket="clusters", Key="scored/rows.csv.out")["Body"].read().decode()
    assert [json.loads(line) for line in body.splitlines()] == rows
