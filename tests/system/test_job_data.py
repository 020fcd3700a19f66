"""The data side of jobs through boto3: pipes, manifests, shuffling, checkpoints, outputs while a job runs."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.server import SKLEARN, Server, eventually, finished, log_of, put, train
from tests.system.test_processing import run

GROUP = "/aws/sagemaker/TrainingJobs"


def channel(name: str, uri: str, kind: str = "S3Prefix", attributes: list[str] | None = None, **more: Any) -> Any:
    source: dict[str, Any] = {"S3DataType": kind, "S3Uri": uri}
    if attributes:
        source["AttributeNames"] = attributes
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


PIPES = """
import os, struct
base = "/opt/ml/input/data"
print("listed", sorted(os.listdir(base)), flush=True)
for epoch in (0, 1):
    print("plain", epoch, open(f"{base}/plain_{epoch}", "rb").read())
raw = open(f"{base}/records_0", "rb").read()
found = []
while raw:
    magic, size = struct.unpack("<II", raw[:8])
    assert magic == 0xCED7230A
    found.append(raw[8 : 8 + size].decode())
    raw = raw[8 + size + -size % 4 :]
print("records", found)
first, second = (open(f"{base}/mixed_{epoch}").read() for epoch in (0, 1))
print("mixed", first != second, sorted(first) == sorted(second) == sorted("abcdefghijklmnopqrstuvwxyz"))
with open(f"{base}/plain_2", "rb") as early:
    early.read(1)
print("again", open(f"{base}/plain_3", "rb").read(), os.path.exists(f"{base}/plain_0"))
"""


def test_pipes_are_fed_epoch_by_epoch(server: Server) -> None:
    for number in range(2):
        put(server, "tests", f"pipes/plain/{number}", gzip.compress(b"%d;" % number))
    for letter in "abcdefghijklmnopqrstuvwxyz":
        put(server, "tests", f"pipes/mixed/{letter}", letter.encode())
    image = put(server, "tests", "pipes/images/1", b"12345")
    lines = [{"image-ref": image, "label": number} for number in (1, 0)]
    manifest = put(server, "tests", "pipes/m.jsonl", "\n".join(map(json.dumps, lines)).encode())
    job = train(
        server,
        "piped",
        PIPES,
        AlgorithmSpecification={
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "Pipe",
        },
        InputDataConfig=[
            channel("plain", "s3://tests/pipes/plain/", CompressionType="Gzip"),
            channel(
                "records", manifest, "AugmentedManifestFile", ["label", "image-ref"], RecordWrapperType="RecordIO"
            ),
            channel("mixed", "s3://tests/pipes/mixed/", ShuffleConfig={"Seed": 7}),
        ],
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = log_of(server, GROUP, "piped/")
    assert "listed ['mixed_0', 'plain_0', 'records_0']" in lines
    assert {"plain 0 b'0;1;'", "plain 1 b'0;1;'", "again b'0;1;' False", "mixed True True"} <= set(lines)
    assert "records ['1', '12345', '0', '12345']" in lines


KEEPING = """
import os, signal, sys, time
old = {name: open("/opt/ml/checkpoints/" + name).read() for name in sorted(os.listdir("/opt/ml/checkpoints"))}
print("restored", old, flush=True)
def end(*_):
    open("/opt/ml/checkpoints/at-the-end", "w").write("2")
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
os.makedirs("/opt/ml/checkpoints/deep")
open("/opt/ml/checkpoints/deep/1", "w").write("1")
open("/opt/ml/model/weights", "w").write("half")
time.sleep(300)
"""


def test_checkpoints_go_to_s3_and_come_back(server: Server) -> None:
    put(server, "tests", "kept/earlier", b"0")
    put(server, "tests", "kept-not/this", b"0")
    begun = keys_of(server, "kept/")
    checkpoints = {"CheckpointConfig": {"S3Uri": "s3://tests/kept"}}
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
    }
    raw = {"OutputDataConfig": {"S3OutputPath": "s3://tests/output", "CompressionType": "NONE"}}
    train(server, "keeps", KEEPING, wait=False, **checkpoints, **spot, **raw)
    eventually(lambda: "kept/deep/1" in keys_of(server, "kept/"))
    assert finished_not(server, "keeps")
    server.client("sagemaker").stop_training_job(TrainingJobName="keeps")
    job = finished(server, "keeps")
    assert (job["TrainingJobStatus"], job["EnableManagedSpotTraining"]) == ("Stopped", True)
    assert keys_of(server, "kept/").keys() == {"kept/earlier", "kept/deep/1", "kept/at-the-end"}
    assert keys_of(server, "kept/")["kept/earlier"] == begun["kept/earlier"], "what came from S3 did not go back"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://tests/output/keeps/output/model/"
    assert list(keys_of(server, "output/keeps/")) == ["output/keeps/output/model/weights"]

    failing = "import os; print(sorted(os.listdir('/opt/ml/checkpoints'))); open('/opt/ml/model/m', 'w'); exit(9)"
    assert train(server, "resumes", failing, **checkpoints)["TrainingJobStatus"] == "Failed"
    assert "['at-the-end', 'deep', 'earlier']" in log_of(server, GROUP, "resumes/")
    assert "output/resumes/output/model.tar.gz" in keys_of(server, "output/resumes/")


CONTINUOUS = b"""
import boto3, sys, time
open("/opt/ml/processing/out/first", "w").write("1")
print("fed", open("/opt/ml/processing/in/data_0").read(), flush=True)
while not boto3.client("s3").list_objects_v2(Bucket="tests", Prefix="continuous/out/")["KeyCount"]:
    time.sleep(0.1)
open("/opt/ml/processing/out/second", "w").write("2")
sys.exit(1)
"""


def test_continuous_outputs_are_there_before_the_end_and_piped_inputs_are_fed(server: Server) -> None:
    data = put(server, "tests", "continuous/in/1.gz", gzip.compress(b"hello"))
    source = {"S3Uri": data, "LocalPath": "/opt/ml/processing/in/data", "S3DataType": "S3Prefix"}
    piped = {"InputName": "piped", "S3Input": {**source, "S3InputMode": "Pipe", "S3CompressionType": "Gzip"}}
    target = {"S3Uri": "s3://tests/continuous/out", "LocalPath": "/opt/ml/processing/out"}
    output = {"OutputName": "out", "S3Output": {**target, "S3UploadMode": "Continuous"}}
    job = run(
        server,
        "continuous",
        CONTINUOUS,
        inputs=[piped],
        ProcessingOutputConfig={"Outputs": [output]},
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert "fed hello" in log_of(server, "/aws/sagemaker/ProcessingJobs", "continuous/")
    keys = keys_of(server, "continuous/out/")
    assert keys.keys() == {"continuous/out/first", "continuous/out/second"}


@pytest.mark.parametrize(
    ("name", "uri", "words"),
    [
        ("no-prefix", "s3://tests/there/is/nothing", "S3 key: s3://tests/there/is/nothing matched no files on s3"),
        ("no-bucket", "s3://never-made-bucket/x", "NoSuchBucket (404): The specified bucket does not exist"),
        ("no-manifest", "s3://tests/no-manifest.json", "NoSuchKey (404): The specified key does not exist"),
    ],
)
def test_inputs_that_cannot_be_had(server: Server, name: str, uri: str, words: str) -> None:
    kind = "ManifestFile" if uri.endswith(".json") else "S3Prefix"
    job = train(server, name, "print(1)", InputDataConfig=[channel("train", uri, kind)])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Data download failed:{words}")


def keys_of(server: Server, prefix: str) -> dict[str, Any]:
    """Key and time of the last change of everything below a prefix."""
    listed = server.client("s3").list_objects_v2(Bucket="tests", Prefix=prefix)
    return {item["Key"]: item["LastModified"] for item in listed.get("Contents", [])}


def finished_not(server: Server, name: str) -> bool:
    return server.client("sagemaker").describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
