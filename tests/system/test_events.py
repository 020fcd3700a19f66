"""Events through a real server: what happens in S3 and SageMaker reaches the targets of rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import SKLEARN, Server, eventually


def make_group(server: Server, name: str) -> str:
    server.client("logs").create_log_group(logGroupName=name)
    installation = server.installation
    return f"arn:aws:logs:{installation.region}:{installation.account}:log-group:{name}"


def logged(server: Server, group: str) -> Callable[[], list[dict[str, Any]]]:
    logs = server.client("logs")
    return lambda: [json.loads(e["message"]) for e in logs.filter_log_events(logGroupName=group)["events"]]


def make_rule(
    server: Server, name: str, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default"
) -> str:
    events = server.client("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)["RuleArn"]
    answer = events.put_targets(Rule=name, EventBusName=bus, Targets=list(targets))
    assert answer["FailedEntries"] == []
    return str(arn)


def make_queue(server: Server, name: str, *services: str) -> tuple[str, str]:
    """URL and ARN of a queue that these services may send to."""
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statements = [
        {"Effect": "Allow", "Principal": {"Service": s}, "Action": "sqs:SendMessage", "Resource": arn}
        for s in services
    ]
    if services:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def received(server: Server, url: str) -> Callable[[], list[dict[str, Any]]]:
    sqs = server.client("sqs")
    found: list[dict[str, Any]] = []

    def look() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return found

    return look


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_an_upload_reaches_a_log_group(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="events-upload")
    s3.put_bucket_notification_configuration(
        Bucket="events-upload", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    group = make_group(server, "/aws/events/upload")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["events-upload"]}, "object": {"key": [{"suffix": ".csv"}]}},
    }
    make_rule(server, "upload", pattern, {"Id": "log", "Arn": group})
    s3.put_object(Bucket="events-upload", Key="notes.txt", Body=b"no")
    s3.put_object(Bucket="events-upload", Key="new data+1.csv", Body=b"1,2\n")
    (event,) = eventually(logged(server, "/aws/events/upload"))
    assert event["detail"]["object"]["key"] == "new data+1.csv"
    assert event["detail"]["object"]["size"] == 4
    assert event["detail"]["reason"] == "PutObject"
    assert event["resources"] == ["arn:aws:s3:::events-upload"]


def test_changes_of_sagemaker_are_told(server: Server) -> None:
    group = make_group(server, "/aws/events/models")
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model State Change"]}
    transformer = {"InputPathsMap": {"arn": "$.resources[0]"}, "InputTemplate": '{"model": <arn>}'}
    make_rule(server, "models", pattern, {"Id": "log", "Arn": group, "InputTransformer": transformer})
    sagemaker = server.client("sagemaker")
    container = {"Image": SKLEARN, "Environment": {}}
    arn = sagemaker.create_model(ModelName="told", PrimaryContainer=container, ExecutionRoleArn=server.role)[
        "ModelArn"
    ]
    wanted = {"model": arn}
    assert eventually(lambda: wanted in logged(server, "/aws/events/models")())


def test_classic_notifications_reach_a_queue(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="events-classic")
    url, arn = make_queue(server, "events-classic", "s3.amazonaws.com")
    rules = [{"Name": "prefix", "Value": "in/"}]
    configuration = {
        "Id": "csv",
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    wanted = {"QueueConfigurations": [configuration]}
    s3.put_bucket_notification_configuration(Bucket="events-classic", NotificationConfiguration=wanted)
    kept = s3.get_bucket_notification_configuration(Bucket="events-classic")["QueueConfigurations"]
    assert kept[0]["Filter"]["Key"]["FilterRules"] == [{"Name": "Prefix", "Value": "in/"}]
    s3.put_object(Bucket="events-classic", Key="out/a", Body=b"x")
    s3.put_object(Bucket="events-classic", Key="in/a b", Body=b"x")
    s3.delete_object(Bucket="events-classic", Key="in/a b")
    look = received(server, url)
    bodies = eventually(lambda: [json.loads(m["Body"]) for m in look()] if len(look()) >= 3 else [])
    assert bodies[0]["Event"] == "s3:TestEvent" or any(body.get("Event") == "s3:TestEvent" for body in bodies)
    records = [body["Records"][0] for body in bodies if "Records" in body]
    assert sorted(r["eventName"] for r in records) == ["ObjectCreated:Put", "ObjectRemoved:Delete"]
    assert {r["s3"]["object"]["key"] for r in records} == {"in/a+b"}


def test_targets_must_exist_for_notifications(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="events-nowhere")
    queue = f"arn:aws:sqs:us-east-1:{server.installation.account}:nowhere"
    wanted = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    put = s3.put_bucket_notification_configuration
    assert refused(lambda: put(Bucket="events-nowhere", NotificationConfiguration=wanted)) == "InvalidArgument"


def test_what_a_target_refuses_goes_to_its_dead_letter_queue_and_others_flow(server: Server) -> None:
    dead_url, dead = make_queue(server, "events-dead", "events.amazonaws.com")
    _, closed = make_queue(server, "events-closed")
    open_url, opened = make_queue(server, "events-open", "events.amazonaws.com")
    rule = make_rule(
        server,
        "poisoned",
        {"source": ["my.app"]},
        {"Id": "closed", "Arn": closed, "DeadLetterConfig": {"Arn": dead}},
        {"Id": "open", "Arn": opened, "InputPath": "$.detail"},
    )
    entry = {"Source": "my.app", "DetailType": "order", "Detail": '{"id": 7}'}
    answer = server.client("events").put_events(Entries=[entry, {**entry, "Detail": "no"}])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][1]["ErrorCode"] == "MalformedDetail"
    (letter,) = eventually(received(server, dead_url))
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == rule
    assert attributes["TARGET_ARN"] == closed
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    (message,) = eventually(received(server, open_url))
    assert json.loads(message["Body"]) == {"id": 7}


def test_a_bus_passes_events_on_to_another_and_a_circle_ends(server: Server) -> None:
    events = server.client("events")
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    assert refused(lambda: events.create_event_bus(Name="orders")) == "ResourceAlreadyExistsException"
    group = make_group(server, "/aws/events/orders")
    make_rule(server, "forward", {"source": ["my.shop"]}, {"Id": "bus", "Arn": bus, "RoleArn": server.role})
    make_rule(server, "receive", {"source": ["my.shop"]}, {"Id": "log", "Arn": group}, bus="orders")
    default = bus.replace("event-bus/orders", "event-bus/default")
    back = {"Id": "bus", "Arn": default, "RoleArn": server.role}
    make_rule(server, "back", {"source": ["my.shop"], "detail": {"price": [4]}}, back, bus="orders")
    sent = [{"Source": "my.shop", "DetailType": "sold", "Detail": json.dumps({"price": price})} for price in (3, 4)]
    sent[0]["TraceHeader"] = "Self=mine;Hops=16"  # believed from Clary alone
    once, circle = (entry["EventId"] for entry in events.put_events(Entries=sent)["Entries"])
    look = logged(server, "/aws/events/orders")
    eventually(lambda: len(look()) >= 1 + 8)
    found = look()
    assert [event["detail"] for event in found if event["id"] == once] == [{"price": 3}]
    assert [event["detail"] for event in found if event["id"] == circle] == [{"price": 4}] * 8, (
        "of 16 hops each other"
    )
    assert refused(lambda: events.delete_event_bus(Name="orders")) == "ValidationException"


def test_rules_are_listed_switched_and_deleted(server: Server) -> None:
    events = server.client("events")
    for number in range(3):
        events.put_rule(Name=f"listed-{number}", EventPattern='{"source": ["x"]}')
    first = events.list_rules(NamePrefix="listed-", Limit=2)
    rest = events.list_rules(NamePrefix="listed-", Limit=2, NextToken=first["NextToken"])
    assert [r["Name"] for r in first["Rules"] + rest["Rules"]] == ["listed-0", "listed-1", "listed-2"]
    assert "NextToken" not in rest
    events.disable_rule(Name="listed-0")
    assert events.describe_rule(Name="listed-0")["State"] == "DISABLED"
    group = make_group(server, "/aws/events/listed")
    kinesis = f"arn:aws:kinesis:us-east-1:{server.installation.account}:stream/x"
    answer = events.put_targets(Rule="listed-1", Targets=[{"Id": "a", "Arn": group}, {"Id": "b", "Arn": kinesis}])
    assert [entry["TargetId"] for entry in answer["FailedEntries"]] == ["b"]
    assert [target["Id"] for target in events.list_targets_by_rule(Rule="listed-1")["Targets"]] == ["a"]
    assert events.list_rule_names_by_target(TargetArn=group)["RuleNames"] == ["listed-1"]
    assert refused(lambda: events.delete_rule(Name="listed-1")) == "ValidationException"
    events.remove_targets(Rule="listed-1", Ids=["a"])
    events.delete_rule(Name="listed-1")
    assert refused(lambda: events.describe_rule(Name="listed-1")) == "ResourceNotFoundException"
    assert refused(lambda: events.put_rule(Name="bad", EventPattern='{"a": 1}')) == "InvalidEventPatternException"
    assert refused(lambda: events.put_rule(Name="bad", ScheduleExpression="rate(1 minutes)")) == "ValidationException"


def test_a_schedule_fires_once_and_deletes_itself(server: Server) -> None:
    scheduler = server.client("scheduler")
    url, arn = make_queue(server, "events-schedule")
    moment = datetime.now(UTC) + timedelta(seconds=1)
    request = {
        "Name": "once",
        "ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn, "RoleArn": server.role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
        "ActionAfterCompletion": "DELETE",
    }
    scheduler.create_schedule(**request)
    assert refused(lambda: scheduler.create_schedule(**request)) == "ConflictException"
    (message,) = eventually(received(server, url))
    assert json.loads(message["Body"]) == {"at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    eventually(lambda: not scheduler.list_schedules(NamePrefix="once")["Schedules"])
    assert refused(lambda: scheduler.get_schedule(Name="once")) == "ResourceNotFoundException"


def test_schedules_live_in_groups(server: Server) -> None:
    scheduler = server.client("scheduler")
    scheduler.create_schedule_group(Name="nightly", Tags=[{"Key": "team", "Value": "ml"}])
    arn = scheduler.get_schedule_group(Name="nightly")["Arn"]
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ml"}]
    topic = f"arn:aws:sns:us-east-1:{server.installation.account}:x"
    scheduler.create_schedule(
        Name="report",
        GroupName="nightly",
        ScheduleExpression="cron(0 3 ? * MON-FRI *)",
        ScheduleExpressionTimezone="Europe/Zurich",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        State="DISABLED",
        Target={"Arn": topic, "RoleArn": server.role},
    )
    found = scheduler.get_schedule(Name="report", GroupName="nightly")
    assert (found["ScheduleExpressionTimezone"], found["State"]) == ("Europe/Zurich", "DISABLED")
    assert [s["Name"] for s in scheduler.list_schedules(GroupName="nightly", State="DISABLED")["Schedules"]] == [
        "report"
    ]
    assert scheduler.list_schedules(GroupName="nightly", State="ENABLED")["Schedules"] == []
    scheduler.delete_schedule_group(Name="nightly")
    assert refused(lambda: scheduler.get_schedule(Name="report", GroupName="nightly")) == "ResourceNotFoundException"


def test_secrets_of_connections_are_not_shown(server: Server) -> None:
    events = server.client("events")
    basic = {"BasicAuthParameters": {"Username": "ann", "Password": "hidden-word"}}
    events.create_connection(Name="hook", AuthorizationType="BASIC", AuthParameters=basic)
    described = events.describe_connection(Name="hook")
    assert described["AuthParameters"]["BasicAuthParameters"] == {"Username": "ann"}
    assert "hidden-word" not in json.dumps([described, events.list_connections()], default=str)
    made = events.create_api_destination(
        Name="hook",
        ConnectionArn=described["ConnectionArn"],
        InvocationEndpoint="https://example.com/hook/*",
        HttpMethod="POST",
    )
    assert events.describe_api_destination(Name="hook")["ApiDestinationArn"] == made["ApiDestinationArn"]
    events.delete_api_destination(Name="hook")
    events.delete_connection(Name="hook")
    assert refused(lambda: events.describe_connection(Name="hook")) == "ResourceNotFoundException"


def test_every_way_to_make_and_remove_objects_is_told(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="events-ways")
    s3.put_bucket_notification_configuration(
        Bucket="events-ways", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    group = make_group(server, "/aws/events/ways")
    target = {"Id": "log", "Arn": group, "InputPath": "$.detail.reason"}
    make_rule(server, "ways", {"source": ["aws.s3"], "detail": {"bucket": {"name": ["events-ways"]}}}, target)
    s3.put_object(Bucket="events-ways", Key="a", Body=b"x")
    s3.copy_object(Bucket="events-ways", Key="b", CopySource="events-ways/a")
    upload = s3.create_multipart_upload(Bucket="events-ways", Key="c")["UploadId"]
    part = s3.upload_part(Bucket="events-ways", Key="c", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket="events-ways", Key="c", UploadId=upload, MultipartUpload=parts)
    s3.delete_objects(Bucket="events-ways", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "none"}]})
    s3.delete_object(Bucket="events-ways", Key="c")
    look = logged(server, "/aws/events/ways")
    reasons = eventually(lambda: look() if len(look()) >= 6 else [])
    assert sorted(str(reason) for reason in reasons) == [
        "CompleteMultipartUpload",
        "CopyObject",
        "DeleteObject",
        "DeleteObject",
        "DeleteObject",
        "PutObject",
    ]


def test_permissions_are_those_of_the_caller_and_of_the_target(server: Server) -> None:
    iam = server.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": server.installation.root_arn}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="ruler", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    statements = [
        {"Effect": "Allow", "Action": ["events:PutRule", "events:PutTargets"], "Resource": "*"},
        {"Effect": "Deny", "Action": "events:PutEvents", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="ruler", PolicyName="rules", PolicyDocument=policy)
    key = server.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    events = server.client(
        "events",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )
    group = make_group(server, "/aws/events/private")
    events.put_rule(Name="private", EventPattern='{"source": ["my.private"]}')
    put = events.put_targets
    assert refused(lambda: put(Rule="private", Targets=[{"Id": "a", "Arn": group}])) == "AccessDeniedException"
    bus = f"arn:aws:events:us-east-1:{server.installation.account}:event-bus/default"
    target = {"Id": "a", "Arn": bus.replace("default", "x"), "RoleArn": server.role}
    assert refused(lambda: put(Rule="private", Targets=[target])) == "AccessDeniedException"  # no iam:PassRole
    entry = {"Source": "my.private", "DetailType": "t", "Detail": "{}"}
    assert refused(lambda: events.put_events(Entries=[entry])) == "AccessDeniedException"
    answer = server.client("events").put_events(Entries=[{**entry, "Source": "aws.s3"}])
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
