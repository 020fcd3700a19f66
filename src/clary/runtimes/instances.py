"""What an ml.* instance type stands for: processors, memory and accelerators, and what a unit gets of them here.

Sizes follow rules (an xlarge has 4 processors, memory is a ratio of its family), so the table holds families and
the few sizes that break the rule. Called by the engine when it makes a UnitSpec.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clary.runtimes.errors import InsufficientCapacity, UnknownInstanceType
from clary.runtimes.port import Limits

GIB = 1024**3
_ALMOST_ALL = 0.9
_ADVICE = "Use a smaller type, or let it run within what there is: CLARY_CAPACITY=fit."
_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_NAME = re.compile(r"ml\.([a-z0-9-]+)\.(?:(?:[1-9][0-9]{0,2})?xlarge|large|medium|(small|micro))")

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
# GPUs of a type by family and size (in xlarge), where it has not just one.
_GPUS_OF_SIZE = {
    **{(family, size): 4 for family in ("g4dn", "g5", "g6", "g6e") for size in (12, 24)},
    **{(family, 48): 8 for family in ("g5", "g6", "g6e", "g7", "g7e", "p5", "p5e", "p5en", "p6-b200", "p6-b300")},
    **{(family, 12): 2 for family in ("g7", "g7e")},
    **{(family, 24): 4 for family in ("g7", "g7e")},
    **{(family, 24): 8 for family in ("p3dn", "p4d", "p4de")},
    ("p2", 8): 8,
    ("p2", 16): 16,
    ("p3", 8): 4,
    ("p3", 16): 8,
    ("p6e-gb200", 36): 4,
}
# Families with disks of their own, which jobs use whatever volume they ask for.
_OWN_DISKS = re.compile(r"[cmr]\d[a-z]*d|g4dn|g\d+e?|p3dn|p[4-9].*|trn.*")
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
    """`accelerator` is empty, `gpu`, or the name of another device; `gpus` is how many."""

    name: str
    cpus: int
    memory_bytes: int
    accelerator: str = ""
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is for units. `most_memory` is the operator's limit for one of them, 0 for none."""

    cpus: int
    memory_bytes: int
    gpus: int
    most_memory: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a unit of an instance type gets; `notes` say where that is less, and belong into its log."""

    limits: Limits
    notes: tuple[str, ...] = ()


def find_type(name: str) -> InstanceType:
    """Look an instance type up. Raises UnknownInstanceType."""
    found = _NAME.fullmatch(name)
    if found is None or found[1] not in _MEMORY or (found[2] and name not in _EXCEPTIONS):
        raise UnknownInstanceType(f"{name} is not an instance type that Clary knows; ml.m5.large is a common one.")
    family = found[1]
    cpus, gibibytes = _EXCEPTIONS.get(name, (0, 0.0))
    if not cpus:
        cpus = _processors(name)
        gibibytes = cpus * _MEMORY[family]
    accelerator = _OTHER_ACCELERATORS.get(family) or ("gpu" if _GPU.match(family) else "")
    gpus = _GPUS_OF_SIZE.get((family, cpus // 4), 1) if accelerator == "gpu" else 0
    return InstanceType(name, cpus, int(gibibytes * GIB), accelerator, gpus)


def _processors(name: str) -> int:
    size = name.rpartition(".")[2]
    if size.endswith("xlarge"):
        return 4 * int(size.removesuffix("xlarge") or 1)
    return {"large": 2, "medium": 1}[size]


def grant(name: str, machine: Machine, *, strict: bool = False) -> Grant:
    """Memory and processors of a unit: the type's, at most the machine's, at most the operator's.

    Raises UnknownInstanceType, and InsufficientCapacity when the type has a device that this machine lacks, or,
    if `strict`, more of anything than this machine can give to one unit.
    """
    wanted = find_type(name)
    if wanted.accelerator == "gpu" and not machine.gpus:
        raise InsufficientCapacity(
            f"{name} has a GPU, and this machine has none. Use a type without, as ml.m5.xlarge."
        )
    if wanted.accelerator not in ("", "gpu"):
        raise InsufficientCapacity(f"{name} has {wanted.accelerator} devices, which Clary cannot provide.")
    lacking = _lacking([wanted], machine)
    if lacking and strict:
        raise InsufficientCapacity(f"{name} has {lacking}. {_ADVICE}")
    memory = min(wanted.memory_bytes, machine.memory_bytes, machine.most_memory or machine.memory_bytes)
    limits = Limits(memory_bytes=memory, cpus=min(wanted.cpus, machine.cpus), gpus=min(wanted.gpus, machine.gpus))
    return Grant(limits, (f"WARNING: {name} has {lacking}: what is here must do.",) if lacking else ())


def volume_of(name: str, gibibytes: int | None) -> int | None:
    """Bytes that a job may write to its volume; None where nothing limits it but the disk. 0 asks for no volume."""
    family = name.split(".")[1]
    return gibibytes * GIB if gibibytes and not _OWN_DISKS.fullmatch(family) else None


def check_together(names: Sequence[str], machine: Machine) -> None:
    """For strict installations: whether all instances of a job have room at the same time."""
    lacking = _lacking([find_type(name) for name in names], machine)
    if lacking:
        raise InsufficientCapacity(f"{len(names)} instances have {lacking} together. {_ADVICE}")


def _lacking(wanted: Sequence[InstanceType], machine: Machine) -> str:
    """For people: what the types have, and how much of it there is, where that is less; empty if nothing is."""
    memory = machine.memory_bytes
    if machine.most_memory and len(wanted) == 1:
        memory = min(memory, machine.most_memory)
    parts = []
    # What the machine's own kernel takes for itself is not missed: a machine of 8 GiB shows a little less.
    if memory < sum(one.memory_bytes for one in wanted) * _ALMOST_ALL:
        parts.append(f"{_gib(sum(one.memory_bytes for one in wanted))} of memory (here: {_gib(memory)})")
    for word, count, there in (
        ("processors", sum(one.cpus for one in wanted), machine.cpus),
        ("GPUs", sum(one.gpus for one in wanted), machine.gpus),
    ):
        if there < count:
            parts.append(f"{count} {word} (here: {there})")
    return " and ".join(parts)


def _gib(count: int) -> str:
    return f"{count / GIB:.3g} GiB"


def this_machine(max_unit_memory_mb: int = 0) -> Machine:
    """Also inside a container: what its limits leave."""
    return Machine(len(os.sched_getaffinity(0)), machine_memory(), count_gpus(), max_unit_memory_mb * 1024**2)


def count_gpus(devices: Path = Path("/dev")) -> int:
    return len([path for path in devices.glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()])


def machine_memory() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *filter(None, map(_read_limit, _CONTAINER_LIMITS))])


def _read_limit(path: Path) -> int:
    """0 when there is none."""
    try:
        text = path.read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0
