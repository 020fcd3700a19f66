"""What kinds share that are over as soon as they have started: there is nothing to look at, and nothing to stop."""

from __future__ import annotations

from clary.engine.pipelines.steps.port import STOPPED, Sight, Task


class InstantStep:
    """Base of kinds that only start."""

    def look(self, task: Task) -> Sight:
        raise AssertionError(f"{task.step.type} steps end when they start")

    def settle(self, task: Task) -> Sight:
        return STOPPED

    def stop(self, task: Task) -> None:
        return
