"""Attempts of steps: start one, look at it, stop it; and what happens when that goes wrong.

Between the controller, which knows the execution, and the kinds of steps, which know the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clary.base.crash import crash_here
from clary.base.errors import ApiError
from clary.base.log import get_logger
from clary.definitions.conditions import holds
from clary.definitions.document import Definition, Step
from clary.definitions.paths import UnresolvedReference
from clary.definitions.references import resolve
from clary.engine.pipelines import cache
from clary.engine.pipelines.naming import child_name
from clary.engine.pipelines.retrying import SERVICE_FAULT, THROTTLING, class_of_error, class_of_failure, next_try
from clary.engine.pipelines.rows import StepRows
from clary.engine.pipelines.scope import ExecutionScope
from clary.engine.pipelines.steps import KINDS
from clary.engine.pipelines.steps.port import Sight, Task
from clary.engine.role_objects import RoleObjects
from clary.engine.surroundings import Surroundings
from clary.store import resources
from clary.store.resources import Resource

log = get_logger(__name__)

# All but the first two are arguments of a form that no check foresaw (a number for a structure): the step fails and
# says so, instead of being tried for ever.
_REFUSALS = (ApiError, UnresolvedReference, ValueError, LookupError, TypeError, AttributeError)
_PASSING = frozenset({SERVICE_FAULT, THROTTLING})
_SOON = timedelta(seconds=0.5)
_TOKEN = "callback-token"  # noqa: S105  # a kind of resource


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the controller offers, for one execution: to be woken when a resource changes; calls that take long, by a
    key; and to forget the outcome of one."""

    wait_for: Callable[[str], None]
    invoke: Callable[[str, Callable[[], Mapping[str, Any]]], Mapping[str, Any] | None]
    forget_invocation: Callable[[str], None]


class Attempts:
    """The steps of one execution, during one look. Methods tell whether something has changed."""

    def __init__(
        self,
        around: Surroundings,
        execution: Resource,
        definition: Definition,
        rows: StepRows,
        call: Callable[[str, str, Mapping[str, Any]], dict[str, Any]],
        hooks: Hooks,
    ) -> None:
        self._around = around
        self._execution = execution
        self._definition = definition
        self._rows = rows
        self._call = call
        self._hooks = hooks

    def start(self, name: str) -> bool:
        step = self._definition.steps[name]
        row = self._rows.begin(step)
        crash_here(f"pipelines.before_start.{step.type}")
        try:
            sight = self._cached(step, row)
            row = self._known(name)
            sight = sight or KINDS[step.type].start(self._task(step, row))
        except _REFUSALS as error:
            return self._failed_to_start(step, self._known(name), error)
        crash_here(f"pipelines.started.{step.type}")
        if sight.status == "Starting":
            self._rows.postpone(row, self._around.clock.now() + _SOON, row.document["tries"], again=False)
            return True
        return self._record(step, row, sight)

    def look(self, name: str) -> bool:
        step, row = self._definition.steps[name], self._known(name)
        self._wait_for_child(row.document.get("metadata"))
        try:
            sight = KINDS[step.type].look(self._task(step, row))
        except _REFUSALS as error:
            if step.type == "Lambda":
                return self._failed_to_start(step, row, error)  # nothing goes on: the call has come back
            if isinstance(error, ApiError) and class_of_error(error) in _PASSING:
                return False  # what it has started goes on: look again
            sight = Sight("Failed", failure=_reason(error))
        crash_here(f"pipelines.running.{step.type}")
        if sight.status == "Executing" and row.status == "Stopping":
            return False
        return self._record(step, row, sight)

    def settle(self, name: str) -> bool:
        step, row = self._definition.steps[name], self._known(name)
        try:
            sight = KINDS[step.type].settle(self._task(step, row))
        except _REFUSALS as error:
            sight = Sight("Stopped", failure=_reason(error))
        return self._record(step, row, sight)

    def stop(self, name: str) -> bool:
        step, row = self._definition.steps[name], self._known(name)
        try:
            KINDS[step.type].stop(self._task(step, row))
        except _REFUSALS as error:
            log.info("a step could not be stopped", extra={"arn": row.arn, "reason": str(error)})
            if isinstance(error, ApiError) and class_of_error(error) in _PASSING:
                return False  # it is asked again
        self._rows.record(row, Sight("Stopping"))
        return True

    def _record(self, step: Step, row: Resource, sight: Sight) -> bool:
        """Write down what was seen; a failure that a retry policy covers is a new attempt instead."""
        if sight.status == "Failed" and step.type != "Fail" and self._execution.status == "Executing":
            fault = class_of_failure(sight.failure or "")
            if fault and self._try_again(step, row, fault, again=True):
                return True
        self._wait_for_child(sight.metadata)
        if sight.status != "Executing":
            crash_here(f"pipelines.finished.{step.type}")
        saved = self._rows.record(row, sight)
        if sight.status in {"Succeeded", "Failed", "Stopped"}:
            self._hooks.forget_invocation(self._key(saved))
        return saved is not row

    def _failed_to_start(self, step: Step, row: Resource, error: Exception) -> bool:
        fault = class_of_error(error) if isinstance(error, ApiError) else ""
        if fault and self._try_again(step, row, fault, again=False):
            return True
        return self._record(step, row, Sight("Failed", failure=_reason(error)))

    def _try_again(self, step: Step, row: Resource, fault: str, *, again: bool) -> bool:
        now = self._around.clock.now()
        following = next_try(step.retries, fault, row.document.get("tries") or {}, now)
        if following is None:
            return False
        tries, due = following
        self._hooks.forget_invocation(self._key(row))
        self._rows.postpone(row, due, tries, again=again)
        return True

    def _cached(self, step: Step, row: Resource) -> Sight | None:
        """The result of an earlier run, when the step has a cache policy and there is one."""
        if step.cache is None or row.document.get("cache_key"):
            return None
        arguments = self._task(step, row).resolve(step.arguments)
        now = self._around.clock.now()
        key, sight, note = cache.look_up(self._around, self._execution, step, arguments, self._objects, now)
        log.info("the cache of a step was asked", extra={"arn": row.arn, "outcome": note})
        entries = {"cache_key": key, "cache_note": note}
        if sight is None:
            self._rows.record(row, Sight("Starting", entries=entries))
            return None
        return Sight(sight.status, sight.metadata, sight.properties, entries={**(sight.entries or {}), **entries})

    def _task(self, step: Step, row: Resource) -> Task:
        now = self._around.clock.now()
        scope = ExecutionScope(
            self._definition,
            self._execution,
            self._rows.get,
            self._objects,
            now,
            child_name(self._execution.name, step.name, row.document["attempt"]),
        )
        return Task(
            step=step,
            row=row,
            execution=self._execution,
            now=now,
            call=self._call,
            resolve=lambda value: resolve(value, scope),
            holds=lambda conditions: holds(conditions, scope),
            invoke=lambda request: self._invoke(row, request),
            experiment=lambda: self._execution.document.get("experiment"),
            remember_token=lambda token: self._remember_token(row, token),
        )

    def _invoke(self, row: Resource, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return self._hooks.invoke(self._key(row), lambda: self._call("lambda", "Invoke", request))

    def _key(self, row: Resource) -> str:
        return f"{row.id}/{row.document['attempt']}"

    def _remember_token(self, row: Resource, token: str) -> None:
        """Whoever answers a callback comes with nothing but the token, which stands for one attempt. It belongs to
        the execution and goes with it."""
        arn = f"{':'.join(row.arn.split(':')[:5])}:{_TOKEN}/{token}"
        with self._around.database.write() as tx:
            if resources.find_by_arn(tx, arn) is None:
                resources.create(
                    tx,
                    account=row.account,
                    region=row.region,
                    kind=_TOKEN,
                    name=token,
                    arn=arn,
                    parent=row.parent,
                    document={"step_id": row.id, "attempt": row.document["attempt"]},
                    now=self._around.clock.now(),
                )

    def _wait_for_child(self, metadata: Mapping[str, Any] | None) -> None:
        for entry in (metadata or {}).values():
            if isinstance(entry, Mapping) and entry.get("Arn"):
                self._hooks.wait_for(entry["Arn"])

    def _objects(self) -> RoleObjects:
        role = self._execution.document["role"]
        return self._around.objects_of(role)

    def _known(self, name: str) -> Resource:
        row = self._rows.get(name)
        if row is None:
            raise AssertionError("the plan only names what has a row")
        return row


def _reason(error: Exception) -> str:
    if isinstance(error, ApiError):
        blame = "ClientError" if error.status < 500 else "InternalServerError"
        return f"{blame}: {error.code}: {error.message}"
    if isinstance(error, UnresolvedReference):
        return f"ClientError: {error}"
    log.warning("a step's arguments have a form that was not foreseen", exc_info=error)
    return f"ClientError: The arguments of the step do not have the form that the API wants: {error}"
