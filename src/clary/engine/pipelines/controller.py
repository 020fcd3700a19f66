"""The controller of pipeline executions: reads, lets `plan` decide, acts, until nothing more can be done at once.

Every action may be repeated after a crash: a step's row is written before anything is made, what is made has a name
that follows from the row, and results are recorded by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from clary.base.crash import crash_here
from clary.base.errors import ClaryError
from clary.definitions.document import Definition, read_definition
from clary.engine.own_calls import Actor
from clary.engine.pipelines.attempts import Attempts, Hooks
from clary.engine.pipelines.invocations import Invocations
from clary.engine.pipelines.plan import Ending, Plan, plan
from clary.engine.pipelines.rows import StepRows
from clary.engine.pipelines.selection import reuse_steps
from clary.engine.surroundings import Surroundings
from clary.store import resources
from clary.store.resources import Resource

_POLL_SECONDS = 2.0
_MOST_TURNS = 100_000
_VERSION = "pipeline-version"


class PipelineController:
    """Implements `engine.controller.Controller`. `wake` asks for a look at a resource, by its id and kind."""

    kind = "pipeline-execution"

    def __init__(self, around: Surroundings, wake: Callable[[int, str], None]) -> None:
        self._around = around
        self._wake = wake
        self._invocations = Invocations()
        self._waiting: dict[int, int] = {}  # id of what a step has made -> id of the execution that waits for it
        around.database.listen(self._on_commit)

    def owns(self, unit: str) -> int | None:
        """Pipelines run nothing themselves."""
        return None

    def give_up(self, resource: Resource) -> None:
        """What the steps have made goes on, and ends as it ends: it is tried again."""

    def stop(self) -> None:
        self._invocations.stop()

    def reconcile(self, execution: Resource) -> float | None:
        if execution.status not in {"Executing", "Stopping"}:
            self._forget(execution)
            return None
        try:
            definition = self._definition(execution)
        except ClaryError as error:
            return self._end(execution, Ending("Failed", f"ClientError: {error}"))
        rows = StepRows(self._around, execution)
        reuse_steps(self._around, execution, definition, rows)
        attempts = Attempts(self._around, execution, definition, rows, self._call(execution), self._hooks(execution))
        looked: set[str] = set()
        for _ in range(_MOST_TURNS):
            decided = self._plan(execution, definition, rows)
            if decided.end is not None:
                return self._end(execution, decided.end)
            if not self._act(attempts, decided, looked):
                break
        waits = [_POLL_SECONDS, *([max(decided.wait, 0.0)] if decided.wait is not None else [])]
        return min(waits)

    def _plan(self, execution: Resource, definition: Definition, rows: StepRows) -> Plan:
        selective = execution.document.get("selective")
        return plan(
            list(definition.steps.values()),
            rows.states(),
            selected=selective["steps"] if selective else None,
            stopping=execution.status == "Stopping",
            round_=execution.document["attempt"],
            limit=execution.document["parallelism"],
            now=self._around.clock.now(),
        )

    def _act(self, attempts: Attempts, decided: Plan, looked: set[str]) -> bool:
        """True when something has changed that the plan must know. Each step is looked at once in a look."""
        changed = False
        for name in decided.start:
            changed |= attempts.start(name)
        for name in decided.settle:
            changed |= attempts.settle(name)
        for name in decided.stop:
            changed |= attempts.stop(name)
        for name in decided.watch:
            if name not in looked:
                looked.add(name)
                changed |= attempts.look(name)
        return changed

    def _end(self, execution: Resource, ending: Ending) -> float | None:
        now = self._around.clock.now()
        document = {**execution.document, "failure": ending.failure[:1024] if ending.failure else None}
        with self._around.database.write() as tx:
            resources.save(tx, execution, document=document, status=ending.status, now=now)
        crash_here("pipelines.recorded")
        self._forget(execution)
        return None

    def _definition(self, execution: Resource) -> Definition:
        version = execution.document["version"]
        with self._around.database.read() as tx:
            row = resources.find(
                tx, execution.account, execution.region, _VERSION, str(version), parent=execution.parent
            )
        if row is None:
            raise ClaryError(f"Version {version} of the pipeline is gone.")
        return _read(row.id, row.document["definition"])

    def _call(self, execution: Resource) -> Callable[[str, str, Mapping[str, Any]], dict[str, Any]]:
        actor = Actor(execution.account, execution.region, role_arn=execution.document["role"])
        return lambda service, operation, request: self._around.calls(service, operation, request, actor)

    def _hooks(self, execution: Resource) -> Hooks:
        """The end of a call wakes the execution."""
        wake = partial(self._wake, execution.id, self.kind)
        return Hooks(
            wait_for=partial(self._wait_for, execution.id),
            invoke=lambda key, call: self._invocations.outcome(key, call, wake),
            forget_invocation=self._invocations.forget,
        )

    def _wait_for(self, execution_id: int, arn: str) -> None:
        """A commit that changes this resource is to wake the execution."""
        with self._around.database.read() as tx:
            row = resources.find_by_arn(tx, arn)
        if row is not None:
            self._waiting[row.id] = execution_id

    def _on_commit(self, touched: Mapping[int, str]) -> None:
        for resource_id in touched:
            waiting = self._waiting.get(resource_id)
            if waiting is not None:
                self._wake(waiting, self.kind)

    def _forget(self, execution: Resource) -> None:
        for child in [child for child, waiting in list(self._waiting.items()) if waiting == execution.id]:
            self._waiting.pop(child, None)


@lru_cache(maxsize=64)
def _read(_row_id: int, text: str) -> Definition:
    """Definitions of a version never change, and reading one takes a while."""
    return read_definition(text)
