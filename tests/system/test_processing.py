"""Processing jobs through boto3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.server import INSTANCE, SKLEARN, Server, eventually, log_of, put

SCRIPT = b"""
import os, sys
rows = open("/opt/ml/processing/input/data/rows.csv").read().split()
os.makedirs("/opt/ml/processing/out/deep", exist_ok=True)
open("/opt/ml/processing/out/deep/sum.txt", "w").write(str(sum(map(int, rows))))
open("/opt/ml/output/message", "w").write("summed " + sys.argv[1])
print("rows", len(rows), os.environ["UNIT"])
"""


def run(
    server: Server, name: str, script: bytes, inputs: Sequence[dict[str, Any]] = (), **changes: Any
) -> dict[str, Any]:
    code = put(server, "tests", f"{name}/code/script.py", script)
    data = put(server, "tests", f"{name}/data/rows.csv", b"1\n2\n3\n")
    sagemaker = server.client("sagemaker")
    request: dict[str, Any] = {
        "ProcessingJobName": name,
        "RoleArn": server.role,
        "AppSpecification": {
            "ImageUri": SKLEARN,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
            "ContainerArguments": ["well"],
        },
        "Environment": {"UNIT": "test"},
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/input/{name}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for name, uri in (("code", code), ("data", data.rsplit("/", 1)[0]))
        ]
        + list(inputs),
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://tests/{name}/out",
                        "LocalPath": "/opt/ml/processing/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {"ClusterConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1}},
    }
    sagemaker.create_processing_job(**{**request, **changes})

    def look() -> dict[str, Any] | None:
        job = sagemaker.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return eventually(look, 60)


def test_inputs_become_outputs(server: Server) -> None:
    job = run(server, "sums", SCRIPT)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "summed well"
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    body = server.client("s3").get_object(Bucket="tests", Key="sums/out/deep/sum.txt")["Body"].read()
    assert body == b"6"
    assert "rows 3 test" in log_of(server, "/aws/sagemaker/ProcessingJobs", "sums/")


SHARED = b"""
import json, os
told = json.load(open("/opt/ml/config/resourceconfig.json"))
me = told["current_host"]
mine = sorted(os.listdir("/opt/ml/processing/input/shared"))
print("told", me, told["hosts"], mine)
os.makedirs("/opt/ml/processing/out", exist_ok=True)
for name in (me, "same"):
    open("/opt/ml/processing/out/" + name, "w").write(me + str(mine))
open("/opt/ml/output/message", "w").write("from " + me + ". ")
"""


def test_several_instances_share_the_input_and_fill_one_output(server: Server) -> None:
    for number in range(3):
        data = put(server, "tests", f"shared-sums/shared/{number}.csv", b"1\n")
    source = {
        "S3Uri": data.rsplit("/", 1)[0],
        "LocalPath": "/opt/ml/processing/input/shared",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "ShardedByS3Key",
    }
    cluster = {"ClusterConfig": {"InstanceType": INSTANCE, "InstanceCount": 2, "VolumeSizeInGB": 1}}
    shared = [{"InputName": "shared", "S3Input": source}]
    job = run(server, "shared-sums", SHARED, shared, ProcessingResources=cluster)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "from algo-1. from algo-2. "
    lines = [log_of(server, "/aws/sagemaker/ProcessingJobs", f"shared-sums/algo-{number}-") for number in (1, 2)]
    assert "told algo-1 ['algo-1', 'algo-2'] ['0.csv', '2.csv']" in lines[0]
    assert "told algo-2 ['algo-1', 'algo-2'] ['1.csv']" in lines[1]
    s3 = server.client("s3")
    bodies = {
        item["Key"].rpartition("/")[2]: s3.get_object(Bucket="tests", Key=item["Key"])["Body"].read().decode()
        for item in s3.list_objects_v2(Bucket="tests", Prefix="shared-sums/out/")["Contents"]
    }
    first, second = "algo-1['0.csv', '2.csv']", "algo-2['1.csv']"
    assert bodies == {"algo-1": first, "algo-2": second, "same": first}


def test_a_failure_keeps_its_message_and_says_why(server: Server) -> None:
    script = b"open('/opt/ml/output/message', 'w').write('half way')\nraise RuntimeError('no more')\n"
    job = run(server, "breaks", script)
    assert job["ProcessingJobStatus"] == "Failed"
    assert "no more" in job["FailureReason"]
    assert job["ExitMessage"] == "half way"


def test_the_time_limit_fails_the_job_and_names_the_limit(server: Server) -> None:
    job = run(server, "slow", b"import time; time.sleep(100)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["ProcessingJobStatus"] == "Failed"
    assert "MaxRuntimeInSeconds" in job["FailureReason"]


def test_symlinks_are_not_followed_out_of_the_job(server: Server) -> None:
    script = b"""
import os
os.symlink('/etc/passwd', '/opt/ml/processing/out/stolen')
open('/opt/ml/processing/out/mine', 'w').write('1')
"""
    assert run(server, "links", script)["ProcessingJobStatus"] == "Completed"
    listed = server.client("s3").list_objects_v2(Bucket="tests", Prefix="links/out/")["Contents"]
    assert [item["Key"] for item in listed] == ["links/out/mine"]
