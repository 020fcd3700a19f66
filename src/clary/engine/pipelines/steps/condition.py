"""Condition steps: decide which branch is taken."""

from __future__ import annotations

from clary.engine.pipelines.steps.instant import InstantStep
from clary.engine.pipelines.steps.port import Sight, Task


class ConditionStep(InstantStep):
    """The outcome is recorded as AWS tells it, in words; the plan reads it there. References see a truth value."""

    def start(self, task: Task) -> Sight:
        holds = task.holds(task.step.arguments.get("Conditions") or [])
        return Sight("Succeeded", {"Condition": {"Outcome": str(holds)}}, {"Outcome": holds})
