"""Status machines as tables: for each kind, which status may follow which. `resources.update` refuses others.

The diagrams in docs/architecture/statuses.md are generated from here. Kinds that are not listed have no status
machine (their status never changes).
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.base.errors import ClaryError

_JOB: Mapping[str, frozenset[str]] = {
    "InProgress": frozenset({"Completed", "Failed", "Stopping", "Stopped"}),
    "Stopping": frozenset({"Stopped", "Failed", "Completed"}),
    "Completed": frozenset(),
    "Failed": frozenset(),
    "Stopped": frozenset(),
}

TRANSITIONS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "training-job": _JOB,
    "processing-job": _JOB,
    "hyper-parameter-tuning-job": _JOB,
    "transform-job": _JOB,
    "pipeline-execution": {
        "Executing": frozenset({"Stopping", "Stopped", "Failed", "Succeeded"}),
        "Stopping": frozenset({"Stopped", "Failed", "Succeeded"}),
        "Stopped": frozenset({"Executing"}),
        "Failed": frozenset({"Executing"}),
        "Succeeded": frozenset(),
    },
    "pipeline-step": {
        "Starting": frozenset({"Executing", "Stopping", "Stopped", "Failed", "Succeeded"}),
        "Executing": frozenset({"Starting", "Stopping", "Stopped", "Failed", "Succeeded"}),
        "Stopping": frozenset({"Starting", "Stopped", "Failed", "Succeeded"}),
        "Stopped": frozenset({"Starting"}),
        "Failed": frozenset({"Starting"}),
        "Succeeded": frozenset(),
    },
    "endpoint": {
        "Creating": frozenset({"InService", "Failed", "Deleting"}),
        "InService": frozenset({"Updating", "Deleting"}),
        "Updating": frozenset({"InService", "Deleting"}),
        "Failed": frozenset({"Deleting"}),
        "Deleting": frozenset(),
    },
}


class IllegalTransition(ClaryError):
    """A status write that is not in the table: a defect in Clary, never the user's fault."""


def check_transition(kind: str, before: str, after: str) -> None:
    """Raise IllegalTransition unless `after` may follow `before`; staying the same is always allowed."""
    machine = TRANSITIONS.get(kind)
    if machine is None or before == after:
        return
    if after not in machine.get(before, frozenset()):
        raise IllegalTransition(f"{kind}: {before} -> {after} is not in the table")
