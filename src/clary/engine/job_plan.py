"""What to do next with a job: a pure decision over the row, the observed unit and the time.

Both job kinds share it: prepare and stage, launch, watch, collect, record. Nothing here touches anything.
"""

from __future__ import annotations

import enum

from clary.runtimes.port import Phase, UnitState


class Step(enum.Enum):
    """The next idempotent action for a job."""

    LAUNCH = "prepare the environment, place the inputs, start the unit"
    WATCH = "the unit runs: ship its log and look again"
    STOP = "ask the unit to end"
    ABANDON = "stopped before anything ran"
    COLLECT = "the unit has ended: upload its outputs and record the result"
    CLEAN = "the result is recorded: remove the unit"


def plan(status: str, stop_requested: bool, unit: UnitState | None) -> Step:
    """The step that brings a job nearer to its end."""
    if status not in {"InProgress", "Stopping"}:
        return Step.CLEAN
    if unit is None:
        return Step.ABANDON if stop_requested else Step.LAUNCH
    if unit.phase in {Phase.EXITED, Phase.LOST}:
        return Step.COLLECT
    if stop_requested and unit.stopped_by is None:
        return Step.STOP
    return Step.WATCH
