"""FinalMetricDataList: the last value of each metric in the log of a training job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.base.clock import from_epoch_ms
from clary.engine.metrics import FinalMetrics, is_built_in, quality_metrics
from clary.store import logs, metric_data, resources
from clary.store.database import Database
from clary.store.metric_data import Metric
from clary.store.resources import Resource

NOW = datetime(2026, 3, 4, tzinfo=UTC)
GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


def job(database: Database, **regexes: str) -> Resource:
    definitions = [{"Name": name, "Regex": regex} for name, regex in regexes.items()]
    document = {"request": {"AlgorithmSpecification": {"MetricDefinitions": definitions}}}
    with database.write() as tx:
        return resources.create(
            tx, account="1", region="r", kind="training-job", name="job", arn="a", document=document, now=NOW
        )


def log(database: Database, stream: str, *lines: tuple[int, str]) -> None:
    with database.write() as tx:
        logs.append(tx, "1", "r", GROUP, stream, lines, now=NOW)


def test_the_last_value_of_each_counts(database: Database) -> None:
    log(database, "job/algo-1-1", (1000, "[0]\tval-auc:0.5 loss=3"), (2000, "[1]\tval-auc:0.75"), (3000, "done"))
    log(database, "job-2/algo-1-1", (9000, "[9]\tval-auc:0.99"))
    made = job(database, auc=r"#011val-auc:([0-9.]+)", loss=r"loss=(\S+)", absent=r"no=(\d)", broken="(")
    assert FinalMetrics(database).of_job(made, GROUP)[0] == [
        {"MetricName": "auc", "Value": 0.75, "Timestamp": from_epoch_ms(2000)},
        {"MetricName": "loss", "Value": 3.0, "Timestamp": from_epoch_ms(1000)},
    ]


def test_a_value_long_before_the_end_is_found(database: Database) -> None:
    log(database, "job/algo-1-1", (1, "auc=0.5"), *((2, f"line {n}") for n in range(4500)))
    (found,), _ = FinalMetrics(database).of_job(job(database, auc=r"auc=(.*)"), GROUP)
    assert found["Value"] == 0.5


def test_the_whole_course_is_published_once(database: Database) -> None:
    lines = [(60_000 * minute + 1000 * second, f"loss={minute * 10 + second}") for minute, second in COURSE]
    log(database, "job/algo-1-1", *lines)
    log(database, "job/algo-2-1", (1000, "loss=5"))
    made = job(database, loss=r"loss=(\d+)")
    for _ in range(2):
        _, course = FinalMetrics(database).of_job(made, GROUP)
        course.publish(database, made, NOW)
    metric = Metric("/aws/sagemaker/TrainingJobs", "loss", (("TrainingJobName", "job"),))
    with database.read() as tx:
        found = metric_data.find(tx, "1", "r", metric)
        assert found is not None
        minutes = metric_data.read(tx, found, 60, 0, 1000, 100)
        seconds = metric_data.read(tx, found, 1, 0, 1000, 100)
    assert [(row.at, row.sums.count, row.sums.total) for row in minutes] == [(0, 3.0, 6.0), (60, 1.0, 12.0)]
    assert [(row.at, row.sums.average) for row in seconds] == [(0, 0.0), (1, 3.0), (62, 12.0)]


COURSE = ((0, 0), (0, 1), (1, 2))


def test_of_a_job_that_was_tried_again_the_last_attempt_counts(database: Database) -> None:
    begun = int(NOW.timestamp())
    log(database, f"job/algo-1-{begun}", (1000, "loss=9"))
    made = job(database, loss=r"loss=(\d+)")
    FinalMetrics(database).of_job(made, GROUP)[1].publish(database, made, NOW)
    log(database, f"job/algo-1-{begun + 1}", (61_000, "loss=1"))
    made = replace(made, document={**made.document, "restarts": 1})
    (final,), course = FinalMetrics(database).of_job(made, GROUP)
    assert final["Value"] == 1.0
    course.publish(database, made, NOW)
    metric = Metric("/aws/sagemaker/TrainingJobs", "loss", (("TrainingJobName", "job"),))
    with database.read() as tx:
        found = metric_data.find(tx, "1", "r", metric)
        assert found is not None
        assert [row.sums.total for row in metric_data.read(tx, found, 60, 0, 1000, 100)] == [9.0, 1.0]


def test_without_definitions_or_a_log_there_is_nothing(database: Database) -> None:
    assert FinalMetrics(database).of_job(job(database, auc="x"), GROUP)[0] == []


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


def test_scripts_and_commands_in_an_algorithms_image_are_not_the_algorithm() -> None:
    algorithm = {"TrainingImage": "1.dkr.ecr.r.amazonaws.com/sagemaker-xgboost:1.7-1"}
    assert is_built_in({"AlgorithmSpecification": algorithm})
    assert not is_built_in({"AlgorithmSpecification": algorithm, "Environment": {"SAGEMAKER_PROGRAM": "train.py"}})
    assert not is_built_in({"AlgorithmSpecification": {**algorithm, "ContainerEntrypoint": ["/bin/bash"]}})


def test_built_in_algorithms_need_no_definitions(database: Database) -> None:
    log(database, "job/algo-1-1", (1, f"{QUALITY} train msd <loss>=9"), (2, f"{QUALITY} train msd <loss>=0.5"))
    log(database, "job/algo-2-1", (3, "algo-1 trains with all of the data; nothing is left to do here"))
    request = {"AlgorithmSpecification": {"TrainingImage": "1.dkr.ecr.r.amazonaws.com/kmeans:1"}}
    assert is_built_in(request)
    with database.write() as tx:
        made = resources.create(
            tx,
            account="1",
            region="r",
            kind="training-job",
            name="job",
            arn="a",
            document={"request": request},
            now=NOW,
        )
    assert FinalMetrics(database).of_job(made, GROUP)[0] == [
        {"MetricName": "train:msd", "Value": 0.5, "Timestamp": from_epoch_ms(2)}
    ]
