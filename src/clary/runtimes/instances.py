"""What an ml.* instance type stands for: processors, memory and accelerator, and the limits of a unit from it.

Sizes follow rules (an xlarge has 4 processors, memory is a ratio of its family), so the table holds families and
the few sizes that break the rule. Called by the engine when it makes a UnitSpec.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from clary.runtimes.errors import InsufficientCapacity, UnknownInstanceType
from clary.runtimes.port import Limits

GIB = 1024**3
_NAME = re.compile(r"ml\.([a-z0-9-]+)\.(?:(\d*)x?large|(medium|small|micro))")

# Family -> GiB of memory per processor.
_MEMORY: dict[str, float] = {
    **dict.fromkeys(["c5", "c5d", "c6g", "c6gd", "c6gn", "c6i", "c6id", "c6in", "c7g", "c7i", "c7i-flex"], 2),
    **dict.fromkeys(["c8g", "c8i", "c8i-flex"], 2),
    **dict.fromkeys(["m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m7i", "m7i-flex"], 4),
    **dict.fromkeys(["m8g", "m8i", "m8i-flex"], 4),
    **dict.fromkeys(["r5", "r5d", "r6g", "r6gd", "r6i", "r6id", "r7gd", "r7i", "r8g", "r8i", "r8i-flex"], 8),
    "c4": 1.875,
    "c5n": 2.625,
    "t2": 4,
    "t3": 4,
    "g4dn": 4,
    "g5": 4,
    "g6": 4,
    "g6e": 8,
    "g7": 4,
    "g7e": 8,
    "p2": 15.25,
    "p3": 7.625,
    "p3dn": 8,
    "p4d": 12,
    "p4de": 12,
    **dict.fromkeys(["p5", "p5e", "p5en", "p6-b200", "p6-b300", "trn2"], 2048 / 192),
    "p6e-gb200": 960 / 144,
    "inf1": 2,
    "inf2": 4,
    "trn1": 4,
    "trn1n": 4,
    "dl1": 8,
}
# Where the rules do not hold: processors, GiB.
_EXCEPTIONS = {
    "ml.c4.8xlarge": (36, 60),
    "ml.p2.16xlarge": (64, 732),
    "ml.p5.4xlarge": (16, 256),
    "ml.t2.medium": (2, 4),
    "ml.t3.medium": (2, 4),
    "ml.t3.small": (2, 2),
    "ml.t3.micro": (2, 1),
}
_GPU = re.compile(r"g\d|p\d")
_OTHER_ACCELERATORS = {
    "inf1": "AWS Inferentia",
    "inf2": "AWS Inferentia",
    "trn1": "AWS Trainium",
    "trn1n": "AWS Trainium",
    "trn2": "AWS Trainium",
    "dl1": "Gaudi",
}


@dataclass(frozen=True, slots=True)
class InstanceType:
    """`accelerator` is empty, `gpu`, or the name of another device."""

    name: str
    cpus: int
    memory_bytes: int
    accelerator: str = ""


def find_type(name: str) -> InstanceType:
    """Look an instance type up. Raises UnknownInstanceType."""
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in _MEMORY:
        raise UnknownInstanceType(f"{name} is not an instance type that Clary knows; ml.m5.large is a common one.")
    family = found[1]
    cpus, gibibytes = _EXCEPTIONS.get(name, (0, 0.0))
    if not cpus:
        cpus = _processors(name)
        gibibytes = cpus * _MEMORY[family]
    accelerator = _OTHER_ACCELERATORS.get(family) or ("gpu" if _GPU.match(family) else "")
    return InstanceType(name, cpus, int(gibibytes * GIB), accelerator)


def _processors(name: str) -> int:
    size = name.rpartition(".")[2]
    if size.endswith("xlarge"):
        return 4 * int(size.removesuffix("xlarge") or 1)
    return {"large": 2, "medium": 1}[size]


def limits_of(name: str, max_unit_memory_mb: int = 0, *, gpus: bool | None = None) -> Limits:
    """Memory and processors of a unit: the type's, at most the machine's, at most the operator's.

    Raises UnknownInstanceType, and InsufficientCapacity when the type has a device that this machine lacks.
    """
    instance = find_type(name)
    has_gpus = Path("/dev/nvidia0").exists() if gpus is None else gpus
    if instance.accelerator == "gpu" and not has_gpus:
        raise InsufficientCapacity(
            f"{name} has a GPU, and this machine has none. Use a type without, as ml.m5.xlarge."
        )
    if instance.accelerator not in ("", "gpu"):
        raise InsufficientCapacity(f"{name} has {instance.accelerator} devices, which Clary cannot provide.")
    memory = min(instance.memory_bytes, machine_memory())
    if max_unit_memory_mb:
        memory = min(memory, max_unit_memory_mb * 1024**2)
    return Limits(memory_bytes=memory, cpus=min(instance.cpus, len(os.sched_getaffinity(0))))


def machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
