"""From what happens to what it starts, through several services: S3, EventBridge, SNS, SQS, Lambda, pipelines."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.server import SKLEARN, Server, eventually


def queue(server: Server, name: str, *services: str) -> tuple[str, str]:
    """(URL, ARN) of a queue into which these services may send."""
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    if services:
        principals = [f"{service}.amazonaws.com" for service in services]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": principals},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, arn


def receive(server: Server, url: str, count: int = 1) -> list[str]:
    """Bodies of `count` messages."""
    sqs = server.client("sqs")
    found: list[str] = []

    def look() -> bool:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        for message in answer.get("Messages", []):
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    eventually(look)
    return found


def function(server: Server, name: str, code: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("code.py", code)
    made = server.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=server.role,
        Handler="code.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=20,
    )
    return str(made["FunctionArn"])


def lines(server: Server, group: str) -> list[str]:
    logs = server.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def bucket(server: Server, name: str, **notifications: Any) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=notifications)


def test_a_topic_reaches_queues_by_their_filters(server: Server) -> None:
    sns = server.client("sns")
    topic = sns.create_topic(Name="flow-topic")["TopicArn"]
    everything, everything_arn = queue(server, "flow-all", "sns")
    some, some_arn = queue(server, "flow-some", "sns")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=everything_arn)
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=some_arn,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"level": ["high"]})},
    )
    for level in ("low", "high"):
        attribute = {"level": {"DataType": "String", "StringValue": level}}
        sns.publish(TopicArn=topic, Message=f"it is {level}", Subject="news", MessageAttributes=attribute)
    assert receive(server, some) == ["it is high"]
    envelopes = [json.loads(body) for body in receive(server, everything, 2)]
    assert {(item["Message"], item["Subject"], item["TopicArn"]) for item in envelopes} == {
        ("it is low", "news", topic),
        ("it is high", "news", topic),
    }


def test_an_upload_starts_a_pipeline_with_its_key_once_and_tells_a_queue(server: Server) -> None:
    sagemaker, events = server.client("sagemaker"), server.client("events")
    bucket(server, "flow-uploads", EventBridgeConfiguration={})
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Key"}}}
    parameter = {"Name": "Key", "Type": "String"}
    definition = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [parameter], "Steps": [step]}
    arn = sagemaker.create_pipeline(
        PipelineName="flow-pipe",
        PipelineDefinition=json.dumps(definition),
        RoleArn=server.role,
        ClientRequestToken="flow".rjust(32, "-"),
    )["PipelineArn"]
    url, queue_arn = queue(server, "flow-seen", "events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["flow-uploads"]}}}
    events.put_rule(Name="flow-rule", EventPattern=json.dumps(pattern))
    transformer = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '"saw <key>"'}
    answer = events.put_targets(
        Rule="flow-rule",
        Targets=[
            {
                "Id": "pipeline",
                "Arn": arn,
                "RoleArn": server.role,
                "SageMakerPipelineParameters": {
                    "PipelineParameterList": [{"Name": "Key", "Value": "$.detail.object.key"}]
                },
            },
            {"Id": "queue", "Arn": queue_arn, "InputTransformer": transformer},
        ],
    )
    assert answer["FailedEntryCount"] == 0
    server.client("s3").put_object(Bucket="flow-uploads", Key="in/a b.csv", Body=b"1")
    assert receive(server, url) == ['"saw in/a b.csv"']

    def ended() -> list[dict[str, Any]]:
        runs = sagemaker.list_pipeline_executions(PipelineName="flow-pipe")["PipelineExecutionSummaries"]
        return [run for run in runs if run["PipelineExecutionStatus"] == "Failed"]

    (run,) = eventually(ended)
    assert "in/a b.csv" in run["PipelineExecutionFailureReason"]


def ending(suffix: str) -> dict[str, Any]:
    return {"Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": suffix}]}}}


def test_classic_notifications_reach_a_queue_and_a_function(server: Server) -> None:
    url, queue_arn = queue(server, "flow-classic", "s3")
    code = (
        "def handler(event, context):\n    print('records', [r['s3']['object']['key'] for r in event['Records']])\n"
    )
    arn = function(server, "flow-records", code)
    server.client("lambda").add_permission(
        FunctionName="flow-records", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    bucket(
        server,
        "flow-classic",
        QueueConfigurations=[{"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"], **ending(".csv")}],
        LambdaFunctionConfigurations=[
            {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:Put"], **ending(".txt")}
        ],
    )
    for key in ("a b.csv", "a b.txt"):
        server.client("s3").put_object(Bucket="flow-classic", Key=key, Body=b"1")
    bodies = [json.loads(body) for body in receive(server, url, 2)]
    (record,) = [record for body in bodies for record in body.get("Records", [])]
    assert record["s3"]["object"]["key"] == "a+b.csv"
    eventually(lambda: any("records ['a+b.txt']" in line for line in lines(server, "/aws/lambda/flow-records")), 60)


def test_an_approval_is_an_event(server: Server) -> None:
    sagemaker, events = server.client("sagemaker"), server.client("events")
    url, queue_arn = queue(server, "flow-approved", "events")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["flow-group"], "ModelApprovalStatus": ["Approved"]},
    }
    events.put_rule(Name="flow-approved", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="flow-approved", Targets=[{"Id": "queue", "Arn": queue_arn}])
    sagemaker.create_model_package_group(ModelPackageGroupName="flow-group")
    inference = {
        "Containers": [{"Image": SKLEARN, "ModelDataUrl": "s3://tests/m.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName="flow-group", InferenceSpecification=inference)
    arn = arn["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    (body,) = receive(server, url)
    event = json.loads(body)
    assert event["resources"] == [arn]
    assert event["detail"]["ModelPackageArn"] == arn
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["InferenceSpecification"]["Containers"][0]["Image"] == SKLEARN
    assert event["detail"]["UpdatedModelPackageFields"] == ["ApprovalDescription", "ModelApprovalStatus"]


def test_an_asynchronous_call_that_fails_reaches_the_queue_for_failures(server: Server) -> None:
    url, queue_arn = queue(server, "flow-failures")
    function(server, "flow-raises", "def handler(event, context):\n    raise ValueError(event['why'])\n")
    client = server.client("lambda")
    client.put_function_event_invoke_config(
        FunctionName="flow-raises",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    answer = client.invoke(FunctionName="flow-raises", InvocationType="Event", Payload=b'{"why": "bad day"}')
    assert answer["StatusCode"] == 202
    record = json.loads(receive(server, url)[0])
    assert record["requestPayload"] == {"why": "bad day"}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"]["errorMessage"] == "bad day"
    logged = [line for line in lines(server, "/aws/lambda/flow-raises") if "bad day" in line]
    assert logged, "the function has run"
