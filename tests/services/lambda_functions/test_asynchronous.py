"""Asynchronous calls are queued for delivery, and Lambda may perform them in its own name."""

from __future__ import annotations

from typing import Any

import pytest

from clary.access.evaluation import AccessRequest, PolicySet, evaluate
from clary.access.principals import service_principal
from clary.services.context import Context
from clary.services.lambda_functions.aliases import route
from clary.services.lambda_functions.permissions import policies_of
from clary.store import deliveries, resources
from clary.store.functions import ALIAS
from tests.services.calling import ACCOUNT, Client

ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:given-up"


def queued(context: Context) -> list[dict[str, Any]]:
    with context.database.read() as tx:
        return [item.document for item in deliveries.due(tx, context.now, 10)]


def test_an_event_becomes_a_delivery(client: Client, context: Context) -> None:
    assert client("Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')["StatusCode"] == 202
    (found,) = queued(context)
    assert (found["target"], found["source"], found["service"]) == (ARN, ARN, "lambda.amazonaws.com")
    assert (found["body"], found["attempts"], found["seconds"]) == ('{"a": 1}', 2, 21_600)
    assert found["dead_letter"] is None


def test_the_configuration_decides_how_often_and_what_then(client: Client, context: Context) -> None:
    destination = {"OnFailure": {"Destination": QUEUE}}
    client("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0, DestinationConfig=destination)
    client("Invoke", FunctionName="f", InvocationType="Event")
    (found,) = queued(context)
    assert (found["attempts"], found["dead_letter"], found["body"]) == (0, None, "{}")
    parameters = found["options"]["LambdaParameters"]
    assert (parameters["OnFailure"], "OnSuccess" in parameters) == (QUEUE, False)
    client.fails(
        "PutFunctionEventInvokeConfig",
        "InvalidParameterValueException",
        FunctionName="f",
        DestinationConfig={"OnSuccess": {"Destination": f"{QUEUE}.fifo"}},
    )


def test_nothing_is_queued_for_what_is_not_there(client: Client, context: Context) -> None:
    client.fails("Invoke", "ResourceNotFoundException", FunctionName="g", InvocationType="Event")
    client.fails("Invoke", "ResourceNotFoundException", FunctionName="f", Qualifier="7", InvocationType="Event")
    client.fails("Invoke", "InvalidRequestContentException", FunctionName="f", InvocationType="Event", Payload=b"{")
    assert queued(context) == []


def allowed(context: Context, service: str, source: str) -> bool:
    who = service_principal(service, ACCOUNT)
    asked = AccessRequest(who, "lambda:InvokeFunction", ARN, {"aws:sourcearn": source})
    return evaluate(asked, PolicySet(resource=policies_of(context, {"FunctionName": "f"}))).allowed


def test_lambda_itself_may_perform_it_and_others_by_permission(client: Client, context: Context) -> None:
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
    assert allowed(context, "lambda.amazonaws.com", ARN)
    assert not allowed(context, "lambda.amazonaws.com", f"{ARN}2")
    assert not allowed(context, "events.amazonaws.com", rule)
    permission = {
        "FunctionName": "f",
        "StatementId": "rule",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": rule,
    }
    client("AddPermission", **permission)
    assert allowed(context, "events.amazonaws.com", rule)
    assert not allowed(context, "events.amazonaws.com", f"{rule}2")
    client.fails("AddPermission", "ResourceConflictException", **permission)


def test_weights_of_an_alias_share_the_calls(client: Client, context: Context) -> None:
    client("PublishVersion", FunctionName="f")
    client("UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    client("PublishVersion", FunctionName="f")
    weights = {"AdditionalVersionWeights": {"2": 0.25}}
    client("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)
    with context.database.read() as tx:
        alias = resources.find(tx, ACCOUNT, "us-east-1", ALIAS, "live", parent="f")
    assert alias is not None
    drawn = [route(alias, f"request-{number}") for number in range(1000)]
    assert 200 < drawn.count("2") < 300
    assert drawn.count("1") + drawn.count("2") == 1000


@pytest.mark.parametrize(
    "name",
    ["f", ARN, f"{ACCOUNT}:function:f", "f:$LATEST", f"{ARN}:$LATEST"],
)
def test_a_function_has_many_names(client: Client, name: str) -> None:
    assert client("GetFunctionConfiguration", FunctionName=name)["FunctionName"] == "f"


def test_names_that_are_none(client: Client) -> None:
    for name in ("f/../g", "arn:aws:s3:::f", "", "a" * 65):
        client.fails("GetFunction", "InvalidParameterValueException", FunctionName=name)
    client.fails("GetFunction", "ResourceNotFoundException", FunctionName=ARN.replace(ACCOUNT, "999999999999"))


def test_names_count_with_their_case(client: Client) -> None:
    client("CreateAlias", FunctionName="f", Name="live", FunctionVersion="$LATEST")
    for name in ("F", ARN.upper().replace("ARN:AWS:LAMBDA:US-EAST-1", "arn:aws:lambda:us-east-1"), "f:LIVE"):
        client.fails("GetFunction", "ResourceNotFoundException", FunctionName=name.replace("FUNCTION", "function"))
    role = client("GetFunction", FunctionName="f:live")["Configuration"]["Role"]
    code = {"ZipFile": b"-"}
    given = {"FunctionName": "F", "Runtime": "python3.11", "Handler": "app.handler", "Role": role, "Code": code}
    client.fails("CreateFunction", "ResourceConflictException", **given)


def test_changes_of_an_old_revision_lose(client: Client) -> None:
    old = client("GetFunctionConfiguration", FunctionName="f")["RevisionId"]
    client("UpdateFunctionConfiguration", FunctionName="f", Timeout=7, RevisionId=old)
    client.fails(
        "UpdateFunctionConfiguration", "PreconditionFailedException", FunctionName="f", Timeout=8, RevisionId=old
    )
    assert client("GetFunctionConfiguration", FunctionName="f")["Timeout"] == 7
