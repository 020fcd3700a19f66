"""Deliveries: taken, tried again, given up; the slow and the poisoned do not stop the others."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from clary.base.errors import AccessDenied, ApiError
from tests.engine.events.conftest import DEAD, QUEUE, World
from tests.server import eventually

RULE = "arn:aws:events:us-east-1:111122223333:rule/r"
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:f"


def unavailable(_parameters: Mapping[str, Any]) -> dict[str, Any]:
    raise ApiError("later", code="ServiceUnavailable", status=503)


def test_what_is_taken_is_gone(world: World) -> None:
    world.deliverer().perform(world.send(service="events.amazonaws.com", source="arn:rule"))
    ((name, parameters, actor),) = world.calls.made
    assert (name, parameters["MessageBody"]) == ("sqs:SendMessage", "{}")
    assert (actor.service, actor.source_arn, actor.role_arn) == ("events.amazonaws.com", "arn:rule", None)
    assert world.waiting() == []


def test_failures_are_tried_again_with_growing_pauses_and_then_buried(world: World) -> None:
    def behave(parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {} if parameters["QueueUrl"].endswith("/dead") else unavailable(parameters)

    world.calls.behave["SendMessage"] = behave
    world.send(attempts=4, dead_letter=DEAD, source=RULE, service="events.amazonaws.com")
    pauses = []
    for _ in range(4):
        (delivery,) = world.waiting()
        world.deliverer().perform(delivery)
        (delivery,) = world.waiting()
        pauses.append((delivery.due - world.clock.now()).total_seconds())
        world.clock.time = delivery.due
    assert pauses[3] > pauses[0]
    world.deliverer().perform(world.waiting()[0])
    world.deliverer().perform(world.waiting()[0])  # the letter
    assert world.waiting() == []
    letter = world.calls.of("sqs:SendMessage")[-1]
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": RULE,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "ERROR_FROM_TARGET",
        "ERROR_MESSAGE": "later",
        "RETRY_ATTEMPTS": "4",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }


def letter_of(world: World, refusal: ApiError, **sent: Any) -> dict[str, str]:
    """The attributes of the letter that one refusal leads to."""

    def refuse(_parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise refusal

    world.calls.behave["SendMessage"] = world.calls.behave["Invoke"] = refuse
    world.deliverer().perform(world.send(**{"attempts": 0, "dead_letter": DEAD, **sent}))
    (letter,) = world.waiting()
    return {name: value["StringValue"] for name, value in letter.document["options"]["MessageAttributes"].items()}


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (AccessDenied("no"), "NO_PERMISSIONS"),
        (ApiError("gone", code="QueueDoesNotExist", status=400), "NO_RESOURCE"),
        (ApiError("slowly", code="RequestThrottled", status=400), "THROTTLING"),
        (ApiError("what?", code="OddException", status=400), "SDK_CLIENT_ERROR"),
    ],
)
def test_letters_of_rules_have_the_codes_of_eventbridge(world: World, refusal: ApiError, code: str) -> None:
    found = letter_of(world, refusal, source=RULE)
    assert (found["ERROR_CODE"], found["RULE_ARN"], found["RETRY_ATTEMPTS"]) == (code, RULE, "0")
    assert ("EXHAUSTED_RETRY_CONDITION" in found) == (code == "THROTTLING")


def test_letters_of_schedules_name_the_schedule_and_its_time(world: World) -> None:
    schedule = "arn:aws:scheduler:us-east-1:111122223333:schedule/default/s"
    about = {"EXECUTION_ID": "e-1", "SCHEDULED_TIME": "2026-01-01T12:00:00Z"}
    assert letter_of(world, AccessDenied("no"), source=schedule, options={"Schedule": about}) == {
        **about,
        "SCHEDULE_ARN": schedule,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "AccessDeniedException",
        "ERROR_MESSAGE": "no",
        "RETRY_ATTEMPTS": "0",
        "IS_PAYLOAD_TRUNCATED": "false",
    }


def test_too_old_is_given_up(world: World) -> None:
    world.calls.behave["SendMessage"] = unavailable
    delivery = world.send(seconds=60)
    world.clock.move(61)
    world.deliverer().perform(delivery)
    assert world.waiting() == []


def test_what_can_never_succeed_is_given_up_at_once(world: World) -> None:
    def refuse(_parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise AccessDenied("no")

    world.calls.behave["SendMessage"] = refuse
    world.deliverer().perform(world.send())
    world.deliverer().perform(world.send("arn:aws:kinesis:us-east-1:1:stream/x"))
    world.deliverer().perform(world.send("ftp://example.com"))
    world.deliverer().perform(world.send("mailto:someone@example.com"))  # no mail server is configured
    assert world.waiting() == []


@pytest.mark.parametrize("code", ["ServiceUnavailable", "ThrottlingException", "AccessDenied", "QueueDoesNotExist"])
def test_a_dead_letter_waits_until_its_queue_takes_it(world: World, code: str) -> None:
    def refuse(_parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise ApiError("no", code=code, status=503 if code == "ServiceUnavailable" else 400)

    world.calls.behave["SendMessage"] = refuse
    world.deliverer().perform(world.send(attempts=0, seconds=0, dead_letter=DEAD, body="precious"))
    for _ in range(200):
        (letter,) = world.waiting()
        assert letter.document["target"] == DEAD
        assert letter.document["body"] == "precious"
        world.clock.time = max(letter.due, world.clock.time)
        world.deliverer().perform(letter)
    assert (world.waiting()[0].due - world.clock.now()).total_seconds() >= 300
    del world.calls.behave["SendMessage"]
    world.deliverer().perform(world.waiting()[0])
    assert world.waiting() == []
    assert world.calls.of("sqs:SendMessage")[-1]["MessageBody"] == "precious"


def test_a_dead_letter_that_is_too_old_is_named_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.calls.behave["SendMessage"] = unavailable
    world.deliverer().perform(world.send(attempts=0, dead_letter=DEAD, source="arn:rule"))
    (letter,) = world.waiting()
    world.clock.move(30 * 86_400)
    world.deliverer().perform(letter)
    assert world.waiting() == []
    (record,) = [record for record in caplog.records if record.message == "a dead letter is lost"]
    assert (record.__dict__["target"], record.__dict__["source"]) == (DEAD, "arn:rule")


def test_a_message_group_is_not_overtaken_by_itself(world: World) -> None:
    fifo = f"{QUEUE}.fifo"
    for body in ("1", "2", "3"):
        world.send(fifo, body, options={"SqsParameters": {"MessageGroupId": "a"}})
    world.send(fifo, "other", options={"SqsParameters": {"MessageGroupId": "b"}})
    assert [delivery.document["body"] for delivery in world.waiting()] == ["1", "other"]
    world.calls.behave["SendMessage"] = unavailable
    world.deliverer().perform(world.waiting()[0])
    assert [delivery.document["body"] for delivery in world.waiting()] == ["1", "other"], "the first is tried again"
    del world.calls.behave["SendMessage"]
    sent = []
    while waiting := world.waiting():
        sent.append(waiting[0].document["body"])
        world.deliverer().perform(waiting[0])
    assert sent == ["1", "2", "3", "other"]


def test_what_is_given_up_frees_its_message_group(world: World) -> None:
    fifo = f"{QUEUE}.fifo"
    for body in ("poison", "next"):
        world.send(fifo, body, options={"SqsParameters": {"MessageGroupId": "a"}}, dead_letter=f"{DEAD}.fifo")

    def behave(parameters: Mapping[str, Any]) -> dict[str, Any]:
        if parameters["MessageBody"] == "poison" and parameters["QueueUrl"].endswith("queue.fifo"):
            raise AccessDenied("no")
        return {}

    world.calls.behave["SendMessage"] = behave
    while waiting := world.waiting():
        world.deliverer().perform(waiting[0])
    took = [(call["QueueUrl"].rpartition("/")[2], call["MessageBody"]) for call in world.calls.of("sqs:SendMessage")]
    assert took == [("queue.fifo", "poison"), ("queue.fifo", "next"), ("dead.fifo", "poison")]


def test_a_long_message_group_goes_in_order(world: World) -> None:
    for number in range(60):
        world.send(f"{QUEUE}.fifo", str(number), options={"SqsParameters": {"MessageGroupId": "a"}})
    deliverer = world.deliverer()
    deliverer.start()
    try:
        eventually(lambda: len(world.calls.made) == 60)
    finally:
        deliverer.stop()
    assert [call["MessageBody"] for call in world.calls.of("sqs:SendMessage")] == [str(n) for n in range(60)]


def test_functions_that_fail_are_called_three_times(world: World) -> None:
    failed = {"FunctionError": "Unhandled", "Payload": b'{"errorMessage": "bad day"}'}
    world.calls.behave["Invoke"] = lambda _: failed
    options = {"LambdaParameters": {"RequestId": "r-1"}}
    world.send(FUNCTION, body='{"a": 1}', options=options, dead_letter=DEAD)
    while (waiting := world.waiting()) and not waiting[0].document["letter"]:
        world.deliverer().perform(waiting[0])
        world.clock.move(1000)
    calls = world.calls.of("lambda:Invoke")
    assert [(call["Payload"], call["InvocationType"]) for call in calls] == [(b'{"a": 1}', "RequestResponse")] * 3
    assert waiting[0].document["options"]["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": "r-1"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "bad day"},
    }


def test_what_a_rule_sends_to_a_function_becomes_a_call_of_lambda_s_own_queue(world: World) -> None:
    world.send(FUNCTION, body='{"a": 1}', source=RULE, service="events.amazonaws.com")
    world.deliverer().perform(world.waiting()[0])
    (call,) = world.calls.of("lambda:Invoke")
    assert (call["Payload"], call["InvocationType"]) == (b'{"a": 1}', "Event")
    assert world.waiting() == []


def test_a_call_of_a_busy_function_waits_for_its_turn(world: World) -> None:
    busy = 5 * [ApiError("Rate Exceeded.", code="TooManyRequestsException", status=429)]

    def behave(_parameters: Mapping[str, Any]) -> dict[str, Any]:
        if busy:
            raise busy.pop()
        return {}

    world.calls.behave["Invoke"] = behave
    world.send(FUNCTION, options={"LambdaParameters": {"RequestId": "r-1"}}, attempts=0, dead_letter=DEAD)
    for _ in range(5):
        (delivery,) = world.waiting()
        world.deliverer().perform(delivery)
        (delivery,) = world.waiting()
        assert (delivery.tries, delivery.document["letter"]) == (0, False)
        assert delivery.due > world.clock.now()
        world.clock.time = delivery.due
    world.deliverer().perform(delivery)
    assert world.waiting() == []


@pytest.mark.parametrize(
    ("failed", "seconds", "condition", "count"),
    [(False, 99, "Success", 1), (True, 99_999, "RetriesExhausted", 3), (True, 99, "EventAgeExceeded", 2)],
)
def test_destinations_get_a_record_of_a_call(
    world: World, failed: bool, seconds: int, condition: str, count: int
) -> None:
    answer = {"ExecutedVersion": "7", "Payload": b'{"b": 2}', **({"FunctionError": "Unhandled"} if failed else {})}
    world.calls.behave["Invoke"] = lambda _: answer
    function = FUNCTION
    bus = "arn:aws:events:us-east-1:111122223333:event-bus/results"
    role = "arn:aws:iam::111122223333:role/f"
    parameters = {"RequestId": "r-1", "Role": role, "OnSuccess": bus, "OnFailure": QUEUE}
    options = {"LambdaParameters": parameters}
    world.send(function, body='{"a": 1}', options=options, seconds=seconds, service="lambda.amazonaws.com")
    while (waiting := world.waiting()) and waiting[0].document["target"] == function:
        world.deliverer().perform(waiting[0])
        world.clock.move(1000)
    (record,) = world.waiting()
    assert (record.document["target"], record.document["role"]) == (QUEUE if failed else bus, role)
    body = json.loads(record.document["body"])
    assert body.pop("timestamp").endswith("Z")
    assert body == {
        "version": "1.0",
        "requestContext": {
            "requestId": "r-1",
            "functionArn": f"{function}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": count,
        },
        "requestPayload": {"a": 1},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "7",
            **({"functionError": "Unhandled"} if failed else {}),
        },
        "responsePayload": {"b": 2},
    }
    if not failed:
        made = record.document["options"]["EventBridgeParameters"]
        assert made == {"Source": "lambda", "DetailType": "Lambda Function Invocation Result - Success"}


def test_logs_get_a_stream_when_there_is_none(world: World) -> None:
    streams: set[str] = set()

    def put(parameters: Mapping[str, Any]) -> dict[str, Any]:
        if parameters["logStreamName"] not in streams:
            raise ApiError("none", code="ResourceNotFoundException", status=400)
        return {}

    def create(parameters: Mapping[str, Any]) -> dict[str, Any]:
        streams.add(parameters["logStreamName"])
        return {}

    world.calls.behave |= {"PutLogEvents": put, "CreateLogStream": create}
    world.deliverer().perform(world.send("arn:aws:logs:us-east-1:111122223333:log-group:/aws/events/x:*"))
    assert world.waiting() == []
    assert world.calls.of("logs:PutLogEvents")[-1]["logGroupName"] == "/aws/events/x"


def test_a_slow_target_does_not_stop_the_others(world: World) -> None:
    end = threading.Event()

    def behave(parameters: Mapping[str, Any]) -> dict[str, Any]:
        if parameters["QueueUrl"].endswith("/queue"):
            end.wait(30)
        return {}

    world.calls.behave["SendMessage"] = behave
    for _ in range(600):
        world.send(QUEUE)
    deliverer = world.deliverer()
    deliverer.start()
    try:
        world.send(f"{QUEUE}-quick")
        eventually(lambda: len(world.waiting()) == 600)
        assert len(world.calls.made) <= 10
    finally:
        world.clock.move(-3600)  # nothing else is due
        end.set()
        deliverer.stop()


def test_a_target_that_always_breaks_is_given_up_in_the_end(world: World) -> None:
    def behave(_parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise RuntimeError("a defect")

    world.calls.behave["SendMessage"] = behave
    deliverer = world.deliverer()
    deliverer.start()
    try:
        world.send(attempts=0)
        eventually(lambda: world.waiting() == [])
    finally:
        deliverer.stop()


def test_a_target_that_breaks_is_tried_again(world: World) -> None:
    broken = [True]

    def behave(_parameters: Mapping[str, Any]) -> dict[str, Any]:
        if broken:
            broken.pop()
            raise RuntimeError("a defect")
        return {}

    world.calls.behave["SendMessage"] = behave
    deliverer = world.deliverer()
    deliverer.start()
    try:
        world.send()
        eventually(lambda: world.waiting()[0].tries == 1)
        world.clock.move(100)
        world.send(f"{QUEUE}-other")  # wakes it
        eventually(lambda: world.waiting() == [])
    finally:
        deliverer.stop()
