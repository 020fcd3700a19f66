"""What to do next with a job: a pure decision over the row and the observed units, one per instance.

Both job kinds share it: prepare and stage, launch, watch, collect, record. Nothing here touches anything.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import UTC, datetime

from clary.runtimes.port import Phase, UnitState

_NEVER = datetime.max.replace(tzinfo=UTC)


class Step(enum.Enum):
    """The next idempotent action for a job."""

    LAUNCH = "prepare the environment, place the inputs, start the units that are missing"
    WATCH = "units run: ship their logs and look again"
    STOP = "ask the units to end"
    ABANDON = "stopped before anything ran"
    COLLECT = "all units have ended: upload their outputs and record the result"
    CLEAN = "the result is recorded: remove the units"


def plan(status: str, stop_requested: bool, units: Sequence[UnitState | None]) -> Step:
    """The step that brings a job nearer to its end. One instance that fails ends the others."""
    if status not in {"InProgress", "Stopping"}:
        return Step.CLEAN
    known = [unit for unit in units if unit is not None]
    ending = stop_requested or any(has_failed(unit) for unit in known)
    if len(known) < len(units) and not ending:
        return Step.LAUNCH
    if not known:
        return Step.ABANDON
    if all(has_ended(unit) for unit in known):
        return Step.COLLECT
    if ending and any(is_to_be_stopped(unit) for unit in known):
        return Step.STOP
    return Step.WATCH


def has_ended(unit: UnitState) -> bool:
    return unit.phase in {Phase.EXITED, Phase.LOST}


def has_failed(unit: UnitState) -> bool:
    """By itself, not because it was asked to end."""
    return has_ended(unit) and unit.stopped_by is None and unit.exit_code != 0


def is_to_be_stopped(unit: UnitState) -> bool:
    return not has_ended(unit) and unit.stopped_by is None


def deciding(units: Sequence[UnitState | None]) -> tuple[int, UnitState]:
    """The unit (and its place) that decides how the job ended: the first that failed, else one that was stopped.

    A unit that never started because the job was stopped before counts for nothing, the others decide.
    """
    known = [(place, unit) for place, unit in enumerate(units) if unit is not None]
    failed = [(place, unit) for place, unit in known if has_failed(unit)]
    if failed:
        return min(failed, key=lambda one: (one[1].ended_at or _NEVER, one[0]))
    stopped = [one for one in known if one[1].stopped_by is not None]
    deadline = [one for one in stopped if one[1].stopped_by == "deadline"]
    return (deadline or stopped or known)[0]
