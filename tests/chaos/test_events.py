"""control is killed at each step of an event's way: what was accepted arrives, and a poisoned one stops nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.server import Server, eventually, running_server

T = TypeVar("T")
SCHEDULE = "events.schedule.before_commit"
POINTS = {
    "events.dispatch.before_commit": 1,
    "events.dispatch.after_commit": 1,
    "events.deliver.before_remove": 2,
    "events.dead_letter.before_remove": 1,
    SCHEDULE: 2,  # the first passage only notes when it is due
}
EVENTS = 30


@pytest.fixture
def struck(tmp_path: Path) -> Path:
    folder = tmp_path / "struck"
    folder.mkdir()
    return folder


@pytest.fixture
def dying(tmp_path: Path, struck: Path) -> Iterator[Server]:
    """Each point strikes once, at this passage of it."""
    points = ",".join(f"{point}:{passage}" for point, passage in POINTS.items())
    with running_server(tmp_path, CLARY_CRASH_AT=points, CLARY_CRASH_ONCE=str(struck)) as server:
        yield server


def through_deaths(call: Callable[[], T]) -> T:
    """The answer to a call that is made again while control is away: what got no answer may not have happened."""

    def try_it() -> list[T]:
        try:
            return [call()]
        except BotoCoreError:
            return []
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
            return []

    return eventually(try_it, 120)[0]


def make_queue(server: Server, name: str, *, is_open: bool = True) -> tuple[str, str]:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{server.installation.region}:{server.installation.account}:{name}"
    if is_open:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def bodies(server: Server, url: str, wanted: Callable[[list[Any]], bool]) -> list[Any]:
    """Every body received until they are what is wanted."""
    sqs = server.client("sqs")
    found: list[Any] = []

    def look() -> bool:
        answer = through_deaths(lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10))
        found.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return wanted(found)

    eventually(look, 180)
    return found


def test_no_event_is_lost_wherever_control_is_killed(dying: Server, struck: Path) -> None:
    taken_url, taken = make_queue(dying, "taken")
    dead_url, dead = make_queue(dying, "dead")
    clock_url, clock = make_queue(dying, "clock")
    _, closed = make_queue(dying, "closed", is_open=False)
    events, scheduler = dying.client("events"), dying.client("scheduler")
    events.put_rule(Name="all", EventPattern='{"source": ["my.app"]}')
    events.put_rule(Name="poison", EventPattern='{"source": ["my.app"], "detail": {"poison": [true]}}')
    events.put_targets(Rule="all", Targets=[{"Id": "taken", "Arn": taken, "InputPath": "$.detail.n"}])
    poisoned = {"Id": "closed", "Arn": closed, "InputPath": "$.detail.n", "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule="poison", Targets=[poisoned])

    def put(number: int) -> None:
        detail = json.dumps({"n": number, "poison": number % 10 == 0})
        entry = {"Source": "my.app", "DetailType": "t", "Detail": detail}
        answer = through_deaths(lambda: events.put_events(Entries=[entry]))
        assert answer["FailedEntryCount"] == 0

    for number in range(EVENTS):
        put(number)
    everything = set(range(EVENTS))
    assert set(bodies(dying, taken_url, lambda found: set(found) >= everything)) == everything
    poison = {number for number in everything if number % 10 == 0}
    assert set(bodies(dying, dead_url, lambda found: set(found) >= poison)) == poison
    eventually(lambda: {path.name for path in struck.iterdir()} >= set(POINTS) - {SCHEDULE})
    through_deaths(scheduler.list_schedules)  # no other death comes between the passages of the schedule
    moment = datetime.now(UTC) + timedelta(seconds=2)
    schedule = {
        "Name": "once",
        "ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": clock, "RoleArn": dying.role, "Input": '"fired"'},
    }
    through_deaths(lambda: scheduler.create_schedule(**schedule))
    assert set(bodies(dying, clock_url, lambda found: found != [])) == {"fired"}
    assert {path.name for path in struck.iterdir()} == set(POINTS), "control was killed at every point"
