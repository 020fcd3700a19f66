"""Batch transform through boto3: outputs per object, order, filters and joins, partial failure, stopping."""

from __future__ import annotations

import gzip
import json
import os
import re
from datetime import UTC
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import INSTANCE, SKLEARN, Server, archive, eventually, log_of, put

MODEL = """
import time

def model_fn(model_dir):
    return 2.0

def input_fn(body, content_type):
    if "sleep" in body:
        time.sleep(300)
    return [float(line.split(",")[0]) for line in body.splitlines() if line]

def predict_fn(rows, model):
    return [model * value for value in rows]

def output_fn(prediction, accept):
    return "".join(f"{value}\\n" for value in prediction), "text/csv"
"""


# Tells for each row which server has answered.
TELLING = MODEL.replace("model * value", "os.getpid()").replace("import time", "import os\nimport time")


@pytest.fixture(scope="module", autouse=True)
def models(server: Server) -> None:
    for name, code in (("doubling", MODEL), ("telling", TELLING)):
        data = put(server, "transforms", f"{name}.tar.gz", archive({"code/inference.py": code}))
        container = {"Image": SKLEARN, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
        server.client("sagemaker").create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=server.role
        )


def transform(
    server: Server, name: str, *, wait: bool = True, kind: str = "S3Prefix", **changes: Any
) -> dict[str, Any]:
    source = {
        "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": f"s3://transforms/{name}/in"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
        **changes.pop("source", {}),
    }
    target = {"S3OutputPath": f"s3://transforms/{name}/out", "Accept": "text/csv", "AssembleWith": "Line"}
    sagemaker = server.client("sagemaker")
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=changes.pop("model", "doubling"),
        TransformInput=source,
        TransformOutput=target,
        TransformResources={"InstanceType": INSTANCE, "InstanceCount": changes.pop("instances", 1)},
        **changes,
    )
    return ended(server, name) if wait else {}


def ended(server: Server, name: str) -> dict[str, Any]:
    sagemaker = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        return job if job["TransformJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return eventually(look, 60)


def outputs(server: Server, name: str) -> dict[str, str]:
    s3 = server.client("s3")
    prefix = f"{name}/out/"
    listed = s3.list_objects_v2(Bucket="transforms", Prefix=prefix).get("Contents", [])
    return {
        item["Key"].removeprefix(prefix): s3.get_object(Bucket="transforms", Key=item["Key"])["Body"].read().decode()
        for item in listed
    }


def test_every_object_gets_its_output_in_order_below_its_own_path(server: Server) -> None:
    rows = "".join(f"{number},x\n" for number in range(300_000))
    put(server, "transforms", "order/in/a/many.csv", rows.encode())
    put(server, "transforms", "order/in/few.csv", b"1,x\n2,y")
    put(server, "transforms", "order/in/strange ..%2F/$(x).csv", b"5,z\n")
    job = transform(server, "order", MaxPayloadInMB=1, instances=2)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    found = outputs(server, "order")
    assert sorted(found) == ["a/many.csv.out", "few.csv.out", "strange ..%2F/$(x).csv.out"]
    assert found["a/many.csv.out"].splitlines() == [f"{2.0 * number}" for number in range(300_000)]
    assert found["few.csv.out"] == "2.0\n4.0\n"
    assert any("few.csv: 1 requests" in line for line in log_of(server, "/aws/sagemaker/TransformJobs", "order/"))
    with pytest.raises(ClientError, match="Completed"):
        server.client("sagemaker").stop_transform_job(TransformJobName="order")
    listed = server.client("sagemaker").list_transform_jobs(NameContains="order")["TransformJobSummaries"]
    assert [item["TransformJobStatus"] for item in listed] == ["Completed"]


def test_one_object_is_spread_over_the_instances(server: Server) -> None:
    put(server, "transforms", "spread/in/rows.csv", b"1,x\n" * 1_000_000)
    job = transform(server, "spread", MaxPayloadInMB=1, instances=2, model="telling")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    lines = outputs(server, "spread")["rows.csv.out"].splitlines()
    assert len(lines) == 1_000_000
    assert len(set(lines)) == min(2, len(os.sched_getaffinity(0)))


def test_what_was_read_and_written_is_captured(server: Server) -> None:
    for name in ("a.csv", "deep/b.csv"):
        put(server, "transforms", f"captured/in/{name}", b"3\n4\n")
    capture = {"DestinationS3Uri": "s3://transforms/capture/", "GenerateInferenceId": True}
    job = transform(server, "captured", DataCaptureConfig=capture)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    rows = [line.split(",") for line in outputs(server, "captured")["a.csv.out"].splitlines()]
    assert [row[0] for row in rows] == ["6.0", "8.0"]
    assert len({row[1] for row in rows}) == 2
    assert {row[2] for row in rows} == {job["CreationTime"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    s3 = server.client("s3")
    found = [item["Key"] for item in s3.list_objects_v2(Bucket="transforms", Prefix="capture/")["Contents"]]
    assert [re.sub(r"/\d{4}/\d\d/\d\d/\d\d/", "/", key) for key in found] == [
        "capture/input/captured.json",
        "capture/output/captured.json",
    ]
    read, written = (json.loads(s3.get_object(Bucket="transforms", Key=key)["Body"].read()) for key in found)
    assert read == [{"prefix": "s3://transforms/captured/in/"}, "a.csv", "deep/b.csv"]
    assert written == [{"prefix": "s3://transforms/captured/out/"}, "a.csv.out", "deep/b.csv.out"]


def test_filters_and_joins(server: Server) -> None:
    put(server, "transforms", "joined/in/rows.csv", b'id1,3,"a,b"\nid2,4,c\n')
    processing = {"InputFilter": "$[1]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    job = transform(server, "joined", DataProcessing=processing)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(server, "joined") == {"rows.csv.out": "id1,6.0\nid2,8.0\n"}


def test_one_bad_object_fails_the_job_and_spares_the_others(server: Server) -> None:
    put(server, "transforms", "partly/in/bad.csv", b"1\nnot a number\n")
    put(server, "transforms", "partly/in/good.csv", b"1\n")
    job = transform(server, "partly", ModelClientConfig={"InvocationsMaxRetries": 0})
    assert job["TransformJobStatus"] == "Failed"
    assert "1 of 2 objects failed. bad.csv: the model answered 500" in job["FailureReason"]
    assert outputs(server, "partly") == {"good.csv.out": "2.0\n"}


def test_manifest_and_gzip(server: Server) -> None:
    put(server, "transforms", "packed/data/x/one.csv.gz", gzip.compress(b"1\n2\n"))
    put(server, "transforms", "packed/data/two.csv.gz", gzip.compress(b"3\n"))
    manifest = [{"prefix": "s3://transforms/packed/data/"}, "x/one.csv.gz", "two.csv.gz"]
    put(server, "transforms", "packed/in", json.dumps(manifest).encode())
    strategy = {"source": {"CompressionType": "Gzip"}, "BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 2}
    job = transform(server, "packed", kind="ManifestFile", **strategy)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(server, "packed") == {"x/one.csv.gz.out": "2.0\n4.0\n", "two.csv.gz.out": "6.0\n"}


def test_a_stopped_job_leaves_no_output(server: Server) -> None:
    put(server, "transforms", "stopped/in/a.csv", b"1\n")
    put(server, "transforms", "stopped/in/b.csv", b"sleep\n")
    transform(server, "stopped", wait=False)
    sagemaker = server.client("sagemaker")
    eventually(lambda: "TransformStartTime" in sagemaker.describe_transform_job(TransformJobName="stopped"))
    sagemaker.stop_transform_job(TransformJobName="stopped")
    assert ended(server, "stopped")["TransformJobStatus"] == "Stopped"
    assert outputs(server, "stopped") == {}


def test_requests_that_cannot_work_are_refused(server: Server) -> None:
    with pytest.raises(ClientError, match="must not be above 100"):
        transform(server, "refused", MaxConcurrentTransforms=20, MaxPayloadInMB=6)
    with pytest.raises(ClientError, match="must be the same"):
        transform(server, "refused", source={"SplitType": "None"}, DataProcessing={"JoinSource": "Input"})
    with pytest.raises(ClientError, match="JSONPath"):
        transform(server, "refused", DataProcessing={"InputFilter": "$[?(@.x)]"})
    with pytest.raises(ClientError, match="Requested resource not found"):
        server.client("sagemaker").describe_transform_job(TransformJobName="refused")
