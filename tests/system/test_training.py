"""Training jobs through boto3: what a script sees, what comes back, and why a job failed."""

from __future__ import annotations

import io
import json
import tarfile
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.server import SKLEARN, Server, eventually, finished, log_of, put, train

GROUP = "/aws/sagemaker/TrainingJobs"

LOOK_AROUND = """
import json, os, sys, argparse
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--name")
args = parser.parse_args()
print("alpha", args.alpha, "name", args.name)
print("channel", sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])))
print("real", os.path.exists("/opt/ml/input/config/hyperparameters.json"), os.environ["SM_MODEL_DIR"])
print("job", os.environ["TRAINING_JOB_NAME"])
open(os.path.join(os.environ["SM_MODEL_DIR"], "weights.txt"), "w").write("42")
open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "report.json"), "w").write("{}")
"""


def test_a_script_trains_and_its_model_comes_back(server: Server) -> None:
    data = put(server, "tests", "look/data/rows.csv", b"1,2\n")
    job = train(
        server,
        "Look-Around",
        LOOK_AROUND,
        HyperParameters={"alpha": "0.5", "name": json.dumps("x y")},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data.rsplit("/", 1)[0]}},
            }
        ],
    )
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed", job.get("FailureReason")
    lines = log_of(server, GROUP, "Look-Around/algo-1-")
    assert "alpha 0.5 name x y" in lines
    assert "channel ['rows.csv']" in lines
    assert "real True /opt/ml/model" in lines
    assert "job Look-Around" in lines
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == "s3://tests/output/Look-Around/output/model.tar.gz"
    body = server.client("s3").get_object(Bucket="tests", Key="output/Look-Around/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as model:
        assert [m.name.removeprefix("./") for m in model.getmembers() if m.isfile()] == ["weights.txt"]
    keys = server.client("s3").list_objects_v2(Bucket="tests", Prefix="output/Look-Around/")["Contents"]
    assert "output/Look-Around/output/output.tar.gz" in [item["Key"] for item in keys]
    steps = [
        step["Status"] for step in job["SecondaryStatusTransitions"] if step["Status"] != "DownloadingTrainingImage"
    ]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(step["StatusMessage"] for step in job["SecondaryStatusTransitions"])
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] >= 1
    assert job["TrainingJobArn"].endswith(":training-job/look-around")


@pytest.mark.parametrize(
    ("name", "script", "words"),
    [
        ("import", "import no_such_library\n", ["AlgorithmError", "no_such_library"]),
        ("exit", "import sys\nprint('going')\nsys.exit(7)\n", ["AlgorithmError", "7"]),
        ("file", "open('/opt/ml/input/data/nothing.csv')\n", ["AlgorithmError", "nothing.csv"]),
        ("raise", "raise KeyError('column_x')\n", ["AlgorithmError", "column_x"]),
    ],
)
def test_a_failed_job_says_why(server: Server, name: str, script: str, words: list[str]) -> None:
    job = train(server, f"fail-{name}", script)
    assert job["TrainingJobStatus"] == "Failed"
    for word in words:
        assert word in job["FailureReason"]
    assert len(job["FailureReason"]) <= 1024


def test_wrong_inputs_are_the_clients_error(server: Server) -> None:
    channel = {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://tests/there/is/nothing"}},
    }
    job = train(server, "no-data", "print(1)", InputDataConfig=[channel])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError")
    assert "s3://tests/there/is/nothing" in job["FailureReason"]
    image = SKLEARN.replace("sagemaker-scikit-learn", "my-own-image")
    specification = {"TrainingImage": image, "TrainingInputMode": "File"}
    job = train(server, "own-image", "print(1)", AlgorithmSpecification=specification)
    assert job["TrainingJobStatus"] == "Failed"
    assert "my-own-image" in job["FailureReason"]


def test_a_job_may_only_read_what_its_role_may(server: Server) -> None:
    iam = server.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName="Narrow", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    job = train(server, "narrow", "print(1)", RoleArn=role)
    assert job["TrainingJobStatus"] == "Failed"
    assert "not authorized" in job["FailureReason"]
    assert "s3:GetObject" in job["FailureReason"]


def test_a_role_that_does_not_trust_sagemaker_is_refused(server: Server) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": server.installation.root_arn}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = server.client("iam").create_role(RoleName="People", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for refused in (role, role.replace("People", "Nobody"), server.installation.root_arn):
        with pytest.raises(ClientError, match=r"Could not assume role|regular expression"):
            train(server, "untrusted", "print(1)", RoleArn=refused)


def test_a_running_job_shows_metrics_and_finishes_when_it_is_stopped(server: Server) -> None:
    script = """
import os, signal, sys, time
def end(*_):
    open(os.environ["SM_MODEL_DIR"] + "/half.txt", "w").write("half")
    print("loss=0.25;")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("loss=0.5;", flush=True)
time.sleep(300)
"""
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    algorithm = {"TrainingImage": SKLEARN, "TrainingInputMode": "File", "MetricDefinitions": definitions}
    train(server, "to-stop", script, wait=False, AlgorithmSpecification=algorithm)
    assert eventually(lambda: _metrics(server, "to-stop")) == {"loss": 0.5}
    named = [{"Name": "TrainingJobName", "Value": "to-stop"}]
    (listed,) = server.client("cloudwatch").list_metrics(Dimensions=named)["Metrics"]
    assert (listed["Namespace"], listed["MetricName"]) == ("/aws/sagemaker/TrainingJobs", "loss")
    sagemaker = server.client("sagemaker")
    sagemaker.stop_training_job(TrainingJobName="to-stop")
    assert sagemaker.describe_training_job(TrainingJobName="to-stop")["TrainingJobStatus"] in {"Stopping", "Stopped"}
    job = finished(server, "to-stop")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert _metrics(server, "to-stop") == {"loss": 0.25}
    server.client("s3").head_object(Bucket="tests", Key="output/to-stop/output/model.tar.gz")
    sagemaker.stop_training_job(TrainingJobName="to-stop")
    assert finished(server, "to-stop")["TrainingJobStatus"] == "Stopped"


def test_the_time_limit_stops_a_job_and_keeps_the_model(server: Server) -> None:
    script = "import time, os\nopen(os.environ['SM_MODEL_DIR'] + '/x', 'w').write('1')\ntime.sleep(300)\n"
    job = train(server, "too-long", script, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    server.client("s3").head_object(Bucket="tests", Key="output/too-long/output/model.tar.gz")


def test_a_job_that_fills_its_volume_fails(server: Server) -> None:
    script = """
import os, time
with open("/opt/ml/model/huge", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 1100 * 1024 ** 2)
time.sleep(60)
"""
    job = train(server, "fills-volume", script)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: No space left on device")
    assert "VolumeSizeInGB" in job["FailureReason"]


def test_a_job_can_use_aws_apis_as_its_role(server: Server) -> None:
    script = """
import boto3
print("caller", boto3.client("sts").get_caller_identity()["Arn"])
print("objects", boto3.client("s3").list_objects_v2(Bucket="tests", Prefix="as-role/")["KeyCount"])
try:
    boto3.client("iam").create_user(UserName="made-by-a-job")
except boto3.client("iam").exceptions.ClientError as error:
    print("refused", error.response["Error"]["Code"])
"""
    put(server, "tests", "as-role/one", b"1")
    job = train(server, "as-role-job", script)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    lines = log_of(server, GROUP, "as-role-job/")
    assert any("assumed-role/ClaryExecutionRole/" in line for line in lines)
    assert "objects 1" in lines
    assert "refused AccessDenied" in lines


def test_requirements_are_installed_for_the_job(server: Server) -> None:
    script = "import iniconfig, sklearn\nprint('has', iniconfig.__name__, sklearn.__version__)\n"
    job = train(server, "requiring", script, files={"requirements.txt": "iniconfig==2.0.0\n"})
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert "has iniconfig 1.2.2" in log_of(server, GROUP, "requiring/")


def test_a_script_that_never_stops_printing_can_be_stopped(server: Server) -> None:
    train(server, "chatty", "while True:\n    print('x' * 200)\n", wait=False)
    sagemaker = server.client("sagemaker")
    eventually(lambda: sagemaker.describe_training_job(TrainingJobName="chatty")["SecondaryStatus"] == "Training")
    sagemaker.stop_training_job(TrainingJobName="chatty")
    assert finished(server, "chatty", 60)["TrainingJobStatus"] == "Stopped"


def test_requests_that_cannot_work_end_at_once_or_are_refused(server: Server) -> None:
    channel = {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://[x/y"}},
    }
    job = train(server, "bad-uri", "print(1)", InputDataConfig=[channel])
    assert job["TrainingJobStatus"] == "Failed"
    assert "s3://[x/y" in job["FailureReason"]
    with pytest.raises(ClientError, match="InstanceType"):
        train(server, "no-type", "print(1)", ResourceConfig={"InstanceCount": 1, "VolumeSizeInGB": 1})


def test_each_look_of_a_waiter_is_held_until_there_is_news(server: Server) -> None:
    """A second look would come after ten minutes, and fail."""
    train(server, "waited-for", "import time\ntime.sleep(1)\n", wait=False)
    waiter = server.client("sagemaker").get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="waited-for", WaiterConfig={"Delay": 600, "MaxAttempts": 1})


def test_the_sdks_first_look_is_held_and_others_are_not(server: Server) -> None:
    train(server, "held", "import time\ntime.sleep(2)\n", wait=False)
    begun = time.monotonic()
    status = server.client("sagemaker").describe_training_job(TrainingJobName="held")["TrainingJobStatus"]
    assert status == "InProgress"
    sdk = server.client("sagemaker", config=Config(user_agent_extra="AWS-SageMaker-Python-SDK/2.257.0"))
    assert sdk.describe_training_job(TrainingJobName="held")["TrainingJobStatus"] == "Completed"
    assert time.monotonic() - begun > 1


def _metrics(server: Server, job: str) -> dict[str, float]:
    told = server.client("sagemaker").describe_training_job(TrainingJobName=job).get("FinalMetricDataList") or []
    return {item["MetricName"]: item["Value"] for item in told}
