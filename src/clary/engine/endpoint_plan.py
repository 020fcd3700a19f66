"""What an endpoint needs next: a pure decision over its document, the observed replicas and the time.

generation   one deployment (configuration) of the endpoint; an update adds a generation beside the old one
slot         one replica that a generation shall have: (generation, variant, index)
attempt      how often the slot has been started; a replica that died gets a new attempt and so a new unit id
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.runtimes.port import Phase, UnitState
from clary.store.deployments import Slot, fresh_slots, wanted_slots

_LONGEST_BACK_OFF = 30.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One entry of the endpoint's fleet as stored. `since` = epoch seconds when the attempt was decided.

    `retiring`: it is to end and holds its slot until it has, even when the slot is wanted again.
    """

    generation: int
    variant: str
    index: int
    attempt: int
    since: float
    ready: bool = False
    retiring: bool = False

    @property
    def slot(self) -> Slot:
        return (self.generation, self.variant, self.index)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the runtime knows of a replica's unit, whether its /ping has just answered 200, and whether a replica
    that was ready has not answered for too long."""

    unit: UnitState | None
    answers: bool = False
    hung: bool = False

    @property
    def ended(self) -> bool:
        return self.hung or (self.unit is not None and self.unit.phase in {Phase.EXITED, Phase.LOST})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now: start these replicas, mark these ready, these ended before they were ready (with cause),
    replace these, end these; `switch` = all that the target has in addition is ready; `timed_out` = these never
    answered."""

    start: tuple[Replica, ...] = ()
    became_ready: tuple[Replica, ...] = ()
    died_early: tuple[Replica, ...] = ()
    restart: tuple[Replica, ...] = ()
    retire: tuple[Replica, ...] = ()
    timed_out: tuple[Replica, ...] = ()
    switch: bool = False


def plan(
    document: Mapping[str, Any],
    fleet: Mapping[Slot, Replica],
    observed: Mapping[Slot, Observed],
    timeouts: Mapping[str, float],
    now: float,
) -> Plan:
    """Decide over all slots of the target and of what is active."""
    wanted, fresh = wanted_slots(document), fresh_slots(document)
    kept = [replica for slot, replica in fleet.items() if slot in wanted and not replica.retiring]
    pending = document.get("active") != document["target"]
    becoming = tuple(r for r in kept if not r.ready and not observed[r.slot].ended and observed[r.slot].answers)
    ended = [r for r in kept if observed[r.slot].ended]
    early = tuple(r for r in ended if r.slot in fresh and not r.ready)
    ready = {r.slot for r in kept if r.ready and not observed[r.slot].ended} | {r.slot for r in becoming}
    return Plan(
        start=tuple(Replica(*slot, 1, now) for slot in sorted(wanted - fleet.keys())),
        became_ready=becoming,
        died_early=early,
        restart=tuple(r for r in ended if r not in early and now >= r.since + _back_off(r.attempt)),
        retire=tuple(replica for slot, replica in fleet.items() if slot not in wanted or replica.retiring),
        timed_out=tuple(
            r
            for r in kept
            if not r.ready
            and r not in becoming
            and not observed[r.slot].ended
            and _running_seconds(observed[r.slot], now) > timeouts[r.variant]
        ),
        switch=pending and fresh <= ready,
    )


def _running_seconds(seen: Observed, now: float) -> float:
    """What comes before the process begins has its own limits: an environment may take minutes to be built."""
    started = seen.unit.started_at if seen.unit is not None else None
    return 0.0 if started is None else now - started.timestamp()


def _back_off(attempt: int) -> float:
    """The first restart is immediate; a replica that keeps dying is tried ever more slowly."""
    return 0.0 if attempt <= 1 else min(_LONGEST_BACK_OFF, 0.5 * 2.0 ** (attempt - 2))
