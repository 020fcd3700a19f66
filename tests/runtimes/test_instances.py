"""Instance types."""

from __future__ import annotations

import botocore.session
import pytest

from clary.runtimes.errors import InsufficientCapacity, UnknownInstanceType
from clary.runtimes.instances import (
    GIB,
    Machine,
    check_together,
    find_type,
    grant,
    machine_memory,
    this_machine,
    volume_of,
)

LAPTOP = Machine(cpus=4, memory_bytes=8 * GIB, gpus=0)


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
        ("ml.t3.micro", 2, 1),
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


NONE_SUCH = ["ml.m5.2large", "ml.m5.small", "ml.m5.micro", "ml.m5.0xlarge", "ml.m5.1000xlarge"]


@pytest.mark.parametrize(
    "name", ["", "m5.large", "ml.m5", "ml.m5.", "ml.x9.large", "ml.m5.huge", "local", "ml.m5.large\n", *NONE_SUCH]
)
def test_unknown_types(name: str) -> None:
    with pytest.raises(UnknownInstanceType):
        find_type(name)


def test_limits_are_those_of_the_smallest() -> None:
    assert grant("ml.t3.micro", LAPTOP).limits.memory_bytes == GIB
    assert grant("ml.m5.24xlarge", LAPTOP).limits.memory_bytes == 8 * GIB
    assert grant("ml.m5.24xlarge", LAPTOP).limits.cpus == 4
    assert grant("ml.m5.24xlarge", Machine(4, 8 * GIB, 0, most_memory=GIB)).limits.memory_bytes == GIB
    assert this_machine(512).most_memory == 512 * 1024**2
    assert GIB / 8 < this_machine().memory_bytes == machine_memory()


def test_what_is_cut_is_told_and_what_fits_is_not() -> None:
    assert grant("ml.m5.xlarge", LAPTOP).notes == (
        "WARNING: ml.m5.xlarge has 16 GiB of memory (here: 8 GiB): what is here must do.",
    )
    assert "96 processors (here: 4)" in grant("ml.m5.24xlarge", LAPTOP).notes[0]
    assert "(here: 0.5 GiB)" in grant("ml.m5.large", Machine(4, 8 * GIB, 0, most_memory=GIB // 2)).notes[0]
    assert grant("ml.m5.large", LAPTOP).notes == ()
    assert grant("ml.m5.large", Machine(4, int(7.6 * GIB), 0)).notes == (), "the kernel has taken its part"


def test_strict_refuses_what_fit_cuts() -> None:
    assert grant("ml.m5.large", LAPTOP, strict=True) == grant("ml.m5.large", LAPTOP)
    with pytest.raises(InsufficientCapacity) as caught:
        grant("ml.m5.xlarge", LAPTOP, strict=True)
    assert caught.value.reason == (
        "CapacityError: ml.m5.xlarge has 16 GiB of memory (here: 8 GiB). "
        "Use a smaller type, or let it run within what there is: CLARY_CAPACITY=fit."
    )
    check_together(["ml.t3.medium"] * 2, LAPTOP)
    with pytest.raises(InsufficientCapacity, match="2 instances have 16 GiB of memory"):
        check_together(["ml.m5.large"] * 2, LAPTOP)


def test_devices_that_are_not_there() -> None:
    with pytest.raises(InsufficientCapacity, match="has a GPU") as caught:
        grant("ml.p3.2xlarge", LAPTOP)
    assert caught.value.reason.startswith("CapacityError: ")
    workstation = Machine(cpus=64, memory_bytes=512 * GIB, gpus=1)
    with pytest.raises(InsufficientCapacity, match="Trainium"):
        grant("ml.trn1.2xlarge", workstation)
    assert grant("ml.g5.xlarge", workstation, strict=True).notes == ()
    assert "4 GPUs (here: 1)" in grant("ml.g5.12xlarge", workstation).notes[0]
    with pytest.raises(InsufficientCapacity, match="8 GPUs"):
        grant("ml.p3.16xlarge", workstation, strict=True)


def test_volumes_of_types_with_disks_of_their_own_are_not_limited() -> None:
    for name in ("ml.m5.large", "ml.c5.xlarge", "ml.p3.2xlarge", "ml.t3.medium", "ml.r6i.large"):
        assert volume_of(name, 3) == 3 * GIB
        assert volume_of(name, None) is volume_of(name, 0) is None
    for name in (
        "ml.m5d.large",
        "ml.c6id.large",
        "ml.g4dn.xlarge",
        "ml.g5.xlarge",
        "ml.g6e.xlarge",
        "ml.p4d.24xlarge",
    ):
        assert volume_of(name, 3) is None


@pytest.mark.parametrize(
    ("name", "gpus"),
    [("ml.m5.large", 0), ("ml.p3.8xlarge", 4), ("ml.p2.16xlarge", 16), ("ml.g4dn.16xlarge", 1), ("ml.p5.4xlarge", 1)],
)
def test_how_many_gpus_a_type_has(name: str, gpus: int) -> None:
    assert find_type(name).gpus == gpus
