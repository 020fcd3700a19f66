"""Condition steps: decide which branch is taken."""

from __future__ import annotations

from clary.engine.pipelines.steps.instant import InstantStep
from clary.engine.pipelines.steps.port import Sight, Task


class ConditionStep(InstantStep):
    """The outcome is recorded as AWS tells it, in words; the plan reads it from there."""

    def start(self, task: Task) -> Sight:
        outcome = "True" if task.holds(task.step.arguments.get("Conditions") or []) else "False"
        return Sight("Succeeded", {"Condition": {"Outcome": outcome}}, {"Outcome": outcome})
