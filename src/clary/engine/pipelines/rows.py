"""The rows of an execution's steps during one look: read once, then kept in step with what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from clary.definitions.document import Step
from clary.engine.pipelines.plan import StepState
from clary.engine.pipelines.steps.port import ENDED, Sight
from clary.engine.surroundings import Surroundings
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

KIND = "pipeline-step"
_PAGE = 500
_LONGEST = 1024  # of a FailureReason
_CLEARED = ("ended", "failure", "metadata", "properties", "callback", "cache", "due", "begun", "invoked")
_LOOKED_UP = ("cache_key", "cache_note")
_OF_THE_CACHE = (*_LOOKED_UP, "cache", "cached_at")


class StepRows:
    """`get` and `states` read; the others write one row each, in a transaction of its own."""

    def __init__(self, around: Surroundings, execution: Resource) -> None:
        self._around = around
        self._execution = execution
        self._rows = {row.name: row for row in read_rows(around, execution)}

    def get(self, name: str) -> Resource | None:
        return self._rows.get(name)

    def states(self) -> dict[str, StepState]:
        """What the plan needs to know."""
        return {name: _state(row) for name, row in self._rows.items()}

    def begin(self, step: Step) -> Resource:
        """The row of a step that starts for the first time, or once more in a later round."""
        now = self._around.clock.now()
        row = self._rows.get(step.name)
        round_ = self._execution.document["attempt"]
        if row is not None:
            if row.document["round"] == round_:
                return row
            document = {key: value for key, value in row.document.items() if key not in (*_CLEARED, *_LOOKED_UP)}
            document |= {"round": round_, "attempt": row.document["attempt"] + 1, "started": now, "tries": {}}
            return self._save(row, document, "Starting", now)
        document = {
            "type": step.type,
            "display_name": step.display_name,
            "description": step.description,
            "started": now,
            "attempt": 0,
            "round": round_,
            "tries": {},
        }
        with self._around.database.write() as tx:
            return self._create(tx, step.name, document, "Starting", now)

    def reuse(self, sources: Sequence[Resource]) -> None:
        """Rows of steps that ran in an earlier execution, all or none."""
        now = self._around.clock.now()
        with self._around.database.write() as tx:
            for source in sources:
                kept = {key: value for key, value in source.document.items() if key not in _OF_THE_CACHE}
                made_by = source.document.get("reused") or source.parent
                self._create(tx, source.name, {**kept, "reused": made_by}, source.status, now)

    def _create(self, tx: Transaction, name: str, document: dict[str, Any], status: str, now: datetime) -> Resource:
        row = resources.create(
            tx,
            account=self._execution.account,
            region=self._execution.region,
            kind=KIND,
            name=name,
            arn=f"{self._execution.arn}/step/{name.lower()}",
            parent=self._execution.arn,
            document=document,
            status=status,
            now=now,
        )
        self._rows[name] = row
        return row

    def record(self, row: Resource, sight: Sight) -> Resource:
        """Write down what was seen, if it is new."""
        now = self._around.clock.now()
        begun = sight.status != "Starting"
        document = {**row.document, "begun": begun, **(sight.entries or {})}
        for entry, value in (("metadata", sight.metadata), ("failure", (sight.failure or "")[:_LONGEST] or None)):
            if value is not None:
                document[entry] = value
        if sight.properties is not None and sight.status == "Succeeded":
            document["properties"] = dict(sight.properties)
        if sight.status in ENDED:
            document["ended"] = now
        if sight.status == row.status and {**document, "ended": None} == {**row.document, "ended": None}:
            return row
        return self._save(row, document, sight.status, now)

    def postpone(self, row: Resource, due: datetime, tries: Mapping[str, Any], *, again: bool) -> Resource:
        """It is to be started (`again`: as a new attempt) at `due`."""
        document = {key: value for key, value in row.document.items() if key not in _CLEARED}
        document |= {"due": due, "tries": dict(tries), "begun": False}
        if again:
            document["attempt"] += 1
        return self._save(row, document, "Starting", self._around.clock.now())

    def _save(self, row: Resource, document: dict[str, Any], status: str, now: datetime) -> Resource:
        with self._around.database.write() as tx:
            saved = resources.save(tx, row, document=document, status=status, now=now)
        self._rows[row.name] = saved
        return saved


def read_rows(around: Surroundings, execution: Resource) -> list[Resource]:
    """All step rows of an execution."""
    found: list[Resource] = []
    after: list[Any] | None = None
    while True:
        query = Query(
            execution.account, execution.region, KIND, parent=execution.arn, limit=_PAGE, after=after, sort="name"
        )
        with around.database.read() as tx:
            page = resources.page(tx, query)
        found += page
        if len(page) < _PAGE:
            return found
        after = resources.position(page[-1], "name")


def _state(row: Resource) -> StepState:
    document = row.document
    condition = (document.get("metadata") or {}).get("Condition")
    return StepState(
        status=row.status,
        round=document["round"],
        begun=document.get("begun", False),
        due=document.get("due"),
        outcome=condition["Outcome"] == "True" if condition else None,
        failure=document.get("failure"),
    )
