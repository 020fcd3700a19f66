"""Giving up training jobs that will not win, from the course of their objective while they run.

The course is every value of the objective that a training job has emitted, in order. It is read from the training
job's log, each time only what is new, and kept in memory while the tuning job runs; after a restart it is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clary.definitions.tuning.job import Definition, TuningJob
from clary.engine.metrics import own_metrics
from clary.engine.tuning.search import hyperband, median
from clary.runtimes.expressions import Expressions
from clary.store import logs
from clary.store.database import Database
from clary.store.log_records import Position, Span, Stream
from clary.store.resources import Resource
from clary.store.tuning_trials import Trial

_GROUP = "/aws/sagemaker/TrainingJobs"
_BATCH = 2000
_BATCHES = 5
"""So many batches of one log in one look: a training job may print faster than its log can be searched."""
_LONGEST = 20_000
"""The most epochs that Hyperband knows; what is emitted later changes no decision."""

FindValues = Callable[[Definition, Sequence[str]], list[float]]
"""The values of a definition's objective in lines of a log."""


@dataclass(slots=True)
class _Course:
    losses: list[float] = field(default_factory=list)
    positions: dict[int, Position] = field(default_factory=dict)  # by stream
    complete: bool = False


def values_by(expressions: Expressions) -> FindValues:
    """With the regular expression that the definition has for its objective, else as built-in algorithms print it."""

    def find_values(definition: Definition, lines: Sequence[str]) -> list[float]:
        if definition.regex is not None:
            return expressions.numbers(definition.regex, lines)
        found = (own_metrics(line).get(definition.metric) for line in lines)
        return [value for value in found if value is not None]

    return find_values


class Courses:
    """Of all tuning jobs of one controller. One tuning job is looked at by one thread at a time."""

    def __init__(self, database: Database, find_values: FindValues) -> None:
        self._database = database
        self._find_values = find_values
        self._known: dict[int, dict[int, _Course]] = {}

    def surplus(self, resource: Resource, job: TuningJob, trials: Sequence[Trial]) -> set[int]:
        """Numbers of running trials that are not worth going on with."""
        running = {trial.number for trial in trials if trial.status == "InProgress"}
        if not running or not (job.early_stopping or job.resources):
            return set()
        found: set[int] = set()
        for definition in job.definitions:
            own = [trial for trial in trials if trial.definition == definition.name and trial.arn]
            histories = {trial.number: self._losses(resource, job, definition, trial) for trial in own}
            found |= _surplus(job, histories, running & histories.keys())
        return found

    def forget(self, resource: Resource) -> None:
        """The tuning job has ended."""
        self._known.pop(resource.id, None)

    def _losses(self, resource: Resource, job: TuningJob, definition: Definition, trial: Trial) -> Sequence[float]:
        course = self._known.setdefault(resource.id, {}).setdefault(trial.number, _Course())
        if not course.complete:
            everything = self._read_on(resource, job, definition, trial, course)
            course.complete = (everything and trial.ended) or len(course.losses) >= _LONGEST
        return course.losses

    def _read_on(
        self, resource: Resource, job: TuningJob, definition: Definition, trial: Trial, course: _Course
    ) -> bool:
        """Read what is new; False when there is more."""
        with self._database.read() as tx:
            group = logs.find_group(tx, resource.account, resource.region, _GROUP)
            streams = logs.find_streams(tx, group, prefix=f"{trial.name}/") if group else []
        lines: list[str] = []
        for _ in range(_BATCHES):
            lines = [line for stream in streams for line in self._next_lines(stream, course)]
            if not lines:
                break
            course.losses += [job.loss(value) for value in self._find_values(definition, lines)]
        return not lines

    def _next_lines(self, stream: Stream, course: _Course) -> list[str]:
        with self._database.read() as tx:
            events = logs.page_stream(tx, stream, Span(), after=course.positions.get(stream.id), limit=_BATCH)
        if events:
            course.positions[stream.id] = (events[-1].timestamp, events[-1].id)
        return [event.message for event in events]


def _surplus(job: TuningJob, histories: dict[int, Sequence[float]], running: set[int]) -> set[int]:
    if job.resources is not None:
        least, most = job.resources
        return hyperband.surplus(histories, running, least, most)
    return median.surplus(histories, running)
