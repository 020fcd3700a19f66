"""The port every runtime implements: what the engine may ask of the place where work runs.

A *unit* is one process tree with a durable folder of its own: an instance of a job, or a replica of a model
server. Unit ids are chosen by the engine and never re-used; every call is idempotent, so that an engine that
died between two calls can simply make them again.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


class Phase(enum.StrEnum):
    """STARTING (shim launched, user's process not yet) -> RUNNING -> EXITED; LOST = shim died without a record."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one unit may use. None = unlimited. `memory_bytes` counts the whole process tree, `volume_bytes` what
    lies in /opt/ml and the unit's temporary folder, apart from `UnitSpec.staged`. `gpus`: how many it is shown."""

    memory_bytes: int | None = None
    volume_bytes: int | None = None
    cpus: int | None = None
    gpus: int | None = None
    max_runtime_seconds: float | None = None
    grace_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """Everything needed to start a unit.

    `argv` is looked up inside the environment (`python` is the environment's own); `variables` is the complete
    environment of the process apart from PATH, HOME and the like, which the runtime sets. Packages of `front`,
    another environment, come before those of `environment`. `opt_ml` is a host
    folder that the process sees as /opt/ml. `socket` (model servers) is the host path of the unix socket on
    which the process must listen; the process finds the path to use in the variable CLARY_SERVER_SOCKET.
    `staged` are host folders below `opt_ml` of which only the growth counts against the volume.
    `together` are the ids of units that share a network with this one, which is cut off from everything else.
    `names` are addresses of the job's instances, which the process can look up by name; `hostname` is its own.
    """

    unit_id: str
    argv: Sequence[str]
    variables: Mapping[str, str]
    environment: Path
    opt_ml: Path
    front: Path | None = None
    staged: Sequence[Path] = ()
    working_directory: str = "/opt/ml"
    socket: Path | None = None
    hostname: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    network: bool = True
    together: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class UnitState:
    """What is known of a unit, read from its durable files.

    `exit_code` is the process's own (128 + n when it died of signal n, then `signal` is n too).
    `stopped_by` is `stop` or `deadline` when the runtime ended it. `isolation` is bwrap, namespace or plain.
    """

    unit_id: str
    phase: Phase
    isolation: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False
    out_of_space: bool = False
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of output. `offset` is the position just behind it, to continue reading from."""

    timestamp_ms: int
    text: str
    offset: int


class Runtime(Protocol):
    """Where work runs. All methods are quick except `launch`, which may take some tens of milliseconds."""

    def unit_folder(self, unit_id: str) -> Path:
        """The unit's durable folder (may not exist yet). Staging puts files below it before `launch`."""

    def launch(self, spec: UnitSpec) -> None:
        """Start the unit unless it was ever launched before. Raises OSError when the machine refuses."""

    def observe(self, unit_id: str) -> UnitState | None:
        """The unit's state, or None when it was never launched (or has been removed)."""

    def read_log(self, unit_id: str, offset: int, limit: int = 1000) -> list[LogLine]:
        """Complete lines written since `offset` (0 = from the start), at most `limit`."""

    def stop(self, unit_id: str) -> None:
        """Ask the unit to end: SIGTERM now, SIGKILL after its grace time. Returns at once."""

    def remove(self, unit_id: str) -> None:
        """Kill what is left of the unit and delete its folder."""

    def list_units(self) -> list[str]:
        """Ids of all units that have a folder."""
