"""A strict installation refuses jobs and endpoints that have no room, before anything is prepared for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clary.engine.endpoints import EndpointController
from clary.engine.jobs import JobController
from clary.engine.processing_jobs import ProcessingJobs
from clary.engine.routes import RouteWriter
from clary.engine.surroundings import Surroundings
from clary.engine.training_jobs import TrainingJobs
from clary.engine.transform_jobs import TransformJobs
from tests.engine.running import job, make, run

HUGE = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}


@pytest.fixture
def strict(around: Surroundings) -> Surroundings:
    """Whatever the machine of the test has, a unit may have only a GiB of it."""
    return replace(around, settings=replace(around.settings, capacity="strict", max_unit_memory_mb=1024))


@pytest.mark.parametrize("kind", [TrainingJobs, ProcessingJobs, TransformJobs])
def test_a_job_that_has_no_room_fails(
    strict: Surroundings, kind: type[TrainingJobs | ProcessingJobs | TransformJobs]
) -> None:
    request = {
        "ResourceConfig": HUGE,
        "ProcessingResources": {"ClusterConfig": HUGE},
        "TransformResources": HUGE,
    }
    row = job(strict, kind.kind, **request)
    ended = run(strict, JobController(strict, kind(strict)), row, lambda row: row.status == "Failed")
    assert ended.document["failure"].startswith("CapacityError: ml.m5.24xlarge has 384 GiB of memory (here: 1 GiB)")
    assert "CLARY_CAPACITY=fit" in ended.document["failure"]


@pytest.mark.parametrize("kind", [TrainingJobs, ProcessingJobs, TransformJobs])
def test_instances_that_have_no_room_together_fail(
    strict: Surroundings, kind: type[TrainingJobs | ProcessingJobs | TransformJobs]
) -> None:
    many = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 60, "VolumeSizeInGB": 1}
    request = {
        "ResourceConfig": many,
        "ProcessingResources": {"ClusterConfig": many},
        "TransformResources": many,
    }
    row = job(strict, kind.kind, **request)
    ended = run(strict, JobController(strict, kind(strict)), row, lambda row: row.status == "Failed")
    assert ended.document["failure"].startswith("CapacityError: 60 instances have ")


def test_an_endpoint_that_has_no_room_fails(strict: Surroundings) -> None:
    variant = {"VariantName": "v", "InitialInstanceCount": 1, "InstanceType": "ml.m5.24xlarge", "Container": {}}
    target = {"generation": 1, "config": "c", "variants": [variant]}
    row = make(strict, "endpoint", "Creating", {"target": target, "config": "c", "fleet": []})
    controller = EndpointController(strict, RouteWriter(strict))
    ended = run(strict, controller, row, lambda row: row.status == "Failed")
    assert ended.document["failure"].startswith("CapacityError: ml.m5.24xlarge has 384 GiB")
