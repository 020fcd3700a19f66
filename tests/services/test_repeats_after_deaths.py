"""A call whose answer never came, because the process died before or after its commit, is made again: done once.

Every operation with an idempotency token is here; the operations come from the dispatch table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from clary.control.dispatch import OPERATIONS
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.pipelines.names import CALLBACK, STEP
from clary.store import database, resources
from clary.store.database import Database
from tests.services.calling import ACCOUNT, Client, Permissions
from tests.services.test_repeats import ROLE, TOKEN, ended, pipeline, sagemaker, scheduler

__all__ = ["sagemaker", "scheduler"]  # fixtures

SCHEDULE = {
    "Name": "s",
    "ClientToken": "once",
    "ScheduleExpression": "rate(1 day)",
    "StartDate": datetime(2027, 1, 1, tzinfo=UTC),
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "RoleArn": ROLE},
}
EARLIER = {**SCHEDULE, "ClientToken": "earlier"}
VERSION = {"ModelPackageGroupName": "g", "SourceUri": "s3://b/m"}
WIDER = {"ParallelismConfiguration": {"MaxParallelExecutionSteps": 2}}

Prepare = Callable[[Client], dict[str, Any]]


def started(client: Client, *statuses: str) -> dict[str, Any]:
    client("CreatePipeline", **pipeline("p" * 32))
    arn = client("StartPipelineExecution", PipelineName="p", ClientRequestToken="s" * 32)["PipelineExecutionArn"]
    if statuses:
        ended(client, arn, *statuses)
    return {"PipelineExecutionArn": arn, "ClientRequestToken": TOKEN}


def waiting(client: Client) -> dict[str, Any]:
    """A Callback step that waits for its answer."""
    arn, context = started(client)["PipelineExecutionArn"], client.context
    place = {"account": ACCOUNT, "region": context.region, "now": context.now}
    with context.database.write() as tx:
        step = resources.create(
            tx,
            kind=STEP,
            name="Ask",
            arn=f"{arn}/step/ask",
            parent=arn,
            status="Executing",
            document={"attempt": 1},
            **place,
        )
        document = {"step_id": step.id, "attempt": 1}
        resources.create(
            tx, kind=CALLBACK, name="back", arn=names.arn(context, CALLBACK, "back"), document=document, **place
        )
    return {"CallbackToken": "back", "ClientRequestToken": TOKEN}


def made(operation: str, then: dict[str, Any], **request: Any) -> Prepare:
    """Something is made first; the call that dies is about it."""

    def prepare(client: Client) -> dict[str, Any]:
        client(operation, **request)
        return then

    return prepare


@dataclass(frozen=True)
class Case:
    prepare: Prepare
    other: dict[str, Any]
    """What another request under the same token says; nothing where requests say nothing but their token."""


CASES: dict[tuple[str, str], Case] = {
    ("sagemaker", "CreateModelPackage"): Case(
        made("CreateModelPackageGroup", {**VERSION, "ClientToken": "once"}, ModelPackageGroupName="g"),
        {"SourceUri": "s3://b/n"},
    ),
    ("sagemaker", "CreatePipeline"): Case(lambda _client: pipeline(), {"PipelineDescription": "other"}),
    ("sagemaker", "DeletePipeline"): Case(
        made("CreatePipeline", {"PipelineName": "p", "ClientRequestToken": TOKEN}, **pipeline("p" * 32)),
        {"PipelineName": "q"},
    ),
    ("sagemaker", "RetryPipelineExecution"): Case(lambda client: started(client, "Failed"), WIDER),
    ("sagemaker", "SendPipelineExecutionStepFailure"): Case(waiting, {"FailureReason": "other"}),
    ("sagemaker", "SendPipelineExecutionStepSuccess"): Case(
        waiting, {"OutputParameters": [{"Name": "a", "Value": "b"}]}
    ),
    ("sagemaker", "StartPipelineExecution"): Case(
        made("CreatePipeline", {"PipelineName": "p", "ClientRequestToken": TOKEN}, **pipeline("p" * 32)), WIDER
    ),
    ("sagemaker", "StopPipelineExecution"): Case(started, {}),
    ("scheduler", "CreateSchedule"): Case(lambda _client: SCHEDULE, {"ScheduleExpression": "rate(2 days)"}),
    ("scheduler", "CreateScheduleGroup"): Case(
        lambda _client: {"Name": "g", "ClientToken": "once"}, {"Tags": [{"Key": "a", "Value": "b"}]}
    ),
    ("scheduler", "DeleteSchedule"): Case(
        made("CreateSchedule", {"Name": "s", "ClientToken": "once"}, **EARLIER), {"Name": "t"}
    ),
    ("scheduler", "DeleteScheduleGroup"): Case(
        made("CreateScheduleGroup", {"Name": "g", "ClientToken": "once"}, Name="g", ClientToken="earlier"),
        {"Name": "h"},
    ),
    ("scheduler", "UpdateSchedule"): Case(
        made("CreateSchedule", {**SCHEDULE, "ScheduleExpression": "rate(3 days)"}, **EARLIER),
        {"ScheduleExpression": "rate(4 days)"},
    ),
}


class Died(BaseException):
    """The process ended here."""


def die_at(wanted: str) -> Callable[[str], None]:
    def crash_here(name: str) -> None:
        if name == wanted:
            raise Died

    return crash_here


def revisions(context: Context) -> list[tuple[int, int, str]]:
    """Everything that is kept, and how often it was written."""
    with context.database.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT id, revision, status FROM resources ORDER BY id").all()
    return [(int(row[0]), int(row[1]), str(row[2])) for row in rows]


@pytest.mark.parametrize("point", ["store.before_commit", "store.after_commit"])
@pytest.mark.parametrize(("service", "operation"), CASES)
def test_a_call_without_an_answer_is_made_again(
    sagemaker: Client,
    scheduler: Client,
    context: Context,
    permissions: Permissions,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    operation: str,
    point: str,
) -> None:
    case = CASES[service, operation]
    request = case.prepare(sagemaker if service == "sagemaker" else scheduler)
    with monkeypatch.context() as patch:
        patch.setattr(database, "crash_here", die_at(point))
        with pytest.raises(Died):
            Client(service, OPERATIONS[service], context, permissions)(operation, **request)

    again = Database(context.settings.data / "clary.db")  # what a new process opens
    try:
        client = Client(service, OPERATIONS[service], replace(context, database=again), permissions)
        before = revisions(client.context)
        answer = client(operation, **request)
        after = revisions(client.context)
        assert (before == after) == (point == "store.after_commit"), "it is done once"
        assert client(operation, **request) == answer
        assert revisions(client.context) == after
        if case.other:
            client.fails(operation, "ConflictException", **{**request, **case.other})
        assert client(operation, **request) == answer
    finally:
        again.close()


def test_every_operation_with_a_token_is_here() -> None:
    session = botocore.session.get_session()
    with_token = {
        (service, operation)
        for service, operations in OPERATIONS.items()
        for operation in operations
        for shape in [session.get_service_model(service).operation_model(operation).input_shape]
        if shape and any(member.metadata.get("idempotencyToken") for member in shape.members.values())
    }
    assert with_token == set(CASES)
    assert len(CASES) == 13
