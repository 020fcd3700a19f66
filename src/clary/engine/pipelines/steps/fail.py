"""Fail steps: end the execution with a reason of the user's own."""

from __future__ import annotations

from clary.engine.pipelines.steps.instant import InstantStep
from clary.engine.pipelines.steps.port import Sight, Task


class FailStep(InstantStep):
    """Its message may be put together from parameters and properties."""

    def start(self, task: Task) -> Sight:
        message = str(task.resolve(task.step.arguments.get("ErrorMessage", "")))
        return Sight("Failed", {"Fail": {"ErrorMessage": message[:3072]}}, failure=message or None)
