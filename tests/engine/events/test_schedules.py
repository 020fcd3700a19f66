"""Schedules with a clock of the test's own: when they fire, what a stop of Clary does, when they end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from clary.engine.events import schedules
from clary.engine.events.schedules import ScheduledRules, Schedules
from clary.store import deliveries, resources
from clary.store.resources import Resource
from tests.engine.events.conftest import BEGIN, QUEUE, World


def look(world: World, controller: Any, row: Resource) -> float | None:
    with world.database.read() as tx:
        found = resources.find_by_id(tx, row.id)
    assert found is not None
    again: float | None = controller.reconcile(found)
    return again


def schedule(world: World, expression: str, **changes: Any) -> Resource:
    document = {
        "expression": expression,
        "zone": "UTC",
        "start": None,
        "end": None,
        "state": "ENABLED",
        "target": {
            "Arn": QUEUE,
            "RoleArn": "arn:aws:iam::111122223333:role/r",
            "Input": "<aws.scheduler.schedule-arn>",
        },
        "after": "NONE",
        "next": None,
        "finished": False,
    }
    return world.add("schedule", "s", {**document, **changes}, parent="default")


def test_a_rule_fires_at_its_rate_and_missed_times_fire_once(world: World) -> None:
    row = world.rule("r", {"Id": "q", "Arn": QUEUE}, expression="rate(1 minute)")
    controller = ScheduledRules(world)  # type: ignore[arg-type]  # has all that the controller uses
    assert look(world, controller, row) == 60
    assert world.waiting() == []
    world.clock.move(59)
    assert look(world, controller, row) == 1
    world.clock.move(1)
    assert look(world, controller, row) == 60
    assert len(world.waiting()) == 1
    event = json.loads(world.waiting()[0].document["body"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    world.clock.move(86_400)
    assert look(world, controller, row) == 60
    assert len(world.waiting()) == 2


def test_a_crash_while_firing_fires_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = schedule(world, "cron(0/5 * * * ? *)")
    controller = Schedules(world)  # type: ignore[arg-type]  # has all that the controller uses
    look(world, controller, row)
    world.clock.move(300)

    def die(_name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(schedules, "crash_here", die)
        with pytest.raises(KeyboardInterrupt):
            look(world, controller, row)
    assert world.waiting() == []
    look(world, controller, row)
    look(world, controller, row)
    (delivery,) = world.waiting()
    assert delivery.document["body"] == row.arn
    assert delivery.document["role"] == "arn:aws:iam::111122223333:role/r"


def test_a_rate_begins_at_once_and_ends_with_its_end_date(world: World) -> None:
    row = schedule(world, "rate(10 minutes)", end=BEGIN + timedelta(minutes=25))
    controller = Schedules(world)  # type: ignore[arg-type]  # has all that the controller uses
    fired = []
    for _ in range(60):
        look(world, controller, row)
        fired.append(len(world.waiting()))
        world.clock.move(60)
    assert fired[1] == 1
    assert fired[-1] == 3
    with world.database.read() as tx:
        left = resources.find_by_id(tx, row.id)
    assert left is not None
    assert left.document["finished"]


def test_a_start_date_is_waited_for(world: World) -> None:
    row = schedule(world, "rate(1 hour)", start=BEGIN + timedelta(hours=2))
    controller = Schedules(world)  # type: ignore[arg-type]  # has all that the controller uses
    assert look(world, controller, row) == 60
    world.clock.move(7200)
    look(world, controller, row)
    assert len(world.waiting()) == 1


@pytest.mark.parametrize(("time", "count"), [("11:59:01", 1), ("11:58:59", 0)])
def test_what_was_due_a_moment_before_it_was_made_fires_at_once(world: World, time: str, count: int) -> None:
    row = schedule(world, f"at(2026-01-01T{time})")
    controller = Schedules(world)  # type: ignore[arg-type]  # has all that the controller uses
    look(world, controller, row)
    look(world, controller, row)
    assert len(world.waiting()) == count


def test_what_is_done_is_deleted_when_asked(world: World) -> None:
    row = schedule(world, "at(2026-01-01T12:30:00)", after="DELETE")
    controller = Schedules(world)  # type: ignore[arg-type]  # has all that the controller uses
    look(world, controller, row)
    world.clock.move(3600)  # Clary was down at half past
    assert look(world, controller, row) is None
    with world.database.read() as tx:
        assert resources.find_by_id(tx, row.id) is None
        assert len(deliveries.due(tx, world.clock.now(), 10)) == 1
