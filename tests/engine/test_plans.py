"""The pure plans of jobs and endpoints over generated states."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from clary.engine.endpoint_plan import Observed, Replica, plan
from clary.engine.job_plan import Step, deciding
from clary.engine.job_plan import plan as plan_job
from clary.runtimes.port import Phase, UnitState


def unit(phase: Phase, stopped_by: str | None = None) -> UnitState:
    return UnitState("u", phase, stopped_by=stopped_by)


def test_every_state_of_a_job_has_its_step() -> None:
    running, ended, lost = unit(Phase.RUNNING), unit(Phase.EXITED), unit(Phase.LOST)
    assert plan_job("InProgress", False, [None]) is Step.LAUNCH
    assert plan_job("Stopping", True, [None]) is Step.ABANDON
    assert plan_job("InProgress", False, [running]) is Step.WATCH
    assert plan_job("InProgress", False, [unit(Phase.STARTING)]) is Step.WATCH
    assert plan_job("Stopping", True, [running]) is Step.STOP
    assert plan_job("Stopping", True, [unit(Phase.RUNNING, "stop")]) is Step.WATCH
    for state in (ended, lost):
        assert plan_job("InProgress", False, [state]) is Step.COLLECT
        assert plan_job("Stopping", True, [state]) is Step.COLLECT
    for status in ("Completed", "Failed", "Stopped"):
        for state in (None, running, ended):
            assert plan_job(status, True, [state]) is Step.CLEAN


def test_one_instance_that_fails_ends_the_others_and_decides() -> None:
    running, well = unit(Phase.RUNNING), replace(unit(Phase.EXITED), exit_code=0)
    failed = replace(unit(Phase.EXITED), exit_code=1)
    stopped = replace(unit(Phase.EXITED, "stop"), exit_code=143)
    assert plan_job("InProgress", False, [running, None]) is Step.LAUNCH
    assert plan_job("InProgress", False, [well, running]) is Step.WATCH
    assert plan_job("InProgress", False, [running, failed]) is Step.STOP
    assert plan_job("InProgress", False, [running, unit(Phase.LOST)]) is Step.STOP
    assert plan_job("InProgress", False, [unit(Phase.RUNNING, "stop"), failed]) is Step.WATCH
    assert plan_job("InProgress", False, [failed, None]) is Step.COLLECT
    assert plan_job("Stopping", True, [running, None]) is Step.STOP
    assert plan_job("InProgress", False, [stopped, failed]) is Step.COLLECT
    assert deciding([stopped, failed]) == (1, failed)
    assert deciding([well, stopped]) == (1, stopped)
    assert deciding([None, well]) == (1, well)
    early, late = (replace(failed, ended_at=datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2))
    assert deciding([late, early]) == (1, early)


def deployment(generation: int, *counts: int) -> dict:
    variants = [{"VariantName": f"v{i}", "InitialInstanceCount": count} for i, count in enumerate(counts)]
    return {"generation": generation, "variants": variants}


TIMEOUTS = {"v0": 60.0, "v1": 60.0}


def test_a_new_endpoint_starts_every_slot_and_switches_when_all_answer() -> None:
    document = {"target": deployment(1, 2)}
    first = plan(document, {}, {}, TIMEOUTS, 100.0)
    assert [replica.slot for replica in first.start] == [(1, "v0", 0), (1, "v0", 1)]
    assert not first.switch
    fleet = {replica.slot: replica for replica in first.start}
    one = {slot: Observed(unit(Phase.RUNNING), answers=slot[2] == 0) for slot in fleet}
    half = plan(document, fleet, one, TIMEOUTS, 101.0)
    assert [replica.slot for replica in half.became_ready] == [(1, "v0", 0)]
    assert not half.switch
    both = plan(document, fleet, {slot: Observed(unit(Phase.RUNNING), True) for slot in fleet}, TIMEOUTS, 101.0)
    assert both.switch


def test_a_replica_that_dies_before_it_was_ready_fails_the_deployment() -> None:
    document = {"target": deployment(1, 1)}
    replica = Replica(1, "v0", 0, 1, 100.0)
    decided = plan(document, {replica.slot: replica}, {replica.slot: Observed(unit(Phase.EXITED))}, TIMEOUTS, 101.0)
    assert decided.died_early == (replica,)
    assert decided.restart == ()


def test_a_replica_has_its_time_from_when_its_process_begins() -> None:
    """Building its environment or reading its model may have taken longer than that, and so may Clary's absence."""
    document = {"target": deployment(1, 1)}
    replica = Replica(1, "v0", 0, 1, 100.0)
    fleet = {replica.slot: replica}
    begun = replace(unit(Phase.RUNNING), started_at=datetime.fromtimestamp(500, UTC))

    def timed_out(seen: UnitState | None, now: float, *, answers: bool = False) -> tuple[Replica, ...]:
        return plan(document, fleet, {replica.slot: Observed(seen, answers)}, TIMEOUTS, now).timed_out

    assert timed_out(None, 1000.0) == timed_out(unit(Phase.STARTING), 1000.0) == ()
    assert timed_out(begun, 560.0) == timed_out(begun, 561.0, answers=True) == ()
    assert timed_out(begun, 561.0) == (replica,)


def test_a_served_replica_that_dies_is_replaced_ever_more_slowly() -> None:
    active = deployment(1, 1)
    document = {"target": active, "active": active}
    replica = Replica(1, "v0", 0, 1, 100.0, ready=True)
    ended = {replica.slot: Observed(unit(Phase.LOST))}
    assert plan(document, {replica.slot: replica}, ended, TIMEOUTS, 100.0).restart == (replica,)
    tired = replace(replica, attempt=4, ready=False)
    assert plan(document, {tired.slot: tired}, ended, TIMEOUTS, 101.9).restart == ()
    assert plan(document, {tired.slot: tired}, ended, TIMEOUTS, 102.0).restart == (tired,)


def test_after_the_switch_the_old_fleet_retires_and_before_it_does_not() -> None:
    old = Replica(1, "v0", 0, 1, 0.0, ready=True)
    new = Replica(2, "v0", 0, 1, 0.0, ready=True)
    fleet = {r.slot: r for r in (old, new)}
    observed = {slot: Observed(unit(Phase.RUNNING)) for slot in fleet}
    updating = {"target": deployment(2, 1), "active": deployment(1, 1)}
    before = plan(updating, fleet, observed, TIMEOUTS, 1.0)
    assert before.retire == ()
    assert before.switch
    after = plan({"target": deployment(2, 1), "active": deployment(2, 1)}, fleet, observed, TIMEOUTS, 1.0)
    assert after.retire == (old,)
    assert not after.switch


def rescaled(count: int) -> dict:
    """A document whose target differs from what serves in its number of instances alone."""
    active = deployment(1, 2)
    variants = [{**active["variants"][0], "DesiredInstanceCount": count}]
    return {"active": active, "target": {**active, "variants": variants, "scaled": 1}}


def serving(count: int) -> tuple[dict, dict]:
    fleet = {(1, "v0", index): Replica(1, "v0", index, 1, 0.0, ready=True) for index in range(count)}
    return fleet, {slot: Observed(unit(Phase.RUNNING)) for slot in fleet}


def test_a_fleet_that_grows_switches_when_what_is_new_is_ready() -> None:
    fleet, observed = serving(2)
    first = plan(rescaled(3), fleet, observed, TIMEOUTS, 1.0)
    assert [replica.slot for replica in first.start] == [(1, "v0", 2)]
    assert not first.switch
    new = first.start[0]
    fleet[new.slot], observed[new.slot] = new, Observed(unit(Phase.EXITED))
    assert plan(rescaled(3), fleet, observed, TIMEOUTS, 2.0).died_early == (new,)
    observed[new.slot] = Observed(unit(Phase.RUNNING), answers=True)
    observed[(1, "v0", 0)] = Observed(unit(Phase.EXITED))
    grown = plan(rescaled(3), fleet, observed, TIMEOUTS, 2.0)
    assert grown.switch, "an older replica that dies meanwhile is replaced and fails nothing"
    assert grown.restart == (fleet[(1, "v0", 0)],)
    assert grown.died_early == ()


def test_a_fleet_that_shrinks_switches_at_once_and_then_lets_go() -> None:
    fleet, observed = serving(2)
    document = rescaled(1)
    first = plan(document, fleet, observed, TIMEOUTS, 1.0)
    assert first.switch
    assert first.retire == ()
    after = plan({**document, "active": document["target"]}, fleet, observed, TIMEOUTS, 1.0)
    assert not after.switch
    assert after.retire == (fleet[(1, "v0", 1)],)


def test_a_slot_that_is_wanted_again_waits_until_its_replica_has_ended() -> None:
    fleet, observed = serving(3)
    last = fleet[(1, "v0", 2)] = replace(fleet[(1, "v0", 2)], retiring=True)
    decided = plan(rescaled(3), fleet, observed, TIMEOUTS, 1.0)
    assert decided.retire == (last,)
    assert decided.start == ()
    assert not decided.switch
    observed[last.slot] = Observed(unit(Phase.EXITED))
    ended = plan(rescaled(3), fleet, observed, TIMEOUTS, 1.0)
    assert (ended.restart, ended.died_early, ended.switch) == ((), (), False)
    del fleet[last.slot]
    assert [replica.slot for replica in plan(rescaled(3), fleet, observed, TIMEOUTS, 2.0).start] == [last.slot]


phases = st.sampled_from([None, *Phase])


@settings(max_examples=300)
@given(
    target=st.integers(1, 3),
    active=st.one_of(st.none(), st.integers(1, 3)),
    count=st.integers(1, 3),
    states=st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 3), st.booleans(), phases, st.booleans()), max_size=8
    ),
    now=st.floats(0, 1000),
)
def test_no_state_makes_a_plan_that_contradicts_itself(target, active, count, states, now) -> None:
    document = {"target": deployment(target, count)}
    if active is not None:
        document["active"] = deployment(active, count)
    fleet = {}
    observed = {}
    for generation, index, ready, phase, answers in states:
        replica = Replica(generation, "v0", index, 1, 0.0, ready)
        fleet[replica.slot] = replica
        observed[replica.slot] = Observed(None if phase is None else unit(phase), answers and phase is Phase.RUNNING)
    decided = plan(document, fleet, observed, TIMEOUTS, now)
    wanted = {(g, "v0", i) for g in {target, active} - {None} for i in range(count)}
    assert {r.slot for r in decided.start} == wanted - fleet.keys()
    assert {r.slot for r in decided.retire} == fleet.keys() - wanted
    touched = [r.slot for r in (*decided.restart, *decided.became_ready, *decided.retire, *decided.died_early)]
    assert len(touched) == len(set(touched))
    if decided.switch:
        assert active != target
        for index in range(count):
            slot = (target, "v0", index)
            assert fleet[slot].ready or observed[slot].answers
            assert not observed[slot].ended
