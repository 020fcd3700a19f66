"""Pipelines that run, through boto3: every kind of step that ends in seconds, branches, failures, stops, retries."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import INSTANCE, SKLEARN, Server, archive, eventually, put
from tests.system.test_lambda import create, role

CLUSTER = {"InstanceCount": 1, "InstanceType": INSTANCE, "VolumeSizeInGB": 1}


def job(server: Server, name: str, code: str = "pass", outputs: str = "", **members: Any) -> dict[str, Any]:
    """A processing step that runs a line of Python; `outputs` names one that goes to S3."""
    arguments: dict[str, Any] = {
        "AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": ["python", "-c", code]},
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "RoleArn": server.role,
    }
    if outputs:
        s3 = {
            "S3Uri": f"s3://pipelines/{uuid.uuid4().hex}",
            "LocalPath": "/opt/ml/processing/out",
            "S3UploadMode": "EndOfJob",
        }
        arguments["ProcessingOutputConfig"] = {"Outputs": [{"OutputName": outputs, "S3Output": s3}]}
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **members}


def condition(
    name: str, value: Any, limit: Any, yes: list[Any], no: list[Any] | None = None, **members: Any
) -> dict[str, Any]:
    test = {"Type": "GreaterThanOrEqualTo", "LeftValue": value, "RightValue": limit}
    arguments = {"Conditions": [test], "IfSteps": yes, "ElseSteps": no or []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **members}


def fail(message: Any, name: str = "Fail") -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def make(server: Server, name: str, steps: list[Any], parameters: list[Any] | None = None, **members: Any) -> None:
    put(server, "pipelines", "there", b"")
    text = json.dumps({"Version": "2020-12-01", "Parameters": parameters or [], "Steps": steps, **members})
    server.client("sagemaker").create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=server.role)


def start(server: Server, name: str, parameters: dict[str, str] | None = None, **request: Any) -> str:
    listed = [{"Name": key, "Value": value} for key, value in (parameters or {}).items()]
    answer = server.client("sagemaker").start_pipeline_execution(
        PipelineName=name, PipelineParameters=listed, **request
    )
    return str(answer["PipelineExecutionArn"])


def ended(server: Server, arn: str, status: str = "Succeeded") -> dict[str, Any]:
    sagemaker = server.client("sagemaker")

    def look() -> Any:
        told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return told if told["PipelineExecutionStatus"] not in {"Executing", "Stopping"} else None

    told: dict[str, Any] = eventually(look, 60)
    assert told["PipelineExecutionStatus"] == status, told.get("FailureReason")
    return told


def steps_of(server: Server, arn: str, **request: Any) -> dict[str, dict[str, Any]]:
    answer = server.client("sagemaker").list_pipeline_execution_steps(
        PipelineExecutionArn=arn, MaxResults=100, **request
    )
    return {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}


def run(server: Server, name: str, steps: list[Any], status: str = "Succeeded") -> tuple[dict[str, Any], str]:
    make(server, name, steps)
    arn = start(server, name)
    return ended(server, arn, status), arn


def test_steps_run_beside_each_other_and_after_what_they_need(server: Server) -> None:
    after = job(server, "Join", DependsOn=["Left", "Right"], DisplayName="the join", Description="of two")
    run_, arn = run(server, "run-parallel", [job(server, "Left"), job(server, "Right"), after])
    assert "FailureReason" not in run_
    found = steps_of(server, arn, SortOrder="Ascending")
    assert list(found) == ["Left", "Right", "Join"]
    assert list(steps_of(server, arn)) == ["Join", "Right", "Left"]
    assert found["Right"]["StartTime"] < found["Left"]["EndTime"]
    assert found["Join"]["StartTime"] >= max(found["Left"]["EndTime"], found["Right"]["EndTime"])
    assert (found["Join"]["StepDisplayName"], found["Join"]["StepDescription"]) == ("the join", "of two")
    assert {step["StepStatus"] for step in found.values()} == {"Succeeded"}
    assert {step["AttemptCount"] for step in found.values()} == {0}
    name = found["Left"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert re.fullmatch(rf"pipelines-{arn[-12:]}-left-[a-z0-9]{{10}}", name)
    tags = server.client("sagemaker").list_tags(ResourceArn=found["Left"]["Metadata"]["ProcessingJob"]["Arn"])["Tags"]
    assert {"Key": "sagemaker:pipeline-execution-arn", "Value": arn} in tags


def test_no_more_steps_run_at_a_time_than_the_start_allows(server: Server) -> None:
    make(server, "run-narrow", [job(server, name) for name in ("A", "B")])
    arn = start(server, "run-narrow", ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    ended(server, arn)
    found = steps_of(server, arn)
    assert found["B"]["StartTime"] >= found["A"]["EndTime"]


def test_a_measured_value_decides_which_branch_runs(server: Server) -> None:
    code = "import json; json.dump({'auc': {'value': 0.75}}, open('/opt/ml/processing/out/e.json', 'w'))"
    file = {"PropertyFileName": "Report", "OutputName": "report", "FilePath": "e.json"}
    measured = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "auc.value"}}
    limit = {"Get": "Parameters.Limit"}
    inner = condition("Inner", 1, 2, [fail("never")], [job(server, "Good")])
    words = ["AUC", measured, "is below", limit]
    steps = [
        job(server, "Evaluate", code, "report", PropertyFiles=[file]),
        condition("Gate", measured, limit, [inner], [fail({"Std:Join": {"On": " ", "Values": words}}, "Stop")]),
        job(server, "Last", DependsOn=["Gate"]),
    ]
    make(server, "run-gate", steps, [{"Name": "Limit", "Type": "Float", "DefaultValue": 0.7}])
    good, bad = start(server, "run-gate"), start(server, "run-gate", {"Limit": "0.9"})
    ended(server, good)
    found = steps_of(server, good)
    assert set(found) == {"Evaluate", "Gate", "Inner", "Good", "Last"}
    assert found["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    assert found["Inner"]["Metadata"] == {"Condition": {"Outcome": "False"}}
    assert found["Last"]["StartTime"] >= found["Good"]["EndTime"]
    assert ended(server, bad, "Failed")["FailureReason"].endswith("failed. Stop: AUC 0.75 is below 0.9")
    found = steps_of(server, bad)
    assert set(found) == {"Evaluate", "Gate", "Stop"}
    assert found["Stop"]["Metadata"] == {"Fail": {"ErrorMessage": "AUC 0.75 is below 0.9"}}


def test_a_failed_job_lets_its_sibling_finish_and_a_retry_runs_only_what_failed(server: Server) -> None:
    put(server, "pipelines", "there", b"")
    look = "import boto3; boto3.client('s3').head_object(Bucket='pipelines', Key='run-retry')"
    steps = [job(server, "Bad", look), job(server, "Slow", "import time; time.sleep(2)")]
    told, arn = run(server, "run-retry", [*steps, job(server, "After", DependsOn=["Bad"])], "Failed")
    assert "Bad" in told["FailureReason"]
    before = steps_of(server, arn)
    assert set(before) == {"Bad", "Slow"}
    assert before["Slow"]["StepStatus"] == "Succeeded"
    assert before["Bad"]["FailureReason"]
    put(server, "pipelines", "run-retry", b"")
    request = {"PipelineExecutionArn": arn, "ClientRequestToken": uuid.uuid4().hex}
    server.client("sagemaker").retry_pipeline_execution(**request)
    server.client("sagemaker").retry_pipeline_execution(**request)
    assert "FailureReason" not in ended(server, arn)
    after = steps_of(server, arn)
    assert after["Slow"] == before["Slow"]
    assert after["Bad"]["AttemptCount"] == 1
    assert "FailureReason" not in after["Bad"]
    assert after["After"]["StepStatus"] == "Succeeded"


def test_stopping_ends_the_jobs(server: Server) -> None:
    make(
        server,
        "run-stop",
        [job(server, "Long", "import time; time.sleep(300)"), job(server, "A", DependsOn=["Long"])],
    )
    arn = start(server, "run-stop")
    eventually(lambda: steps_of(server, arn).get("Long", {}).get("StepStatus") == "Executing")
    server.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)
    ended(server, arn, "Stopped")
    found = steps_of(server, arn)
    assert {name: step["StepStatus"] for name, step in found.items()} == {"Long": "Stopped"}
    name = found["Long"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    told = server.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    assert told["ProcessingJobStatus"] == "Stopped"


def test_a_step_with_the_same_inputs_is_taken_from_the_cache(server: Server) -> None:
    step = job(server, "Prepare", CacheConfig={"Enabled": True, "ExpireAfter": "p30d"})
    step["Arguments"]["Environment"] = {"DAY": {"Get": "Parameters.Day"}}
    make(server, "run-cache", [step], [{"Name": "Day", "Type": "String", "DefaultValue": "1"}])
    first = start(server, "run-cache")
    ended(server, first)
    again, other = start(server, "run-cache"), start(server, "run-cache", {"Day": "2"})
    ended(server, again)
    ended(server, other)
    made, hit, miss = (steps_of(server, arn)["Prepare"] for arn in (first, again, other))
    assert hit["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert hit["Metadata"] == made["Metadata"]
    assert "CacheHitResult" not in miss
    assert miss["Metadata"] != made["Metadata"]


def test_a_function_answers_outputs_and_gets_values_of_the_declared_types(server: Server) -> None:
    code = "def handler(event, context):\n    return {**event, 'twice': event['count'] * 2}\n"
    function = create(server, "run-lambda", role(server, "run-lambda"), code)["FunctionArn"]
    kinds = {"count": "Integer", "share": "Float", "loud": "Boolean", "word": "String"}
    given = {"count": "21", "share": "0.5", "loud": "false", "word": "7"}
    variables = ("PipelineName", "PipelineExecutionId", "PipelineExecutionArn", "StartDateTime")
    arguments = {name: {"Get": f"Parameters.{name}"} for name in kinds}
    arguments |= {name: {"Get": f"Execution.{name}"} for name in variables}
    arguments["experiment"] = {"Get": "PipelineExperimentConfig.ExperimentName"}
    outputs = [{"OutputName": name, "OutputType": "String"} for name in ("twice", "word")]
    step = {
        "Name": "Call",
        "Type": "Lambda",
        "FunctionArn": function,
        "Arguments": arguments,
        "OutputParameters": outputs,
    }
    twice = {"Get": "Steps.Call.OutputParameters['twice']"}
    text = [json.dumps(twice), twice]
    steps = [step, condition("Same", twice, 42, [fail({"Std:Join": {"On": "=", "Values": text}})])]
    parameters = [{"Name": name, "Type": kind} for name, kind in kinds.items()]
    config = {"ExperimentName": "mine"}
    make(server, "run-lambda", steps, parameters, PipelineExperimentConfig=config)
    arn = start(server, "run-lambda", given)
    assert ended(server, arn, "Failed")["FailureReason"].endswith(f": {json.dumps(twice)}=42")
    told = steps_of(server, arn)["Call"]["Metadata"]["Lambda"]
    assert told["Arn"] == function
    assert told["OutputParameters"] == [{"Name": "twice", "Value": "42"}, {"Name": "word", "Value": "7"}]
    told = server.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    assert told["PipelineExperimentConfig"] == {"ExperimentName": "mine", "TrialName": arn[-12:]}


def test_a_function_that_fails_fails_its_step(server: Server) -> None:
    code = "def handler(event, context):\n    raise ValueError('as asked')\n"
    function = create(server, "run-raises", role(server, "run-raises"), code)["FunctionArn"]
    step = {"Name": "Call", "Type": "Lambda", "FunctionArn": function, "Arguments": {}}
    gone = {**step, "Name": "Gone", "FunctionArn": f"{function}-gone"}
    told, arn = run(server, "run-raises", [step, gone], "Failed")
    found = steps_of(server, arn)
    assert "ValueError: as asked" in found["Call"]["FailureReason"]
    assert "not found" in found["Gone"]["FailureReason"]
    assert "Call" in told["FailureReason"]


@pytest.mark.parametrize("good", [True, False])
def test_somebody_outside_answers_a_callback(server: Server, good: bool) -> None:
    name = f"run-callback-{good}".lower()
    sqs, sagemaker = server.client("sqs"), server.client("sagemaker")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    step = {
        "Name": "Ask",
        "Type": "Callback",
        "SqsQueueUrl": queue,
        "Arguments": {"what": {"Get": "Execution.PipelineName"}},
        "OutputParameters": [{"OutputName": "score", "OutputType": "Float"}],
    }
    score = {"Get": "Steps.Ask.OutputParameters['score']"}
    make(server, name, [step, condition("Enough", score, 0.5, [])])
    arn = start(server, name)
    body = json.loads(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]["Body"])
    token = body.pop("token")
    assert re.fullmatch("[a-zA-Z0-9]{10}", token)
    assert body == {"pipelineExecutionArn": arn, "arguments": {"what": name}, "status": "Executing"}
    if good:
        answer = {"CallbackToken": token, "OutputParameters": [{"Name": "score", "Value": "0.75"}]}
        assert sagemaker.send_pipeline_execution_step_success(**answer)["PipelineExecutionArn"] == arn
        sagemaker.send_pipeline_execution_step_success(**answer)
        ended(server, arn)
        shown = steps_of(server, arn)["Ask"]["Metadata"]["Callback"]
        assert shown == {"CallbackToken": token, "SqsQueueUrl": queue, "OutputParameters": answer["OutputParameters"]}
    else:
        sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="not today")
        assert "not today" in ended(server, arn, "Failed")["FailureReason"]
        with pytest.raises(ClientError, match="answered already"):
            sagemaker.send_pipeline_execution_step_success(CallbackToken=token)
        sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=uuid.uuid4().hex)
        eventually(lambda: steps_of(server, arn)["Ask"]["StepStatus"] == "Executing")
        with pytest.raises(ClientError, match="started anew"):
            sagemaker.send_pipeline_execution_step_success(CallbackToken=token)
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
        told: list[dict[str, Any]] = []

        def all_told() -> bool:
            messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            told.extend(json.loads(message["Body"]) for message in messages.get("Messages", []))
            return len(told) == 2

        eventually(all_told)
        assert sorted(body["status"] for body in told) == ["Executing", "Stopping"]
        token = told[0]["token"]
        assert token == told[1]["token"]
        sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="stopped")
        ended(server, arn, "Stopped")
    sagemaker.delete_pipeline(PipelineName=name)
    with pytest.raises(ClientError, match="not known"):
        sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="late")


def test_selected_steps_take_the_rest_from_an_earlier_execution(server: Server) -> None:
    code = "open('/opt/ml/processing/out/a', 'w').write('1')"
    uri = {"Get": "Steps.Make.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}
    use = job(server, "Use")
    use["Arguments"]["Environment"] = {"WHERE": uri}
    make(server, "run-some", [job(server, "Make", code, "out"), use, job(server, "Other")])
    first = start(server, "run-some")
    ended(server, first)
    chosen = {"SelectedSteps": [{"StepName": "Use"}], "SourcePipelineExecutionArn": first}
    second = start(server, "run-some", SelectiveExecutionConfig=chosen)
    ended(server, second)
    shown = steps_of(server, second)
    assert set(shown) == {"Make", "Use"}
    assert "SelectiveExecutionResult" not in shown["Use"]
    assert shown["Make"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": first}
    assert shown["Make"]["Metadata"] == steps_of(server, first)["Make"]["Metadata"]
    third = start(server, "run-some", SelectiveExecutionConfig={**chosen, "SourcePipelineExecutionArn": second})
    ended(server, third)
    assert steps_of(server, third)["Make"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": first}


def test_a_request_that_the_api_refuses_fails_the_step_with_its_words(server: Server) -> None:
    odd = job(server, "Odd")
    odd["Arguments"]["ProcessingResources"] = {"ClusterConfig": {**CLUSTER, "InstanceCount": "many"}}
    number = job(server, "Number")
    number["Arguments"]["ProcessingJobName"] = 7
    model = {"Name": "Model", "Type": "Model", "Arguments": {"PrimaryContainer": 3, "ExecutionRoleArn": server.role}}
    endpoint = {"Name": "Endpoint", "Type": "Endpoint", "Arguments": {"EndpointConfigName": "run-no-such"}}
    _, arn = run(server, "run-refused", [odd, model, endpoint, number], "Failed")
    found = steps_of(server, arn)
    assert found["Odd"]["StepStatus"] == found["Model"]["StepStatus"] == found["Endpoint"]["StepStatus"] == "Failed"
    assert "Could not find" in found["Endpoint"]["FailureReason"]
    assert "do not have the form" in found["Model"]["FailureReason"]
    assert re.fullmatch(r".*/7-[a-z0-9]{10}", found["Number"]["Metadata"]["ProcessingJob"]["Arn"])


def test_a_model_is_trained_and_deployed(server: Server) -> None:
    code = "open('/opt/ml/model/name.txt', 'w').write('x'); print('auc=0.5')"
    source = put(server, "pipelines", "deploy/sourcedir.tar.gz", archive({"train.py": f"import os\n{code}"}))
    training = {
        "AlgorithmSpecification": {
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9.]+)"}],
        },
        "RoleArn": server.role,
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": json.dumps(source),
        },
        "OutputDataConfig": {"S3OutputPath": "s3://pipelines/output"},
        "ResourceConfig": CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    auc = {"Get": "Steps.Train.FinalMetricDataList['auc'].Value"}
    serve = put(
        server, "pipelines", "deploy/code.tar.gz", archive({"inference.py": "def model_fn(d):\n    return 1\n"})
    )
    container = {
        "Image": SKLEARN,
        "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": serve},
    }
    variant = {
        "VariantName": "All",
        "ModelName": {"Get": "Steps.Model.ModelName"},
        "InstanceType": INSTANCE,
        "InitialInstanceCount": 1,
    }
    name = {"Get": "Steps.Config.EndpointConfigName"}
    deploy = [
        {
            "Name": "Model",
            "Type": "Model",
            "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": server.role},
        },
        {"Name": "Config", "Type": "EndpointConfig", "Arguments": {"ProductionVariants": [variant]}},
        {
            "Name": "Serve",
            "Type": "Endpoint",
            "Arguments": {"EndpointName": "run-deploy", "EndpointConfigName": name},
        },
    ]
    steps = [{"Name": "Train", "Type": "Training", "Arguments": training}, condition("Good", auc, 0.5, deploy)]
    _, arn = run(server, "run-deploy", steps)
    found = steps_of(server, arn)
    assert set(found) == {"Train", "Good", "Model", "Config", "Serve"}
    sagemaker = server.client("sagemaker")
    assert sagemaker.describe_endpoint(EndpointName="run-deploy")["EndpointStatus"] == "InService"
    assert found["Serve"]["Metadata"]["Endpoint"]["Arn"].endswith("endpoint/run-deploy")
    sagemaker.delete_endpoint(EndpointName="run-deploy")
