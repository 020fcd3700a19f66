"""The audit trail: what a record says and hides, and what survives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from clary.access.principals import Principal, role_session, root_principal, service_principal, user_principal
from clary.base.clock import SystemClock
from clary.base.errors import AccessDenied
from clary.control.audit import AuditTrail
from clary.control.audited_calls import HIDDEN, AuditedCall, entry_of, is_management, is_read
from clary.control.dispatch import OPERATIONS
from clary.store import audit
from clary.store.audit import Lookup
from clary.store.database import Database
from clary.wire.catalog import Catalog

ACCOUNT = "111122223333"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ALICE = user_principal(f"arn:aws:iam::{ACCOUNT}:user/teams/alice", "AIDAALICE00000000000")
CATALOG = Catalog()


def call(service: str, operation: str, parameters: dict[str, Any], **changes: Any) -> AuditedCall:
    made = AuditedCall(
        service=service,
        operation=operation,
        shapes=CATALOG.operation(service, operation),
        principal=ALICE,
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        region="us-east-1",
        at=NOW,
        request_id="r-1",
        source_address="10.1.2.3",
        user_agent="aws-cli/2",
        parameters=parameters,
        result={},
        error=None,
    )
    return replace(made, **changes)


def record(*arguments: Any, **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(entry_of(call(*arguments, **changes)).event)
    return event


def test_who_what_when_whence_and_how_it_went() -> None:
    made = call(
        "sagemaker",
        "CreateModel",
        {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::111122223333:role/r"},
        result={"ModelArn": "arn:aws:sagemaker:us-east-1:111122223333:model/m"},
    )
    entry = entry_of(made)
    event = json.loads(entry.event)
    assert event["userIdentity"] == {
        "type": "IAMUser",
        "principalId": "AIDAALICE00000000000",
        "arn": ALICE.arn,
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": "alice",
    }
    assert event["eventTime"] == "2026-03-04T05:06:07Z"
    assert (event["eventSource"], event["eventName"]) == ("sagemaker.amazonaws.com", "CreateModel")
    assert (event["sourceIPAddress"], event["userAgent"]) == ("10.1.2.3", "aws-cli/2")
    assert event["requestParameters"]["modelName"] == "m"
    assert event["responseElements"] == {"modelArn": "arn:aws:sagemaker:us-east-1:111122223333:model/m"}
    assert event["readOnly"] is False
    assert "errorCode" not in event
    assert set(zip(entry.resource_types, entry.resource_names, strict=True)) == {
        ("AWS::SageMaker::Model", "m"),
        ("AWS::IAM::Role", "arn:aws:iam::111122223333:role/r"),
        ("AWS::SageMaker::Model", "arn:aws:sagemaker:us-east-1:111122223333:model/m"),
    }


def test_a_failed_call_says_why() -> None:
    event = record("iam", "DeleteUser", {"UserName": "bob"}, result=None, error=AccessDenied("User alice may not"))
    assert (event["errorCode"], event["errorMessage"]) == ("AccessDenied", "User alice may not")
    assert event["responseElements"] is None
    told = record("sagemaker", "DeleteModel", {"ModelName": "m"}, result=None, error=AccessDenied("no"))
    assert told["errorCode"] == "AccessDeniedException"  # the code that this service's clients are told


SECRETS = [
    ("iam", "CreateAccessKey", {}, {"AccessKey": {"AccessKeyId": "AKIA1", "SecretAccessKey": "hush"}}),
    ("sts", "GetSessionToken", {}, {"Credentials": {"SecretAccessKey": "hush", "SessionToken": "hush"}}),
    ("ssm", "PutParameter", {"Name": "p", "Value": "hush", "Type": "SecureString"}, {}),
    ("lambda", "CreateFunction", {"Code": {"ZipFile": b"hush"}, "Environment": {"Variables": {"A": "hush"}}}, {}),
    ("sagemaker", "CreateTrainingJob", {"Environment": {"A": "hush"}}, {}),
    ("sagemaker", "CreateModel", {"PrimaryContainer": {"Environment": {"A": "hush"}}}, {}),
    ("events", "CreateConnection", {"AuthParameters": {"BasicAuthParameters": {"Password": "hush"}}}, {}),
    ("iam", "CreateLoginProfile", {"Password": "hush"}, {}),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "result"), SECRETS)
def test_no_secret_is_recorded(
    service: str, operation: str, parameters: dict[str, Any], result: dict[str, Any]
) -> None:
    text = entry_of(call(service, operation, parameters, result=result)).event
    assert "hush" not in text
    if "ZipFile" not in str(parameters) and not is_read(operation):
        assert HIDDEN in text


def test_records_are_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"x": deep}
    huge = {"ModelName": "m" * 100_000, "Tags": [{"Key": "k" * 5000, "Value": "v" * 5000}] * 5000, "Deep": deep}
    entry = entry_of(call("sagemaker", "CreateModel", huge, user_agent="u" * 100_000))
    assert len(entry.event) < 70_000
    assert json.loads(entry.event)["eventName"] == "CreateModel"


@pytest.mark.parametrize(
    ("principal", "kind", "username"),
    [
        (root_principal(ACCOUNT), "Root", "root"),
        (role_session(f"arn:aws:iam::{ACCOUNT}:role/a/R", "AROA1", "job-1"), "AssumedRole", "job-1"),
        (service_principal("events.amazonaws.com", ACCOUNT), "AWSService", "events.amazonaws.com"),
    ],
)
def test_other_callers(principal: Principal, kind: str, username: str) -> None:
    made = call("sagemaker", "CreateModel", {}, principal=principal, via="events.amazonaws.com")
    entry = entry_of(made)
    identity = json.loads(entry.event)["userIdentity"]
    assert (identity["type"], entry.username, identity["invokedBy"]) == (kind, username, "events.amazonaws.com")
    if kind == "AssumedRole":
        assert identity["sessionContext"]["sessionIssuer"]["userName"] == "R"


def test_data_is_not_management() -> None:
    data = {
        f"{service}:{name}"
        for service, names in OPERATIONS.items()
        for name in names
        if not is_management(service, name)
    }
    assert {"s3:GetObject", "s3:PutObject", "s3:ListObjectsV2", "sqs:SendMessage", "sns:Publish"} <= data
    assert {"lambda:Invoke", "logs:PutLogEvents", "events:PutEvents"} <= data
    assert not {"s3:PutPublicAccessBlock", "s3:DeletePublicAccessBlock", "s3:GetObjectLockConfiguration"} & data
    assert not {"s3:CreateBucket", "s3:ListBuckets", "sqs:CreateQueue", "lambda:CreateFunction"} & data
    assert not any(name.startswith(("iam:", "sts:", "sagemaker:")) for name in data)


def test_reads_are_told_from_writes() -> None:
    reads = {name for names in OPERATIONS.values() for name in names if is_read(name)}
    assert not {name for name in reads if name.startswith(("Create", "Delete", "Put", "Update", "Stop", "Start"))}
    assert {"DescribeModel", "ListUsers", "GetRole", "Search", "LookupEvents", "BatchDescribeModelPackage"} <= reads


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def names(database: Database) -> list[str]:
    with database.read() as tx:
        return [entry.name for entry, _ in audit.lookup(tx, Lookup(ACCOUNT, "us-east-1", 100))]


def test_calls_of_a_killed_control_come_into_the_table(database: Database, tmp_path: Path) -> None:
    """The first trail never gets to its end."""
    killed = AuditTrail(database, tmp_path / "audit", SystemClock())
    (tmp_path / "audit").mkdir()
    killed.record(call("iam", "CreateUser", {"UserName": "bob"}))
    killed.record(call("iam", "DeleteUser", {"UserName": "bob"}))
    (path,) = (tmp_path / "audit").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes() + b'["cut off')
    assert names(database) == []
    after = AuditTrail(database, tmp_path / "audit", SystemClock())
    after.start()
    after.record(call("iam", "ListUsers", {}))
    after.stop()
    assert sorted(names(database)) == ["CreateUser", "DeleteUser", "ListUsers"]
    assert list((tmp_path / "audit").iterdir()) == []


def test_no_call_is_lost_while_others_are_moved(database: Database, tmp_path: Path) -> None:
    trail = AuditTrail(database, tmp_path / "audit", SystemClock())
    trail.start()
    made = call("iam", "CreateUser", {"UserName": "bob"})
    writers = [Thread(target=lambda: [trail.record(made) for _ in range(50)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(20):
        trail.flush()
    for writer in writers:
        writer.join()
    trail.stop()
    with database.read() as tx:
        assert len(audit.lookup(tx, Lookup(ACCOUNT, "us-east-1", 1000))) == 200


def test_a_call_that_has_no_record_harms_no_other(database: Database, tmp_path: Path) -> None:
    trail = AuditTrail(database, tmp_path / "audit", SystemClock())
    trail.start()
    trail.record(call("iam", "ListUsers", {"Odd": {"a": [float]}}, at=None))
    trail.record(call("iam", "CreateUser", {"UserName": "bob"}, at=None))
    trail.record(call("iam", "GetUser", {"UserName": "bob"}))
    trail.stop()
    assert names(database) == ["GetUser"]
