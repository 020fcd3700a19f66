"""The port of a step kind: how the controller starts one, looks at it and ends it. Shapes only.

Everything may happen twice: `start` is called again when the process died before its result was written down, and
must then find what it made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from clary.definitions.document import Step
from clary.engine.pipelines.naming import child_name, digest
from clary.store.resources import Resource

ENDED = frozenset({"Succeeded", "Failed", "Stopped"})


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of a step: its status, and what its row is to say of it.

    `metadata` is that of ListPipelineExecutionSteps; `properties` what references to the step see; `entries` further
    document entries. A step that is `Starting` could not start yet and will be started again.
    """

    status: str
    metadata: Mapping[str, Any] | None = None
    properties: Mapping[str, Any] | None = None
    failure: str | None = None
    entries: Mapping[str, Any] | None = None


STOPPED = Sight("Stopped")


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt of one step. `call` calls AWS's API as the execution's role, `resolve` replaces references.

    `invoke` begins a Lambda invocation the first time and answers None until it has ended; `remember_token` lets the
    API find the step by a token.
    """

    step: Step
    row: Resource
    execution: Resource
    now: datetime
    call: Callable[[str, str, Mapping[str, Any]], dict[str, Any]]
    resolve: Callable[[Any], Any]
    holds: Callable[[Any], bool]
    invoke: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    experiment: Callable[[], Mapping[str, str] | None]
    remember_token: Callable[[str], None]

    @property
    def attempt(self) -> int:
        return int(self.row.document["attempt"])

    def name(self, prefix: str | None = None, longest: int = 63) -> str:
        """The name of what this attempt creates."""
        return child_name(self.execution.name, self.step.name, self.attempt, prefix, longest)

    @property
    def digest(self) -> str:
        return digest(self.execution.name, self.step.name, self.attempt)

    @property
    def tags(self) -> list[dict[str, str]]:
        """What everything that a pipeline made is marked with."""
        return [
            {"Key": "sagemaker:pipeline-execution-arn", "Value": self.execution.arn},
            {"Key": "sagemaker:pipeline-step-name", "Value": self.step.name},
        ]


class StepKind(Protocol):
    """What a kind of step does differently."""

    def start(self, task: Task) -> Sight:
        """Make it happen, or find that it has. ApiErrors fail the step, or let it be tried again."""

    def look(self, task: Task) -> Sight:
        """How it is going."""

    def settle(self, task: Task) -> Sight:
        """It must not start any more: what was started by a process that died before it could say so?"""

    def stop(self, task: Task) -> None:
        """Ask it to end."""
