"""Instance types."""

from __future__ import annotations

import botocore.session
import pytest

from clary.runtimes.errors import InsufficientCapacity, UnknownInstanceType
from clary.runtimes.instances import GIB, find_type, limits_of, machine_memory


@pytest.mark.parametrize(
    ("name", "cpus", "gibibytes"),
    [
        ("ml.m5.large", 2, 8),
        ("ml.m5.xlarge", 4, 16),
        ("ml.m5.24xlarge", 96, 384),
        ("ml.m4.10xlarge", 40, 160),
        ("ml.c5.large", 2, 4),
        ("ml.c5.9xlarge", 36, 72),
        ("ml.c5.18xlarge", 72, 144),
        ("ml.c4.xlarge", 4, 7.5),
        ("ml.c4.8xlarge", 36, 60),
        ("ml.r5.4xlarge", 16, 128),
        ("ml.t2.medium", 2, 4),
        ("ml.t3.medium", 2, 4),
        ("ml.t3.2xlarge", 8, 32),
        ("ml.p3.2xlarge", 8, 61),
        ("ml.p3.16xlarge", 64, 488),
        ("ml.g4dn.xlarge", 4, 16),
        ("ml.g5.48xlarge", 192, 768),
        ("ml.p4d.24xlarge", 96, 1152),
        ("ml.p5.48xlarge", 192, 2048),
        ("ml.inf1.6xlarge", 24, 48),
        ("ml.trn1.32xlarge", 128, 512),
        ("ml.c6gn.large", 2, 4),
        ("ml.m8g.medium", 1, 4),
    ],
)
def test_known_types(name: str, cpus: int, gibibytes: float) -> None:
    found = find_type(name)
    assert (found.cpus, found.memory_bytes) == (cpus, gibibytes * GIB)


def test_every_type_of_the_api_is_known() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shapes = "TrainingInstanceType ProcessingInstanceType ProductionVariantInstanceType TransformInstanceType"
    names = {name for shape in shapes.split() for name in model.shape_for(shape).enum}
    assert len(names) > 100
    for name in names:
        found = find_type(name)
        assert found.cpus >= 1
        assert found.memory_bytes >= GIB


@pytest.mark.parametrize(
    "name", ["", "m5.large", "ml.m5", "ml.m5.", "ml.x9.large", "ml.m5.huge", "local", "ml.m5.large\n"]
)
def test_unknown_types(name: str) -> None:
    with pytest.raises(UnknownInstanceType):
        find_type(name)


def test_limits_are_those_of_the_smallest() -> None:
    assert limits_of("ml.p4d.24xlarge", gpus=True).memory_bytes == machine_memory()
    assert limits_of("ml.m5.24xlarge", 512).memory_bytes == 512 * 1024**2
    small = limits_of("ml.t3.micro")
    assert small.memory_bytes == min(GIB, machine_memory())
    assert small.cpus is not None
    assert small.cpus <= 2


def test_devices_that_are_not_there() -> None:
    with pytest.raises(InsufficientCapacity, match="has a GPU") as caught:
        limits_of("ml.p3.2xlarge", gpus=False)
    assert caught.value.reason.startswith("CapacityError: ")
    with pytest.raises(InsufficientCapacity, match="Trainium"):
        limits_of("ml.trn1.2xlarge", gpus=True)
