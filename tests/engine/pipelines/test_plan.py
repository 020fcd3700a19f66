"""What the plan decides: order, branches, failures, stops, retries, limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clary.engine.pipelines.plan import Plan, StepState, plan

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Planned:
    name: str
    type: str = "Training"
    needs: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    branch: tuple[str, bool] | None = None


def step(name: str, *needs: str, after: str = "", branch: tuple[str, bool] | None = None, kind: str = "") -> Planned:
    return Planned(name, kind or "Training", frozenset(needs), frozenset(after.split()), branch)


def decide(steps: list[Planned], states: dict[str, Any], **changes: Any) -> Plan:
    found = {name: state if isinstance(state, StepState) else StepState(state) for name, state in states.items()}
    arguments = {"selected": None, "stopping": False, "round_": 0, "limit": None, "now": NOW, **changes}
    return plan(steps, found, **arguments)


CHAIN = [step("A"), step("B"), step("C", "A", "B")]
BRANCHES = [
    step("If", kind="Condition"),
    step("Yes", "If", branch=("If", True)),
    step("No", "If", branch=("If", False)),
    step("AfterNo", "No"),
    step("Last", "If", after="Yes No"),
]


def ending(found: Plan) -> tuple[str, str | None]:
    assert found.end is not None
    return found.end.status, found.end.failure


def test_what_needs_nothing_starts_at_once_and_the_rest_in_its_turn() -> None:
    assert decide(CHAIN, {}).start == ("A", "B")
    assert decide(CHAIN, {"A": "Succeeded", "B": "Executing"}) == Plan(watch=("B",))
    assert decide(CHAIN, {"A": "Succeeded", "B": "Succeeded"}).start == ("C",)
    assert ending(decide(CHAIN, dict.fromkeys("ABC", "Succeeded"))) == ("Succeeded", None)


def test_no_more_steps_than_allowed_run_at_a_time() -> None:
    wide = [step(name) for name in "ABCD"]
    assert decide(wide, {}, limit=2).start == ("A", "B")
    assert decide(wide, {"A": "Executing", "B": "Succeeded"}, limit=2).start == ("C",)
    assert decide(wide, {"A": "Executing", "B": StepState("Starting", begun=False, due=NOW)}, limit=2).start == ("B",)
    assert decide(wide, {"A": "Executing", "B": "Executing", "C": "Executing"}, limit=2).start == ()


def test_only_the_branch_that_is_taken_runs_and_what_needs_the_other_is_left_out() -> None:
    true = {"If": StepState("Succeeded", outcome=True)}
    false = {"If": StepState("Succeeded", outcome=False)}
    assert decide(BRANCHES, {}).start == ("If",)
    assert decide(BRANCHES, true).start == ("Yes",)
    assert decide(BRANCHES, false).start == ("No",)
    assert decide(BRANCHES, {**true, "Yes": "Executing"}).start == ()
    assert decide(BRANCHES, {**true, "Yes": "Succeeded"}).start == ("Last",)
    assert ending(decide(BRANCHES, {**true, "Yes": "Succeeded", "Last": "Succeeded"})) == ("Succeeded", None)
    assert decide(BRANCHES, {**false, "No": "Succeeded"}).start == ("AfterNo", "Last")


def test_a_condition_inside_a_branch_that_is_not_taken_never_runs() -> None:
    nested = [
        step("Outer", kind="Condition"),
        step("Inner", "Outer", branch=("Outer", True), kind="Condition"),
        step("Deep", "Inner", branch=("Inner", False)),
        step("Last", "Outer", after="Inner Deep"),
    ]
    assert decide(nested, {"Outer": StepState("Succeeded", outcome=False)}).start == ("Last",)
    states: dict[str, Any] = {"Outer": StepState("Succeeded", outcome=True)}
    assert decide(nested, states).start == ("Inner",)
    states["Inner"] = StepState("Succeeded", outcome=False)
    assert decide(nested, states).start == ("Deep",)
    assert decide(nested, {**states, "Deep": "Succeeded"}).start == ("Last",)


def test_a_failed_step_lets_its_siblings_finish_and_starts_nothing_new() -> None:
    steps = [*CHAIN, step("D")]
    failed = StepState("Failed", failure="AlgorithmError: no")
    assert decide(steps, {"A": failed, "B": "Executing"}) == Plan(watch=("B",))
    status, reason = ending(decide(steps, {"A": failed, "B": "Succeeded"}))
    assert (status, reason) == ("Failed", "Step failure: One or multiple steps failed. A: AlgorithmError: no")


def test_a_fail_step_speaks_for_the_execution() -> None:
    steps = [step("A"), step("F", kind="Fail")]
    states = {"A": StepState("Failed", failure="x"), "F": StepState("Failed", failure="not good enough")}
    assert ending(decide(steps, states)) == (
        "Failed",
        "Step failure: One or multiple steps failed. F: not good enough",
    )


def test_stopping_ends_what_runs_and_starts_nothing() -> None:
    states = {"A": "Executing", "B": StepState("Starting", begun=False)}
    assert decide(CHAIN, states, stopping=True) == Plan(settle=("B",), stop=("A",), watch=("A",))
    assert decide(CHAIN, {"A": "Stopping"}, stopping=True) == Plan(watch=("A",))
    assert ending(decide(CHAIN, {"A": "Stopped"}, stopping=True)) == ("Stopped", None)
    assert ending(decide(CHAIN, {}, stopping=True)) == ("Stopped", None)


def test_a_later_round_runs_again_what_did_not_succeed() -> None:
    states = {"A": "Succeeded", "B": StepState("Failed", round=0)}
    assert decide(CHAIN, states, round_=1).start == ("B",)
    again = {"A": "Succeeded", "B": StepState("Stopped", round=1, failure="once more")}
    assert ending(decide(CHAIN, again, round_=1)) == (
        "Failed",
        "Step failure: One or multiple steps failed. B: once more",
    )


def test_a_postponed_step_starts_when_its_time_has_come() -> None:
    later = StepState("Starting", begun=False, due=NOW + timedelta(seconds=5))
    assert decide([step("A")], {"A": later}) == Plan(wait=5.0)
    assert decide([step("A")], {"A": later}, now=NOW + timedelta(seconds=5)).start == ("A",)


def test_what_is_not_selected_neither_runs_nor_counts() -> None:
    assert decide(CHAIN, {}, selected=["C"]).start == ("C",)
    assert ending(decide(CHAIN, {"C": "Succeeded"}, selected=["C"])) == ("Succeeded", None)
    outside = {"A": StepState("Failed", failure="elsewhere"), "C": StepState("Succeeded")}
    assert ending(decide(CHAIN, outside, selected=["C"])) == ("Succeeded", None)
    assert decide(BRANCHES, {}, selected=["Yes"]).start == ("Yes",)
