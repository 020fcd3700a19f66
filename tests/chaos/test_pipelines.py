"""control dies at every boundary of every kind of step: the same end as without, and everything is made once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.test_crash_points import after_deaths
from tests.server import INSTANCE, SKLEARN, Server, archive, eventually, log_of, put, running_server
from tests.system.test_lambda import create, role
from tests.system.test_pipelines import CLUSTER, condition, fail, job, make, start, steps_of
from tests.system.test_tuning import SCORE, request

INSTANT = ("Condition", "EndpointConfig", "Fail", "Model", "RegisterModel")
LASTING = ("Callback", "Endpoint", "Lambda", "Processing", "Training", "Transform", "Tuning")
# Each kind where its own code makes something. What kinds share is tried with one of them: all before their calls,
# the four kinds of jobs at their ends; nothing is written between `started` and `executing`.
POINTS = frozenset(
    [
        "pipelines.before_start.Processing",
        *(f"pipelines.started.{kind}" for kind in (*INSTANT, *LASTING)),
        *(f"pipelines.running.{kind}" for kind in ("Lambda", "Training")),
        *(f"pipelines.finished.{kind}" for kind in ("Callback", "Endpoint", "Lambda", "Training", "Tuning")),
        "pipelines.recorded",
    ]
)
MODEL = "def model_fn(d):\n    return 1\ndef predict_fn(rows, model):\n    return rows\n"
TRAIN = """
import os, pathlib
print("started", flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "made.txt").write_text("model")
"""
MEASURE = "import json; json.dump({'auc': 0.9}, open('/opt/ml/processing/out/e.json', 'w'))"


@pytest.fixture
def struck(tmp_path: Path) -> Path:
    folder = tmp_path / "struck"
    folder.mkdir()
    return folder


@pytest.fixture
def dying(tmp_path: Path, struck: Path) -> Iterator[Server]:
    """The pause before a restart is kept short: here every death is wanted."""
    crashes = {"CLARY_CRASH_AT": ",".join(sorted(POINTS)), "CLARY_CRASH_ONCE": str(struck)}
    with running_server(tmp_path, CLARY_RESTART_PAUSE_SECONDS="0.05", **crashes) as server:
        yield server


def training(server: Server) -> dict[str, Any]:
    source = put(server, "pipelines", "train/sourcedir.tar.gz", archive({"train.py": TRAIN}))
    arguments = {
        "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
        "RoleArn": server.role,
        "HyperParameters": {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(source),
        },
        "OutputDataConfig": {"S3OutputPath": "s3://pipelines/output"},
        "ResourceConfig": CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return {"Name": "Train", "Type": "Training", "Arguments": arguments}


def tuning(server: Server) -> dict[str, Any]:
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    arguments = request(server, "unused", SCORE, ResourceLimits=limits)
    del arguments["HyperParameterTuningJobName"]
    return {"Name": "Tune", "Type": "Tuning", "Arguments": arguments}


def serving(server: Server) -> list[dict[str, Any]]:
    """Model, version, configuration, endpoint and transform job of what was trained."""
    code = put(server, "pipelines", "code.tar.gz", archive({"inference.py": MODEL}))
    data = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    variables = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": code}
    container = {"Image": SKLEARN, "ModelDataUrl": data, "Environment": variables}
    model = {"Get": "Steps.Model.ModelName"}
    variant = {"VariantName": "A", "ModelName": model, "InstanceType": INSTANCE, "InitialInstanceCount": 1}
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": put(server, "pipelines", "in/rows.csv", b"1\n2\n")}}
    steps = {
        ("Model", "Model"): {"PrimaryContainer": container, "ExecutionRoleArn": server.role},
        ("Register", "RegisterModel"): {
            "ModelPackageGroupName": "dying",
            "InferenceSpecification": {**specification, "SupportedResponseMIMETypes": ["text/csv"]},
        },
        ("Config", "EndpointConfig"): {"ProductionVariants": [variant]},
        ("Serve", "Endpoint"): {
            "EndpointName": "dying",
            "EndpointConfigName": {"Get": "Steps.Config.EndpointConfigName"},
        },
        ("Score", "Transform"): {
            "ModelName": model,
            "TransformInput": {"DataSource": source, "ContentType": "text/csv"},
            "TransformOutput": {"S3OutputPath": "s3://pipelines/scored"},
            "TransformResources": {"InstanceType": INSTANCE, "InstanceCount": 1},
        },
    }
    return [{"Name": name, "Type": kind, "Arguments": arguments} for (name, kind), arguments in steps.items()]


def pipeline(server: Server, queue: str) -> list[dict[str, Any]]:
    """Every kind of step, as many as can beside each other; the branch with Fail is not taken."""
    function = create(server, "dying", role(server, "dying"), "def handler(event, context):\n    return {'n': 1}\n")
    call = {"Name": "Call", "Type": "Lambda", "FunctionArn": function["FunctionArn"], "Arguments": {}}
    ask = {"Name": "Ask", "Type": "Callback", "SqsQueueUrl": queue, "Arguments": {}}
    file = {"PropertyFileName": "Report", "OutputName": "report", "FilePath": "e.json"}
    measured = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Measure.PropertyFiles.Report"}, "Path": "auc"}}
    return [
        {**call, "OutputParameters": [{"OutputName": "n", "OutputType": "Integer"}]},
        {**ask, "OutputParameters": []},
        job(server, "Measure", MEASURE, "report", PropertyFiles=[file]),
        training(server),
        tuning(server),
        condition("Good", measured, 0.5, serving(server), [fail("never")]),
    ]


def answer(server: Server, queue: str) -> None:
    """Give the callback its answer. A message that was sent twice has one token."""
    sqs = server.client("sqs")

    def receive() -> list[Any]:
        return sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])

    (message, *_) = eventually(lambda: after_deaths(receive), 300)
    token = json.loads(message["Body"])["token"]
    after_deaths(lambda: server.client("sagemaker").send_pipeline_execution_step_success(CallbackToken=token))


def end_of(server: Server, arn: str) -> dict[str, Any]:
    sagemaker = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return told if told["PipelineExecutionStatus"] != "Executing" else None

    return eventually(lambda: after_deaths(look), 300)


@pytest.mark.timeout(900)
def test_an_execution_survives_the_death_of_control_at_every_boundary_of_every_kind(
    dying: Server, struck: Path
) -> None:
    queue = dying.client("sqs").create_queue(QueueName="dying")["QueueUrl"]
    make(dying, "dying", pipeline(dying, queue))
    make(dying, "failing", [fail("as asked")])
    arn = start(dying, "dying")
    answer(dying, queue)
    told = end_of(dying, arn)
    found = after_deaths(lambda: steps_of(dying, arn))
    assert told["PipelineExecutionStatus"] == "Succeeded", {**told, **found}
    assert {step["StepStatus"] for step in found.values()} == {"Succeeded"}
    assert {step["AttemptCount"] for step in found.values()} == {0}
    assert len(found) == 11
    assert "Fail" not in found
    failed = after_deaths(lambda: start(dying, "failing", ClientRequestToken="f" * 32))
    assert end_of(dying, failed)["FailureReason"].endswith(": as asked")
    assert {path.name for path in struck.iterdir()} == POINTS
    once(dying, arn.rpartition("/")[2])


def once(server: Server, execution: str) -> None:
    """Each child exists once and has run once."""
    sagemaker = server.client("sagemaker")
    mine = {"NameContains": execution}
    made = Counter(
        {
            "training": len(sagemaker.list_training_jobs(**mine)["TrainingJobSummaries"]),
            "processing": len(sagemaker.list_processing_jobs(**mine)["ProcessingJobSummaries"]),
            "transform": len(sagemaker.list_transform_jobs(**mine)["TransformJobSummaries"]),
            "tuning": len(sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]),
            "trials": len(sagemaker.list_training_jobs()["TrainingJobSummaries"]) - 1,
            "models": len(sagemaker.list_models(**mine)["Models"]),
            "versions": len(sagemaker.list_model_packages(ModelPackageGroupName="dying")["ModelPackageSummaryList"]),
            "configurations": len(sagemaker.list_endpoint_configs(**mine)["EndpointConfigs"]),
            "endpoints": len(sagemaker.list_endpoints()["Endpoints"]),
        }
    )
    assert set(made.values()) == {1}, made
    lines = log_of(server, "/aws/sagemaker/TrainingJobs", f"pipelines-{execution}-Train")
    assert lines.count("started") == 1
