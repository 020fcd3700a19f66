"""The controller of both job kinds. What differs between them is in a `JobKind` (training_jobs, processing_jobs).

A job is one unit per instance, and new ones where a RetryStrategy starts it again. The steps are in job_plan.py;
each is safe to repeat: staging starts from an empty folder, a unit starts at most once, uploads overwrite themselves,
results are recorded by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from clary.base.crash import crash_here
from clary.base.errors import ClaryError
from clary.base.log import get_logger
from clary.engine.hosts import Host, check_capacity, hosts_of
from clary.engine.job_plan import Step, deciding, is_to_be_stopped, plan
from clary.engine.log_shipping import last_lines, ship_log
from clary.engine.notes import note_build, note_failure
from clary.engine.role_objects import RoleObjects
from clary.engine.surroundings import Surroundings
from clary.engine.units import resource_of, unit_id
from clary.runtimes.diagnosis import OWN_ERROR, explain, failure_reason
from clary.runtimes.environments import BeingBuilt, PreparedEnvironment
from clary.runtimes.port import UnitSpec, UnitState
from clary.store import resources
from clary.store.resources import Resource

log = get_logger(__name__)

_WATCH_SECONDS = 0.25
_BUILD_SECONDS = 1.0
_LOG_BATCHES = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: terminal status, SecondaryStatus (training only), reason, and document entries to add."""

    status: str
    secondary: str
    failure: str | None = None
    entries: dict[str, Any] | None = None


class JobKind(Protocol):
    """What training and processing do differently."""

    kind: str
    letter: str
    log_group: str

    def machines(self, job: Resource) -> dict[str, Any]:
        """The part of the request that says how many instances, and of which type."""

    def instance_types(self, job: Resource, hosts: Sequence[Host]) -> Sequence[str]:
        """Of all instances that the request asks for, by which the limits of its units are measured."""

    def environment(self, job: Resource, unit: str) -> PreparedEnvironment | BeingBuilt:
        """What stands for the image, and is built from now on where it is missing. `unit` will ask again."""

    def stage(
        self,
        job: Resource,
        host: Host,
        hosts: Sequence[Host],
        unit: str,
        opt_ml: Path,
        objects: RoleObjects,
        environment: PreparedEnvironment,
    ) -> UnitSpec:
        """Place the inputs of one instance below `opt_ml` (an empty folder)."""

    def look(self, job: Resource, opt_ml: Path, objects: Callable[[], RoleObjects], now: datetime) -> None:
        """Called often while the unit runs: upload what shall be in S3 before the end, when that is due."""

    def listen(self, job: Resource, units: Sequence[str], *, ended: bool) -> tuple[Resource, bool]:
        """Called often while units run, and when they have ended: take from what they print what the job shows.
        Returns the row as it is then, and whether everything that was printed is known."""

    def collect(
        self, job: Resource, folders: Sequence[Path], objects: RoleObjects, state: UnitState
    ) -> dict[str, Any]:
        """Upload outputs of all instances (their /opt/ml, algo-1's first); returns document entries."""

    def enter(self, document: dict[str, Any], secondary: str, now: datetime) -> dict[str, Any]:
        """The document with `secondary` as the newest stage (training keeps a history of them)."""


class JobController:
    """Implements `engine.controller.Controller` for one JobKind."""

    def __init__(self, around: Surroundings, kind: JobKind) -> None:
        self.kind = kind.kind
        self._around = around
        self._kind = kind

    def owns(self, unit: str) -> int | None:
        return resource_of(self._kind.letter, unit)

    def reconcile(self, job: Resource) -> float | None:
        hosts = self._hosts(job)
        units = [self._unit(job, host) for host in hosts]
        states = [self._around.runtime.observe(unit) for unit in units]
        step = plan(job.status, bool(job.document.get("stop_requested")), states)
        if step is Step.LAUNCH:
            missing = [host for host, state in zip(hosts, states, strict=True) if state is None]
            return self._launch(job, missing, hosts)
        if step is Step.ABANDON:
            return self._record(job, Outcome("Stopped", "Stopped", None, {"ended": self._around.clock.now()}))
        if step is Step.CLEAN:
            for unit in units:
                self._around.runtime.remove(unit)
            return None
        if step is Step.COLLECT:
            return self._collect(job, hosts, states)
        if step is Step.STOP:
            for unit, state in zip(units, states, strict=True):
                if state is not None and is_to_be_stopped(state):
                    self._around.runtime.stop(unit)
        return self._watch(job, hosts, states)

    def give_up(self, job: Resource) -> None:
        """Whatever runs of it is killed when the job is cleaned away, or started again."""
        if job.status in {"InProgress", "Stopping"}:
            outcome = Outcome("Failed", "Failed", OWN_ERROR, {"ended": self._around.clock.now()})
            self._end(job, outcome)

    def _launch(self, job: Resource, missing: Sequence[Host], hosts: Sequence[Host]) -> float | None:
        """All are staged before the first starts; after a crash in between only those that have not started."""
        if _restarts(job):
            for host in hosts:
                self._around.runtime.remove(self._unit(job, host, _restarts(job) - 1))
        try:
            types = self._kind.instance_types(job, hosts)
            check_capacity(hosts, types, strict=self._around.settings.capacity == "strict")
            environment = self._kind.environment(job, self._unit(job, hosts[0]))
            if isinstance(environment, BeingBuilt):
                self._enter(job, "DownloadingTrainingImage")
                note_build(self._around, job, self._kind.log_group, self._stream(job, hosts[0]), environment)
                return _BUILD_SECONDS
            job = self._enter(job, "Downloading")
            specs = [self._stage(job, host, hosts, environment) for host in missing]
            crash_here("engine.job_staged")
            if self._moved_on(job):
                return 0.0
            for spec in specs:
                self._around.runtime.launch(spec)
        except resources.StaleRevision:
            raise  # somebody wants something else of it meanwhile
        except (ClaryError, OSError, ValueError, LookupError, TypeError) as error:
            # The last three are requests that no check foresaw: the job ends and says so instead of being retried.
            return self._fail(job, error)
        crash_here("engine.job_launched")
        return 0.0

    def _stage(self, job: Resource, host: Host, hosts: Sequence[Host], environment: PreparedEnvironment) -> UnitSpec:
        unit, objects = self._unit(job, host), self._objects(job)
        spec = self._kind.stage(job, host, hosts, unit, self._opt_ml(job, host), objects, environment)
        if spec.network:
            return spec
        return replace(spec, together=[self._unit(job, other) for other in hosts if other is not host])

    def _moved_on(self, job: Resource) -> bool:
        """Staging may take long; whoever asked to stop meanwhile does not want the script to start at all."""
        with self._around.database.read() as tx:
            current = resources.find_by_id(tx, job.id)
        return current is None or current.revision != job.revision

    def _watch(self, job: Resource, hosts: Sequence[Host], states: Sequence[UnitState | None]) -> float:
        if job.status == "InProgress":
            job = self._enter(job, "Training", started=_first_start(states))
        done = [self._ship(job, host, _LOG_BATCHES) for host in hosts]
        for host in hosts:
            self._look(job, host)
        job, heard = self._kind.listen(job, [self._unit(job, host) for host in hosts], ended=False)
        done.append(heard)
        return _WATCH_SECONDS if all(done) else 0.0

    def _ship(self, job: Resource, host: Host, batches: int | None = None) -> bool:
        stream = self._stream(job, host)
        return ship_log(self._around, job, self._unit(job, host), self._kind.log_group, stream, batches)

    def _look(self, job: Resource, host: Host) -> None:
        """What cannot be uploaded now is tried again, and decides over the job only when it has ended."""
        opt_ml = self._opt_ml(job, host)
        try:
            self._kind.look(job, opt_ml, lambda: self._objects(job), self._around.clock.now())
        except (ClaryError, OSError) as error:
            log.warning("outputs could not be uploaded yet", extra={"arn": job.arn, "reason": str(error)})

    def _collect(self, job: Resource, hosts: Sequence[Host], states: Sequence[UnitState | None]) -> float | None:
        shipped = [self._ship(job, host, _LOG_BATCHES) for host in hosts]
        job = self._enter(job, "Uploading", started=_first_start(states))
        job, heard = self._kind.listen(job, [self._unit(job, host) for host in hosts], ended=True)
        if not (all(shipped) and heard):
            return 0.0  # a log may be so long that a server which ends meanwhile would wait for minutes
        place, state = deciding(states)
        outcome = self._outcome(job, hosts[place], state, one_of_many=len(hosts) > 1)
        if outcome.status == "Completed" and None in states:
            outcome = Outcome("Stopped", "Stopped")
        folders = [self._opt_ml(job, host) for host, known in zip(hosts, states, strict=True) if known]
        try:
            entries = self._kind.collect(job, folders, self._objects(job), state)
        except (ClaryError, OSError) as error:
            entries = {}
            if outcome.status != "Failed":
                outcome = Outcome("Failed", "Failed", explain(error))
        crash_here("engine.job_collected")
        if _is_tried_again(job, outcome):
            return self._restart(job, state)
        ends = [known.ended_at for known in states if known and known.ended_at]
        ended = {"ended": max(ends) if ends else self._around.clock.now()}
        return self._record(job, Outcome(outcome.status, outcome.secondary, outcome.failure, {**entries, **ended}))

    def _outcome(self, job: Resource, host: Host, state: UnitState, *, one_of_many: bool) -> Outcome:
        if state.stopped_by == "stop":
            return Outcome("Stopped", "Stopped")
        if state.stopped_by == "deadline":
            if self.kind == "training-job":
                return Outcome("Stopped", "MaxRuntimeExceeded")
            limit = job.document["request"]["StoppingCondition"]["MaxRuntimeInSeconds"]
            return Outcome(
                "Failed", "Failed", f"ClientError: The job ran longer than MaxRuntimeInSeconds ({limit} s)."
            )
        if state.exit_code == 0:
            return Outcome("Completed", "Completed")
        lines = last_lines(self._around, self._unit(job, host))
        reason = failure_reason(state, lines, self._opt_ml(job, host))
        return Outcome("Failed", "Failed", f"{reason[:1000]} (on {host.name})" if one_of_many else reason)

    def _fail(self, job: Resource, error: Exception) -> float | None:
        foreseen = isinstance(error, ClaryError)
        log.info("job could not start", extra={"arn": job.arn, "reason": str(error)}, exc_info=not foreseen)
        reason = explain(error)
        note_failure(self._around, job, self._kind.log_group, self._stream(job, self._hosts(job)[0]), reason)
        return self._end(job, Outcome("Failed", "Failed", reason, {"ended": self._around.clock.now()}))

    def _end(self, job: Resource, outcome: Outcome) -> float:
        return self._restart(job, None) if _is_tried_again(job, outcome) else self._record(job, outcome)

    def _restart(self, job: Resource, state: UnitState | None) -> float:
        """A new unit; the time that the old one has run counts."""
        now = self._around.clock.now()
        used = job.document.get("used_seconds", 0.0)
        if state is not None and state.started_at is not None:
            used += ((state.ended_at or now) - state.started_at).total_seconds()
        document = {**job.document, "restarts": _restarts(job) + 1, "used_seconds": used, "stage": "Starting"}
        with self._around.database.write() as tx:
            resources.save(tx, job, document=self._kind.enter(document, "Restarting", now), now=now)
        crash_here("engine.job_restarted")
        return 0.0

    def _record(self, job: Resource, outcome: Outcome) -> float:
        """The terminal status; afterwards the unit is cleaned away at the next look."""
        now = self._around.clock.now()
        document = self._kind.enter({**job.document, **(outcome.entries or {})}, outcome.secondary, now)
        if outcome.failure:
            document["failure"] = outcome.failure[:1024]
        with self._around.database.write() as tx:
            resources.save(tx, job, document=document, status=outcome.status, now=now)
        crash_here("engine.job_recorded")
        return 0.0

    def _enter(self, job: Resource, secondary: str, started: datetime | None = None) -> Resource:
        """Record a stage once; going back (after a crash) or staying is not recorded."""
        order = ("Starting", "DownloadingTrainingImage", "Downloading", "Training", "Uploading")
        current = job.document.get("stage", "Starting")
        now = self._around.clock.now()
        if order.index(secondary) <= order.index(current):
            if started is None or "started" in job.document:
                return job
            with self._around.database.write() as tx:
                return resources.save(tx, job, document={**job.document, "started": started}, now=now)
        document = {**job.document, "stage": secondary}
        if job.status == "InProgress":
            document = self._kind.enter(document, secondary, now)
        if started and "started" not in document:
            document["started"] = started
        with self._around.database.write() as tx:
            return resources.save(tx, job, document=document, now=now)

    def _objects(self, job: Resource) -> RoleObjects:
        role = job.document.get("role") or job.document["request"]["RoleArn"]
        return self._around.objects_of(role)

    def _hosts(self, job: Resource) -> list[Host]:
        return hosts_of(job.id, self._kind.machines(job))

    def _unit(self, job: Resource, host: Host, restarts: int | None = None) -> str:
        again = _restarts(job) if restarts is None else restarts
        return unit_id(self._kind.letter, job.id, "algo", host.number, *([f"r{again}"] if again else []))

    def _stream(self, job: Resource, host: Host) -> str:
        """A log stream of its own for each attempt."""
        return f"{job.name}/{host.name}-{int(job.created_at.timestamp()) + _restarts(job)}"

    def _opt_ml(self, job: Resource, host: Host) -> Path:
        return self._around.runtime.unit_folder(self._unit(job, host)) / "opt-ml"


def _first_start(states: Sequence[UnitState | None]) -> datetime | None:
    return min((state.started_at for state in states if state and state.started_at), default=None)


def _restarts(job: Resource) -> int:
    return int(job.document.get("restarts", 0))


def _is_tried_again(job: Resource, outcome: Outcome) -> bool:
    """Only what is not the user's own fault, and only while nobody wants the job to stop."""
    most = (job.document["request"].get("RetryStrategy") or {}).get("MaximumRetryAttempts", 0)
    faulty = outcome.status == "Failed" and (outcome.failure or "").startswith("InternalServerError")
    return faulty and job.status == "InProgress" and _restarts(job) < most
