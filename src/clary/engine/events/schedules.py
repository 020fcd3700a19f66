"""Schedules: rules with a schedule expression, and schedules of EventBridge Scheduler.

The next time is part of the row. Firing writes the deliveries and the following time in one transaction: after a
crash it has either happened or is still due. What was missed while Clary was down fires once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clary.base.crash import crash_here
from clary.engine.events.fanout import deliver_to_targets
from clary.engine.surroundings import Surroundings
from clary.events.envelope import derived_id, envelope
from clary.events.expressions import next_after
from clary.store import deliveries, resources, tags
from clary.store.database import Transaction
from clary.store.resources import Resource

_LONGEST_SLEEP = 60.0
_GRACE = timedelta(minutes=1)  # as exact as EventBridge Scheduler is: what was due a moment ago is not too late


class ScheduledRules:
    """Controller of rules: those without an expression are at rest."""

    kind = "event-rule"

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def owns(self, unit_id: str) -> int | None:
        return None

    def give_up(self, resource: Resource) -> None:
        """What is due stays due."""

    def reconcile(self, resource: Resource) -> float | None:
        document = resource.document
        if not document["expression"] or document["state"] != "ENABLED":
            return None
        now = self._around.clock.now()
        due = document["next"]
        if due is not None and due > now:
            return _sleep(due, now)
        following = next_after(document["expression"], now)
        with self._around.database.write() as tx:
            saved = resources.save(tx, resource, document={**document, "next": following}, now=now)
            if due is not None:
                deliver_to_targets(tx, saved, _event(saved, due), now)
            crash_here("events.schedule.before_commit")
        return None if following is None else _sleep(following, now)


class Schedules:
    """Controller of EventBridge Scheduler's schedules."""

    kind = "schedule"

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def owns(self, unit_id: str) -> int | None:
        return None

    def give_up(self, resource: Resource) -> None:
        """What is due stays due."""

    def reconcile(self, resource: Resource) -> float | None:
        document = resource.document
        if document["state"] != "ENABLED" or document["finished"]:
            return None
        now = self._around.clock.now()
        due = document["next"]
        if due is not None and due > now:
            return _sleep(due, now)
        following = _following(resource, now, first=due is None)
        with self._around.database.write() as tx:
            if due is not None:
                _fire(tx, resource, due, now)
            self._keep(tx, resource, following, now, fired=due is not None)
            crash_here("events.schedule.before_commit")
        return None if following is None else _sleep(following, now)

    def _keep(
        self, tx: Transaction, resource: Resource, following: datetime | None, now: datetime, *, fired: bool
    ) -> None:
        if following is None and fired and resource.document["after"] == "DELETE":
            resources.remove(tx, resource)
            tags.drop_all(tx, resource.arn)
            return
        changed = {**resource.document, "next": following, "finished": following is None}
        resources.save(tx, resource, document=changed, now=now)


def _sleep(due: datetime, now: datetime) -> float:
    """Not too long, so that a change of the machine's clock is noticed."""
    return min(_LONGEST_SLEEP, max(0.0, (due - now).total_seconds()))


def _event(rule: Resource, due: datetime) -> dict[str, Any]:
    return envelope(
        source="aws.events",
        detail_type="Scheduled Event",
        detail={},
        account=rule.account,
        region=rule.region,
        time=due,
        resources=[rule.arn],
        event_id=derived_id(rule.arn, due.isoformat()),
    )


def _following(schedule: Resource, now: datetime, *, first: bool) -> datetime | None:
    """The next time within the schedule's dates. A rate begins at once, or at its start date."""
    document = schedule.document
    start, end = document["start"], document["end"]
    if first and document["expression"].startswith("rate("):
        found: datetime | None = max(start or now, now)
    elif first and document["expression"].startswith("at("):
        found = next_after(document["expression"], schedule.created_at - _GRACE, document["zone"])
    else:
        found = next_after(document["expression"], max(start or now, now), document["zone"])
    return None if found is None or (end is not None and found > end) else found


@dataclass(frozen=True, slots=True)
class _Words:
    """What may be named in the input of a schedule's target."""

    schedule: Resource
    due: datetime
    now: datetime

    @property
    def time(self) -> str:
        return self.due.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def execution(self) -> str:
        return derived_id(self.schedule.arn, self.time)

    def fill(self, text: str) -> str:
        words = {
            "<aws.scheduler.schedule-arn>": self.schedule.arn,
            "<aws.scheduler.scheduled-time>": self.time,
            "<aws.scheduler.execution-id>": self.execution,
            "<aws.scheduler.attempt-number>": "1",
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text


def _fire(tx: Transaction, schedule: Resource, due: datetime, now: datetime) -> None:
    target = schedule.document["target"]
    retry = target.get("RetryPolicy") or {}
    options = {
        name: target[name]
        for name in ("SqsParameters", "SageMakerPipelineParameters", "EventBridgeParameters")
        if target.get(name)
    }
    words = _Words(schedule, due, now)
    options["Schedule"] = {"EXECUTION_ID": words.execution, "SCHEDULED_TIME": words.time}
    deliveries.add(
        tx,
        account=schedule.account,
        region=schedule.region,
        target=target["Arn"],
        body=words.fill(target.get("Input") or _default_input(schedule, due)),
        now=now,
        role=target["RoleArn"],
        source=schedule.arn,
        options=options,
        attempts=retry.get("MaximumRetryAttempts", 185),
        seconds=retry.get("MaximumEventAgeInSeconds", 86_400),
        dead_letter=(target.get("DeadLetterConfig") or {}).get("Arn"),
    )


def _default_input(schedule: Resource, due: datetime) -> str:
    if ":aws-sdk:" in schedule.document["target"]["Arn"]:
        return "{}"
    return (
        '{"version":"0","id":"<aws.scheduler.execution-id>","detail-type":"Scheduled Event",'
        f'"source":"aws.scheduler","account":"{schedule.account}","time":"<aws.scheduler.scheduled-time>",'
        f'"region":"{schedule.region}","resources":["<aws.scheduler.schedule-arn>"],"detail":"{{}}"}}'
    )
