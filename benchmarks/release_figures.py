"""Figures of the release loop: how fast things start by themselves, what a step costs, what many executions cost."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.server import INSTANCE, SKLEARN, Server, archive, eventually, put, train

from clary.runtimes.environments import Environments

_ROUNDS = 20


def upload_to_start(server: Server) -> dict[str, Any]:
    """Seconds from a finished PutObject to the start of the execution that its event causes."""
    bucket, s3, events = "bench-events", server.client("s3"), server.client("events")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    arn = _pipeline(server, "bench-upload", [_fail("Stop")])
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name="bench-upload", EventPattern=json.dumps(pattern))
    _target(server, "bench-upload", arn)
    seconds = []
    for number in range(_ROUNDS):
        s3.put_object(Bucket=bucket, Key=f"{number}.csv", Body=b"1,2\n")
        seconds.append(_until_started(server, "bench-upload", number + 1))
    return _tail("S3 upload to execution started, s", seconds, "<= 1 (p95)")


def approval_to_start(server: Server) -> dict[str, Any]:
    """Seconds from UpdateModelPackage (Approved) to the start of the execution that its event causes."""
    sagemaker, events = server.client("sagemaker"), server.client("events")
    sagemaker.create_model_package_group(ModelPackageGroupName="bench")
    arn = _pipeline(server, "bench-approval", [_fail("Stop")])
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelApprovalStatus": ["Approved"]}}
    events.put_rule(Name="bench-approval", EventPattern=json.dumps(pattern))
    _target(server, "bench-approval", arn)
    seconds = []
    for number in range(_ROUNDS):
        package = sagemaker.create_model_package(ModelPackageGroupName="bench", **_inference())["ModelPackageArn"]
        sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        seconds.append(_until_started(server, "bench-approval", number + 1))
    return _tail("Approval to deploy started, s", seconds, "<= 1 (p95)")


def step_overhead(server: Server) -> dict[str, Any]:
    """What a step costs besides its own work: chains of 10 and of 200 Condition steps, and of job steps."""
    ten, many = (_conditions(server, count) for count in (10, 200))
    chain = [_job(server, "a"), _job(server, "b", after="a"), _job(server, "c", after="b")]
    job = _seconds_of(server, _pipeline(server, "bench-jobs", chain))
    alone = _job_seconds(server)
    return {
        "name": "Step overhead, ms",
        "goal": "<= 100 for Condition, <= 1000 for jobs; 200 steps cost no more each than 10",
        "condition_of_10": round(1000 * ten / 10, 1),
        "condition_of_200": round(1000 * many / 200, 1),
        "job": round(1000 * (job / 3 - alone), 1),
    }


def many_executions(server: Server) -> dict[str, Any]:
    """Listing and searching among 5,000 executions."""
    sagemaker = server.client("sagemaker")
    arn = _pipeline(server, "bench-many", [_fail("Stop")])
    for _ in range(5000):
        sagemaker.start_pipeline_execution(PipelineName="bench-many")
    eventually(lambda: not _running(server, "bench-many"), 600)
    listed = [_clock(lambda: sagemaker.list_pipeline_executions(PipelineName="bench-many")) for _ in range(_ROUNDS)]
    expression = {
        "Filters": [
            {"Name": "PipelineArn", "Operator": "Equals", "Value": arn},
            {"Name": "PipelineExecutionStatus", "Operator": "Equals", "Value": "Failed"},
        ]
    }
    searched = [
        _clock(lambda: sagemaker.search(Resource="PipelineExecution", SearchExpression=expression, MaxResults=10))
        for _ in range(_ROUNDS)
    ]
    return {
        "name": "5,000 executions, ms (p95)",
        "goal": "<= 100",
        "list": round(1000 * _p95(listed), 1),
        "search": round(1000 * _p95(searched), 1),
    }


FIT = """
import joblib, os
import numpy as np
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(7)
x = rng.normal(size=(2000, 20))
joblib.dump(LogisticRegression().fit(x, x[:, 0] > 0), os.environ["SM_MODEL_DIR"] + "/model.joblib")
"""
SERVE = """
import joblib
def model_fn(d):
    return joblib.load(d + "/model.joblib")
"""
IN_PROCESS = """
import io, sys, time
import joblib, pandas as pd
model, path = joblib.load(sys.argv[1]), sys.argv[2]
begun = time.perf_counter()
with open(path, "rb") as file:
    while block := file.read(6 * 1024 * 1024):
        block += file.readline()
        rows = pd.read_csv(io.BytesIO(block), header=None).to_numpy()
        "\\n".join(map(str, model.predict(rows))).encode()
print(time.perf_counter() - begun)
"""


def transform_rate(server: Server) -> dict[str, Any]:
    """Rows per second of a transform job between its start and its end, beside predict on the same rows in one
    process of the same environment, which reads the CSV the same way."""
    train(server, "bench-transform", FIT)
    model = _model(server, "bench-transform")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.csv"
        line = ",".join(f"0.{n:05d}" for n in range(20))
        rows = 4_000_000  # enough for the start of the model server to be a small part of the job
        with table.open("w") as file:
            file.writelines(f"{line}\n" * 1000 for _ in range(rows // 1000))
        joblib = Path(folder) / "model.joblib"
        joblib.write_bytes(model)
        python = Environments(server.settings.environments).prepare(SKLEARN).path / "bin" / "python"
        alone = float(subprocess.check_output([python, "-c", IN_PROCESS, str(joblib), str(table)]))
        server.client("s3").upload_file(str(table), "tests", "bench-rows/rows.csv")
    job = _transform(server, "s3://tests/bench-rows/rows.csv")
    seconds = (job["TransformEndTime"] - job["TransformStartTime"]).total_seconds()
    return {
        "name": "Transform, rows/s beside predict in one process",
        "goal": ">= 0.8",
        "transform": round(rows / seconds),
        "in_process": round(rows / alone),
        "ratio": round(alone / seconds, 2),
    }


RELEASE_FIGURES: tuple[Callable[[Server], dict[str, Any]], ...] = (
    upload_to_start,
    approval_to_start,
    step_overhead,
    many_executions,
    transform_rate,
)


def _transform(server: Server, source: str) -> dict[str, Any]:
    sagemaker = server.client("sagemaker")
    data = put(
        server,
        "tests",
        "bench-transform/model.tar.gz",
        archive({"model.joblib": _model(server, "bench-transform"), "code/inference.py": SERVE}),
    )
    container = {"Image": SKLEARN, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    sagemaker.create_model(ModelName="bench-transform", PrimaryContainer=container, ExecutionRoleArn=server.role)
    sagemaker.create_transform_job(
        TransformJobName="bench-transform",
        ModelName="bench-transform",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": "s3://tests/bench-out", "AssembleWith": "Line", "Accept": "text/csv"},
        TransformResources={"InstanceType": INSTANCE, "InstanceCount": 1},
        BatchStrategy="MultiRecord",
    )

    def ended() -> dict[str, Any] | None:
        job = sagemaker.describe_transform_job(TransformJobName="bench-transform")
        return job if job["TransformJobStatus"] != "InProgress" else None

    job = eventually(ended, 300)
    if job["TransformJobStatus"] != "Completed":
        raise RuntimeError(job.get("FailureReason"))
    return job


def _pipeline(server: Server, name: str, steps: list[dict[str, Any]]) -> str:
    definition = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": steps}
    answer = server.client("sagemaker").create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps(definition),
        ClientRequestToken=f"{name}-{time.time_ns()}".rjust(32, "-"),
        RoleArn=server.role,
    )
    return str(answer["PipelineArn"])


def _target(server: Server, rule: str, arn: str) -> None:
    target = {
        "Id": "pipeline",
        "Arn": arn,
        "RoleArn": server.role,
        "SageMakerPipelineParameters": {"PipelineParameterList": []},
    }
    server.client("events").put_targets(Rule=rule, Targets=[target])


def _until_started(server: Server, pipeline: str, count: int) -> float:
    """Seconds from now to the StartTime of the newest of `count` executions, once there are so many."""
    now = datetime.now(UTC)
    sagemaker = server.client("sagemaker")

    def newest() -> datetime | None:
        found = sagemaker.list_pipeline_executions(PipelineName=pipeline, MaxResults=100)[
            "PipelineExecutionSummaries"
        ]
        return max(item["StartTime"] for item in found) if len(found) >= count else None

    return (eventually(newest, 60) - now).total_seconds()


def _fail(name: str) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "the end"}}


def _conditions(server: Server, count: int) -> float:
    """Seconds that a chain of conditions takes from start to end."""
    steps = [
        {
            "Name": f"c{number}",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
                "IfSteps": [],
                "ElseSteps": [],
            },
            **({"DependsOn": [f"c{number - 1}"]} if number else {}),
        }
        for number in range(count)
    ]
    return _seconds_of(server, _pipeline(server, f"bench-c{count}", steps))


def _job(server: Server, name: str, after: str | None = None) -> dict[str, Any]:
    arguments = {
        "AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": ["python", "-c", "print(1)"]},
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": INSTANCE, "VolumeSizeInGB": 1}},
        "RoleArn": server.role,
    }
    step = {"Name": name, "Type": "Processing", "Arguments": arguments}
    return {**step, "DependsOn": [after]} if after else step


def _job_seconds(server: Server) -> float:
    """The same job without a pipeline, from Create to its terminal state."""
    sagemaker = server.client("sagemaker")
    begun = time.perf_counter()
    sagemaker.create_processing_job(ProcessingJobName="bench-alone", **_job(server, "x")["Arguments"])
    eventually(
        lambda: (
            sagemaker.describe_processing_job(ProcessingJobName="bench-alone")["ProcessingJobStatus"] == "Completed"
        )
    )
    return time.perf_counter() - begun


def _seconds_of(server: Server, pipeline_arn: str) -> float:
    sagemaker = server.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName=pipeline_arn)["PipelineExecutionArn"]

    def ended() -> dict[str, Any] | None:
        run = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return run if run["PipelineExecutionStatus"] not in {"Executing", "Stopping"} else None

    run = eventually(ended, 300)
    if run["PipelineExecutionStatus"] != "Succeeded":
        raise RuntimeError(run.get("FailureReason"))
    return float((run["LastModifiedTime"] - run["CreationTime"]).total_seconds())


def _running(server: Server, pipeline: str) -> bool:
    found = server.client("sagemaker").list_pipeline_executions(PipelineName=pipeline, MaxResults=100)
    return any(item["PipelineExecutionStatus"] == "Executing" for item in found["PipelineExecutionSummaries"])


def _inference() -> dict[str, Any]:
    return {
        "InferenceSpecification": {
            "Containers": [{"Image": SKLEARN, "ModelDataUrl": "s3://tests/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
    }


def _model(server: Server, job: str) -> bytes:
    body = server.client("s3").get_object(Bucket="tests", Key=f"output/{job}/output/model.tar.gz")["Body"].read()
    return _member(body, "model.joblib")


def _member(body: bytes, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tar.gz"
        path.write_bytes(body)
        return subprocess.check_output(["tar", "-xzOf", path, "--wildcards", f"*{name}"])


def _clock(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _tail(name: str, values: list[float], goal: str) -> dict[str, Any]:
    return {
        "name": name,
        "median": round(statistics.median(values), 3),
        "p95": round(_p95(values), 3),
        "max": round(max(values), 3),
        "n": len(values),
        "goal": goal,
    }
