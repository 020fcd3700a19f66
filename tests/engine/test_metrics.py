"""Metrics of training jobs: what lines tell, and how values come from the log of a running job to CloudWatch and to
FinalMetricDataList, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clary.base.clock import SystemClock, from_epoch_ms
from clary.engine.metric_course import Courses, begun_anew
from clary.engine.metrics import has_metrics, is_built_in, quality_metrics
from clary.runtimes.port import LogLine
from clary.store import metric_data, resources
from clary.store.database import Database
from clary.store.metric_data import Metric

NOW = datetime(2026, 3, 4, tzinfo=UTC)
KMEANS = {"AlgorithmSpecification": {"TrainingImage": "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"}}


class Later(SystemClock):
    """Moves on by hand."""

    now_at = 0.0

    def monotonic(self) -> float:
        return self.now_at


class Job:
    """A job whose units print what the test says; `look` is what its controller does."""

    def __init__(self, database: Database, request: dict[str, Any]) -> None:
        self.database = database
        self.clock = Later()
        self.printed: dict[str, list[LogLine]] = {}
        self.courses = Courses(database, self._read, self.clock)
        document = {"request": request}
        with database.write() as tx:
            self.row = resources.create(
                tx, account="1", region="r", kind="training-job", name="job", arn="a", document=document, now=NOW
            )

    def prints(self, unit: str, *lines: tuple[int, str]) -> None:
        known = self.printed.setdefault(unit, [])
        known += [LogLine(at, text, len(known) + number) for number, (at, text) in enumerate(lines, 1)]

    def look(self, *units: str, ended: bool = False, later: float = 0.0) -> bool:
        self.clock.now_at += later
        self.row, done = self.courses.follow(self.row, units or ("u",), ended=ended)
        return done

    def control_starts_again(self) -> None:
        """Nothing is known but what is stored."""
        self.courses = Courses(self.database, self._read, self.clock)
        with self.database.read() as tx:
            row = resources.find_by_id(tx, self.row.id)
        assert row is not None
        self.row = row

    @property
    def finals(self) -> dict[str, tuple[float, int]]:
        listed = self.row.document.get("metrics") or []
        return {item["MetricName"]: (item["Value"], int(item["Timestamp"].timestamp() * 1000)) for item in listed}

    def course(self, name: str, seconds: int = 60) -> list[tuple[int, float, float]]:
        """Beginnings, numbers of values and sums of what CloudWatch has."""
        metric = Metric("/aws/sagemaker/TrainingJobs", name, (("TrainingJobName", "job"),))
        with self.database.read() as tx:
            found = metric_data.find(tx, "1", "r", metric)
            rows = metric_data.read(tx, found, seconds, 0, 10**9, 10**4) if found is not None else []
        return [(row.at, row.sums.count, row.sums.total) for row in rows]

    def _read(self, unit: str, offset: int, limit: int) -> list[LogLine]:
        return self.printed.get(unit, [])[offset : offset + limit]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def defining(**regexes: str) -> dict[str, Any]:
    definitions = [{"Name": name, "Regex": regex} for name, regex in regexes.items()]
    return {"AlgorithmSpecification": {"MetricDefinitions": definitions}}


def test_a_running_job_shows_the_last_value_of_each(database: Database) -> None:
    job = Job(database, defining(auc=r"#011val-auc:([0-9.]+)", loss=r"loss=(\S+)", absent=r"no=(\d)", broken="("))
    job.prints("u", (1000, "[0]\tval-auc:0.5 loss=3"), (2000, "[1]\tval-auc:0.75"))
    before = job.row
    assert job.look()
    assert job.finals == {"auc": (0.75, 2000), "loss": (3.0, 1000)}
    assert job.row.updated_at == before.updated_at
    job.prints("u", (3000, "loss=2"))
    job.look(later=1)
    assert job.finals["loss"] == (3.0, 1000), "the next look is not due yet"
    job.look(later=60)
    assert list(job.finals.items()) == [("auc", (0.75, 2000)), ("loss", (2.0, 3000))]
    assert [item["Timestamp"] for item in job.row.document["metrics"]][1] == from_epoch_ms(3000)


def test_each_value_counts_once_whatever_happens_in_between(database: Database) -> None:
    job = Job(database, defining(loss=r"loss=(\d+)"))
    job.prints("u", (0, "loss=0"), (1000, "loss=1"))
    job.look()
    job.prints("u", (1500, "loss=2"))
    stale = job.row
    with database.write() as tx:
        job.row = resources.save(tx, job.row, now=NOW)
    job.row, current = stale, job.row
    with pytest.raises(resources.StaleRevision):
        job.look(later=60)
    job.row = current
    job.control_starts_again()
    job.look(later=60)
    job.prints("u", (62_000, "loss=12"), (63_000, "nothing"))
    job.control_starts_again()
    assert job.look(ended=True)
    assert job.look(ended=True)
    assert job.course("loss") == [(0, 3.0, 3.0), (60, 1.0, 12.0)]
    assert job.course("loss", 1) == [(0, 1.0, 0.0), (1, 2.0, 3.0), (62, 1.0, 12.0)]


def test_a_long_log_is_read_in_pieces_and_to_its_end(database: Database) -> None:
    job = Job(database, defining(loss=r"loss=(\d+)"))
    job.prints("u", *((1000 * number, f"loss={number}") for number in range(4500)))
    assert not job.look()
    assert job.finals["loss"][0] == 1999
    assert not job.look(), "at once"
    assert job.look(ended=True)
    assert job.finals["loss"][0] == 4499
    assert sum(count for _, count, _ in job.course("loss")) == 4500
    assert len(job.course("loss", 1)) == 600, "what comes later is stored by minutes alone"


def test_the_long_log_of_an_ended_job_is_read_in_several_looks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clary.engine.metric_course._BATCHES_OF_ENDED", 2)
    job = Job(database, defining(loss=r"loss=(\d+)"))
    job.prints("u", *((number, f"loss={number}") for number in range(9000)))
    assert [job.look(ended=True) for _ in range(3)] == [False, False, True]
    assert job.finals["loss"][0] == 8999
    assert sum(count for _, count, _ in job.course("loss")) == 9000


def test_the_latest_value_of_all_instances_counts(database: Database) -> None:
    job = Job(database, defining(loss=r"loss=(\d+)"))
    job.prints("u1", (2000, "loss=2"))
    job.prints("u2", (1000, "loss=1"))
    job.look("u1", "u2")
    assert job.finals == {"loss": (2.0, 2000)}
    assert job.course("loss") == [(0, 2.0, 3.0)]


def test_of_a_job_that_was_tried_again_the_last_attempt_counts(database: Database) -> None:
    job = Job(database, defining(loss=r"loss=(\d+)", accuracy=r"accuracy=(\d+)"))
    job.prints("u", (1000, "loss=9 accuracy=1"))
    job.look(ended=True)
    job.row = replace(job.row, document=begun_anew(job.row.document))
    job.prints("u-r1", (61_000, "loss=1"))
    job.look("u-r1", ended=True)
    assert job.finals == {"loss": (1.0, 61_000)}
    assert job.course("loss") == [(0, 1.0, 9.0), (60, 1.0, 1.0)]


def test_without_definitions_nothing_is_read(database: Database) -> None:
    request: dict[str, Any] = {"AlgorithmSpecification": {"TrainingImage": "1.dkr.ecr.r.amazonaws.com/mine:1"}}
    assert not has_metrics(request)
    job = Job(database, request)
    job.prints("u", (1, "loss=1"))
    before = job.row
    assert job.look(ended=True)
    assert job.row == before


QUALITY = "[11/21/2026 13:56:58 INFO 7] #quality_metric: host=algo-1,"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (f"{QUALITY} train msd <loss>=0.25", {"train:msd": 0.25}),
        (f"{QUALITY} test f1 <score>=1.0", {"test:f1": 1.0}),
        (f"{QUALITY} epoch=3, validation mse_objective <loss>=2.5", {"validation:objective_loss": 2.5}),
        (f"{QUALITY} validation mse_objective <loss>=2.5", {"validation:objective_loss:final": 2.5}),
        (f"{QUALITY} test hinge_loss_objective <loss>=2.5", {"test:objective_loss": 2.5}),
        (f"{QUALITY} validation binary_f_1.000 <score>=0.5", {"validation:binary_f_beta": 0.5}),
        (f"{QUALITY} test macro_f_1.000 <score>=0.5", {"test:macro_f_beta": 0.5}),
        (f"{QUALITY} test multiclass_top_k_accuracy_3 <score>=1", {"test:multiclass_top_k_accuracy": 1.0}),
        (f"{QUALITY} train msd <loss>=nan", {}),
        (f"{QUALITY} train msd <loss>=much", {}),
        ("#progress_metric: host=algo-1, completed 6.5 % of epochs", {"train:progress": 6.5}),
        ("#throughput_metric: host=algo-1, train throughput=12.5 records/second", {"train:throughput": 12.5}),
        ("train msd=3", {}),
    ],
)
def test_lines_of_the_built_in_algorithms(line: str, wanted: dict[str, float]) -> None:
    assert quality_metrics(line) == wanted


def test_a_script_that_prints_xgboosts_rounds_needs_no_definitions(database: Database) -> None:
    algorithm = {"TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"}
    job = Job(database, {"AlgorithmSpecification": algorithm, "HyperParameters": {"sagemaker_program": '"t.py"'}})
    job.prints("u", (1000, "[0]#011train-rmse:7.5#011validation-rmse:8.5"))
    job.look(ended=True)
    assert job.finals == {"train:rmse": (7.5, 1000), "validation:rmse": (8.5, 1000)}


def test_scripts_and_commands_in_an_algorithms_image_are_not_the_algorithm() -> None:
    algorithm = {"TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"}
    assert is_built_in({"AlgorithmSpecification": algorithm})
    assert not is_built_in({"AlgorithmSpecification": algorithm, "Environment": {"SAGEMAKER_PROGRAM": "train.py"}})
    assert not is_built_in({"AlgorithmSpecification": {**algorithm, "ContainerEntrypoint": ["/bin/bash"]}})


def test_built_in_algorithms_need_no_definitions(database: Database) -> None:
    job = Job(database, KMEANS)
    job.prints("u1", (1, f"{QUALITY} train msd <loss>=9"), (2, f"{QUALITY} train msd <loss>=0.5"))
    job.prints("u2", (3, "algo-1 trains with all of the data; nothing is left to do here"))
    job.look("u1", "u2")
    assert job.finals == {"train:msd": (0.5, 2)}
