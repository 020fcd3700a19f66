"""What to do next with a pipeline execution: a pure decision over its steps, what became of them, and the time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_ACTIVE = frozenset({"Starting", "Executing", "Stopping"})


class PlannedStep(Protocol):
    """What the plan needs to know of a step of the definition."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def needs(self) -> Collection[str]: ...

    @property
    def after(self) -> Collection[str]: ...

    @property
    def branch(self) -> tuple[str, bool] | None: ...


@dataclass(frozen=True, slots=True)
class StepState:
    """What is recorded of a step that has been started. `round` counts RetryPipelineExecution of its execution.

    `begun`: what it started exists (or needs nothing). `due`: not before this time may it be started again.
    """

    status: str
    round: int = 0
    begun: bool = True
    due: datetime | None = None
    outcome: bool | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The terminal status of an execution."""

    status: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`start`: make what these steps are about; `settle`: they must not start any more, but might have;
    `stop`: ask them to end; `watch`: look at them; `wait`: seconds until a step may be started again."""

    start: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    wait: float | None = None
    end: Ending | None = None


def plan(
    steps: Sequence[PlannedStep],
    states: Mapping[str, StepState],
    *,
    selected: Collection[str] | None,
    stopping: bool,
    round_: int,
    limit: int | None,
    now: datetime,
) -> Plan:
    """`steps` in an order in which nothing comes before what it needs; `selected` None means all of them."""
    chosen = [step for step in steps if selected is None or step.name in selected]
    active = [step.name for step in chosen if step.name in states and states[step.name].status in _ACTIVE]
    begun = tuple(name for name in active if states[name].begun)
    pending = [name for name in active if not states[name].begun]
    if stopping:
        stop = tuple(name for name in begun if states[name].status != "Stopping")
        end = None if active else Ending("Stopped")
        return Plan(settle=tuple(pending), stop=stop, watch=begun, end=end)
    again = tuple(name for name in pending if _is_due(states[name], now))
    waits = [(due - now).total_seconds() for name in pending if (due := states[name].due) is not None and due > now]
    fates = _fates(steps, states, selected, round_)
    broken = [step for step in chosen if fates[step.name] == "broken"]
    ready = [] if broken else [step.name for step in chosen if fates[step.name] == "ready"]
    if limit is not None:
        ready = ready[: max(0, limit - len(active))]
    if not active and not ready:
        return Plan(end=_ending(chosen, fates, states, broken))
    return Plan(start=(*again, *ready), watch=begun, wait=min(waits, default=None))


def _is_due(state: StepState, now: datetime) -> bool:
    return state.due is None or state.due <= now


def _fates(
    steps: Sequence[PlannedStep], states: Mapping[str, StepState], selected: Collection[str] | None, round_: int
) -> dict[str, str]:
    """For each step: outside, done, active, broken, skipped, ready or waiting."""
    fates: dict[str, str] = {}
    for step in steps:
        state = states.get(step.name)
        if selected is not None and step.name not in selected:
            fates[step.name] = "outside"
        elif state is None or (state.status in {"Failed", "Stopped"} and state.round < round_):
            fates[step.name] = _fate_of_unstarted(step, fates, states)
        else:
            fates[step.name] = {"Succeeded": "done", "Failed": "broken", "Stopped": "broken"}.get(
                state.status, "active"
            )
    return fates


def _fate_of_unstarted(step: PlannedStep, fates: Mapping[str, str], states: Mapping[str, StepState]) -> str:
    needed = set(step.needs)
    if step.branch is not None:
        condition, wanted = step.branch
        needed.add(condition)
        if fates[condition] == "done" and states[condition].outcome is not wanted:
            return "skipped"
    found = {fates[name] for name in needed}
    if "skipped" in found:
        return "skipped"
    behind = {fates[name] for name in step.after}
    return "ready" if found <= {"done", "outside"} and behind <= {"done", "outside", "skipped"} else "waiting"


def _ending(
    chosen: Sequence[PlannedStep],
    fates: Mapping[str, str],
    states: Mapping[str, StepState],
    broken: Sequence[PlannedStep],
) -> Ending:
    if broken:
        return Ending("Failed", failure_of(broken, states))
    stuck = [step.name for step in chosen if fates[step.name] == "waiting"]
    if stuck:
        return Ending("Failed", f"Nothing is left to run, but these steps still wait: {', '.join(stuck)}.")
    return Ending("Succeeded")


def failure_of(broken: Sequence[PlannedStep], states: Mapping[str, StepState]) -> str:
    """Why the execution failed, with the words that clients look for. A Fail step speaks for the others."""
    speaking = [step for step in broken if step.type == "Fail"] or broken
    reasons = "; ".join(f"{step.name}: {states[step.name].failure or states[step.name].status}" for step in speaking)
    return f"Step failure: One or multiple steps failed. {reasons}"
