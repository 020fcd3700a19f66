"""The controller of tuning jobs: looks at the training jobs, records what became of them, and acts on the plan.

Every step may be repeated: proposals are written before anything is made of them, training jobs have derived names
and are found again, results are recorded by compare-and-set on the tuning job. Changes of a training job wake its
tuning job; a look every few seconds makes up for any that got lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clary.base.crash import crash_here
from clary.base.log import get_logger
from clary.definitions.tuning.child import child_name
from clary.definitions.tuning.job import TuningJob, read_tuning_job
from clary.engine.surroundings import Surroundings
from clary.engine.tuning import summary
from clary.engine.tuning.children import KIND as CHILD_KIND
from clary.engine.tuning.children import Children
from clary.engine.tuning.early import Courses, FindValues
from clary.engine.tuning.plan import Ending, Plan, best_of, enough, plan
from clary.engine.tuning.proposals import propose, results_of
from clary.engine.tuning.search import Result
from clary.store import resources, tuning_trials
from clary.store.resources import Resource
from clary.store.tuning_trials import Trial

log = get_logger(__name__)

_POLL_SECONDS = 2.0
_COURSE_SECONDS = 0.5


class TuningController:
    """Implements `engine.controller.Controller`. `wake` asks for a look at a resource, by its id and kind."""

    kind = "hyper-parameter-tuning-job"

    def __init__(self, around: Surroundings, wake: Callable[[int, str], None], find_values: FindValues) -> None:
        self._around = around
        self._wake = wake
        self._courses = Courses(around.database, find_values)
        self._parents: dict[int, int] = {}  # of training jobs that somebody waits for: id -> id of the tuning job
        around.database.listen(self._on_commit)

    def owns(self, unit: str) -> int | None:
        """Tuning jobs run nothing themselves."""
        return None

    def give_up(self, resource: Resource) -> None:
        """The training jobs go on, and results that were found must not be lost: it is tried again."""

    def reconcile(self, resource: Resource) -> float | None:
        if resource.status not in {"InProgress", "Stopping"}:
            return None
        job = read_tuning_job(resource.document["request"], seed=resource.id)
        children = Children(self._around.calls, self._around.database, resource)
        with self._around.database.read() as tx:
            trials = tuning_trials.of_job(tx, resource.id)
        resource, trials = self._observe(resource, job, trials, children)
        decided = plan(
            job,
            trials,
            stop_requested=resource.status == "Stopping",
            finishing=bool(resource.document.get("finishing")),
            seconds=self._seconds(resource),
            surplus=self._courses.surplus(resource, job, trials),
        )
        return self._act(resource, job, trials, children, decided)

    def _observe(
        self, resource: Resource, job: TuningJob, trials: list[Trial], children: Children
    ) -> tuple[Resource, list[Trial]]:
        """Look at every training job that has not ended, and record what has changed."""
        metrics = {definition.name: definition.metric for definition in job.definitions}
        changed = []
        for trial in (trial for trial in trials if trial.active):
            row = children.row(trial)
            if row is not None and row.id not in self._parents:
                self._parents[row.id] = resource.id
                row = children.row(trial)  # it may have changed before anybody listened
            seen = children.look(trial, row, metrics[trial.definition])
            if seen != trial:
                changed.append(seen)
            if seen.ended and row is not None:
                self._parents.pop(row.id, None)
        newer = {trial.number: trial for trial in changed}
        trials = [newer.get(trial.number, trial) for trial in trials]
        entries = {}
        if not resource.document.get("finishing") and enough(job, trials, self._seconds(resource)):
            entries["finishing"] = True
        if changed or entries:
            resource = self._record(resource, job, trials, changed, entries)
        return resource, trials

    def _act(
        self, resource: Resource, job: TuningJob, trials: list[Trial], children: Children, decided: Plan
    ) -> float | None:
        if decided.end is not None:
            self._end(resource, job, trials, decided.end)
            return None
        for trial in decided.stop:
            children.stop(trial)
        if decided.settle:
            self._settle(resource, job, trials, children, decided.settle)
            return 0.0
        if decided.propose:
            resource, trials, proposed = self._propose(resource, job, trials, decided.propose)
            crash_here("engine.tuning_proposed")
            decided = Plan(start=(*decided.start, *proposed))
        if decided.start:
            self._start(resource, job, trials, children, decided.start)
            return 0.0
        return _COURSE_SECONDS if job.early_stopping or job.resources else _POLL_SECONDS

    def _propose(
        self, resource: Resource, job: TuningJob, trials: list[Trial], count: int
    ) -> tuple[Resource, list[Trial], list[Trial]]:
        """Write the next trials down, before anything is made of them."""
        now = self._around.clock.now()
        identity = f"{resource.arn}/{resource.created_at.isoformat()}"
        proposed = [
            Trial(
                resource.id,
                proposal.number,
                child_name(resource.name, identity, proposal.number),
                proposal.definition,
                proposal.parameters,
                now,
            )
            for proposal in propose(job, trials, self._prior(resource, job), count)
        ]
        trials = [*trials, *proposed]
        with self._around.database.write() as tx:
            tuning_trials.add(tx, proposed)
            resource = resources.save(tx, resource, document=summary.entries(resource, job, trials), now=now)
        return resource, trials, proposed

    def _start(
        self, resource: Resource, job: TuningJob, trials: list[Trial], children: Children, planned: tuple[Trial, ...]
    ) -> None:
        definitions = {definition.name: definition for definition in job.definitions}
        started = []
        for trial in planned:
            started.append(children.start(trial, definitions[trial.definition]))
            crash_here("engine.trial_created")
        newer = {trial.number: trial for trial in started}
        self._record(resource, job, [newer.get(trial.number, trial) for trial in trials], started, {})

    def _settle(
        self, resource: Resource, job: TuningJob, trials: list[Trial], children: Children, planned: tuple[Trial, ...]
    ) -> None:
        """The search is over: trials without a training job are dropped, those that have one are kept and stopped."""
        settled = {trial.number: children.settled(trial) for trial in planned}
        kept = [settled.get(trial.number, trial) for trial in trials]
        remaining = [trial for trial in kept if trial is not None]
        now = self._around.clock.now()
        with self._around.database.write() as tx:
            for trial in planned:
                found = settled[trial.number]
                if found is None:
                    tuning_trials.remove(tx, trial)
                else:
                    tuning_trials.save(tx, found)
            resources.save(tx, resource, document=summary.entries(resource, job, remaining), now=now)

    def _record(
        self, resource: Resource, job: TuningJob, trials: list[Trial], changed: list[Trial], entries: dict[str, Any]
    ) -> Resource:
        document = {**summary.entries(resource, job, trials), **entries}
        with self._around.database.write() as tx:
            for trial in changed:
                tuning_trials.save(tx, trial)
            return resources.save(tx, resource, document=document, now=self._around.clock.now())

    def _end(self, resource: Resource, job: TuningJob, trials: list[Trial], ending: Ending) -> None:
        now = self._around.clock.now()
        document = {**summary.entries(resource, job, trials), "ended": now}
        if ending.failure:
            document["failure"] = ending.failure[:1024]
        with self._around.database.write() as tx:
            resources.save(tx, resource, document=document, status=ending.status, now=now)
        self._courses.forget(resource)
        best = best_of(job, trials)
        log.info(
            "tuning job ended",
            extra={"arn": resource.arn, "status": ending.status, "best": best.name if best else None},
        )

    def _prior(self, resource: Resource, job: TuningJob) -> list[Result]:
        """Results of the parents of a warm start that still exist."""
        config = resource.document["request"].get("WarmStartConfig") or {}
        found: list[Result] = []
        with self._around.database.read() as tx:
            for parent in config.get("ParentHyperParameterTuningJobs") or []:
                name = parent.get("HyperParameterTuningJobName", "")
                row = resources.find(tx, resource.account, resource.region, self.kind, name)
                if row is not None:
                    found += results_of(job, tuning_trials.of_job(tx, row.id), prior=True)
        return found

    def _seconds(self, resource: Resource) -> float:
        return (self._around.clock.now() - resource.created_at).total_seconds()

    def _on_commit(self, touched: Mapping[int, str]) -> None:
        for resource_id, kind in touched.items():
            parent = self._parents.get(resource_id) if kind == CHILD_KIND else None
            if parent is not None:
                self._wake(parent, self.kind)
