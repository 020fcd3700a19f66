"""The course of a training job's metrics: every value that its log tells, for CloudWatch.

Filled while the log is searched for the last values (`metrics`); published once, when the training job has ended.
"""

from __future__ import annotations

from datetime import datetime

from clary.store import metric_data
from clary.store.database import Database
from clary.store.metric_data import Metric, Sample
from clary.store.metric_sums import of_values
from clary.store.resources import Resource

_NAMESPACE = "/aws/sagemaker/TrainingJobs"
_MOST = 20_000
"""The most values of one metric; of a longer log the latest count."""
_MOST_SECONDS = 600
"""A metric that was printed in more seconds than these is stored by minutes alone."""


class Course:
    """Values by metric and second, each with how often it was printed then."""

    def __init__(self) -> None:
        self._values: dict[str, dict[int, dict[float, float]]] = {}
        self._counts: dict[str, int] = {}

    def note(self, name: str, at_ms: int, value: float) -> None:
        """The latest values are to be noted first."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        if count <= _MOST:
            second = self._values.setdefault(name, {}).setdefault(at_ms // 1000, {})
            second[value] = second.get(value, 0.0) + 1.0

    def publish(self, database: Database, job: Resource, now: datetime) -> None:
        """A metric at a time, in short transactions; what was published before a crash is not published again."""
        attempt = job.document.get("restarts", 0)
        for number, (name, seconds) in enumerate(sorted(self._values.items())):
            metric = Metric(_NAMESPACE, name, (("TrainingJobName", job.name),))
            fine = len(seconds) <= _MOST_SECONDS
            samples = [Sample(metric, at, "None", of_values(values), fine) for at, values in seconds.items()]
            with database.write() as tx:
                if metric_data.first_time(tx, f"training-job/{job.id}/{attempt}/{number}", now):
                    metric_data.add(tx, job.account, job.region, samples)
