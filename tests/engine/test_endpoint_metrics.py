"""What doors report of invocations becomes metrics of endpoints, once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clary.base.clock import SystemClock
from clary.base.invocation_reports import write_reports
from clary.base.settings import Settings
from clary.engine import endpoint_metrics
from clary.engine.endpoint_metrics import EndpointMetrics
from clary.serving.measures import Measures
from clary.store import metric_data
from clary.store.database import Database
from clary.store.metric_data import Metric
from clary.store.metric_sums import Sums
from tests.engine.reports import report_of

AT = int(datetime(2026, 3, 4, 5, 6, tzinfo=UTC).timestamp())


class Around:
    """What the thread needs of the surroundings."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data=folder)
        self.database = Database(folder / "clary.db")
        self.clock = SystemClock()
        self.settings.layout.invocation_reports.mkdir(parents=True)


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Around]:
    around = Around(tmp_path)
    yield around
    around.database.close()


def sums_of(around: Around, name: str) -> Sums:
    metric = Metric("AWS/SageMaker", name, (("EndpointName", "e"), ("VariantName", "v")))
    with around.database.read() as tx:
        found = metric_data.find(tx, "1", "r", metric)
        assert found is not None, name
        (row,) = metric_data.read(tx, found, 60, AT, AT + 60, 10)
    return row.sums


def test_reports_of_several_doors_add_up_and_none_counts_twice(around: Around) -> None:
    folder = around.settings.layout.invocation_reports
    measures = Measures()
    for number in range(1200):
        measures.add(number / 1000, 0.001)
    measures.model_errors, measures.client_errors = 3, 2
    first = report_of(measures, AT + 1)
    measures = Measures()
    measures.add(2.0, 0.002)
    second = report_of(measures, AT + 59)
    write_reports(folder / "1-1.json", [first])
    write_reports(folder / "2-1.json", [second])
    (folder / "3-1.json").write_text("[{")
    metrics = EndpointMetrics(around)  # type: ignore[arg-type]  # the part of the surroundings that it uses
    metrics.take()
    assert list(folder.iterdir()) == []
    write_reports(folder / "1-1.json", [first])  # as after a crash before it was removed
    metrics.take()
    invocations = sums_of(around, "Invocations")
    assert (invocations.count, invocations.total, invocations.high) == (1201, 1201, 1)
    assert sums_of(around, "InvocationsPerInstance").total == pytest.approx(1201 / 2)
    errors = sums_of(around, "InvocationModelErrors")
    assert (errors.total, errors.average) == (3, pytest.approx(3 / 1201))
    assert sums_of(around, "Invocation4XXErrors").total == 2
    assert sums_of(around, "Invocation5XXErrors").high == 0
    latency = sums_of(around, "ModelLatency")
    assert latency.percentile(50) == pytest.approx(600_000, rel=0.03)
    assert (latency.low, latency.high) == (0, 2_000_000)
    assert sums_of(around, "OverheadLatency").average == pytest.approx(1000, rel=0.01)


def test_what_doors_left_goes_and_trouble_with_the_folder_passes(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = around.settings.layout.invocation_reports
    (folder / "1-1.new").touch()
    os.utime(folder / "1-1.new", (0, 0))
    (folder / "2-1.new").touch()
    (folder / "3-1.new").symlink_to(folder / "gone")  # to whoever looks, as a file that vanishes
    monkeypatch.setattr(endpoint_metrics, "_SECONDS", 0.01)
    metrics = EndpointMetrics(around)  # type: ignore[arg-type]  # as above
    looks, again = 0, threading.Event()

    def take() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise PermissionError(1, "Operation not permitted")
        again.set()

    monkeypatch.setattr(metrics, "take", take)
    metrics.start()
    assert again.wait(30)
    metrics.stop()
    assert sorted(path.name for path in folder.iterdir()) == ["2-1.new", "3-1.new"]
