"""One endpoint: places calls on replicas, tries again where that is allowed, parks what cannot be placed, counts.

A call is sent at most twice, and a second time only while no byte of an answer has come and the setting
allows it. A call that was never sent (refused connection, retired replica) may move as often as needed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from clary.base import snapshots
from clary.base.errors import ApiError
from clary.base.invocation_reports import Report
from clary.serving import errors
from clary.serving.calls import Call, Headers
from clary.serving.connection import Connection, Parsing
from clary.serving.counters import Counters
from clary.serving.measures import Measures
from clary.serving.parking import Parking
from clary.serving.replicas import Replica
from clary.serving.selection import choose_by_weight, choose_replica
from clary.serving.sessions import Session, tagged


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about invocations."""

    parked_requests: int
    parked_seconds: float
    largest_answer: int
    retry: bool


@dataclass(slots=True)
class Variant:
    """A production variant with its live replicas."""

    name: str
    weight: float
    replicas: list[Replica]

    @property
    def able(self) -> bool:
        """Whether any replica can be used."""
        for replica in self.replicas:  # noqa: SIM110 - asked for every call, and any() costs three times as much
            if replica.usable:
                return True
        return False


class Fleet:
    """All replicas of one endpoint."""

    def __init__(self, rules: Rules, parsing: Parsing) -> None:
        self.endpoint = snapshots.Endpoint("", "", "", "", "", 0.0)
        self._rules = rules
        self._parsing = parsing
        self._loop = asyncio.get_running_loop()
        self._variants: dict[str, Variant] = {}
        self._replicas: dict[snapshots.Replica, Replica] = {}
        self._leaving: set[Replica] = set()
        self._parking = Parking(rules.parked_requests, rules.parked_seconds)
        self._counters: dict[str, Counters] = {}
        self._measures: dict[str, Measures] = {}
        self._turn = 0

    # For the forwarder

    def update(self, endpoint: snapshots.Endpoint) -> None:
        """Take over a new record: keep the replicas that stay, open new ones, retire those that go."""
        before, self._replicas = self._replicas, {}
        self.endpoint = endpoint
        self._variants = {variant.name: self._live_variant(variant, before) for variant in endpoint.variants}
        for record, replica in before.items():
            if record not in self._replicas:
                self._retire(replica)
        for replica in self._replicas.values():
            replica.readmit()
        self.has_room()

    def submit(self, call: Call) -> None:
        """Raises ApiError when the call cannot even be parked."""
        if call.target is not None and call.target not in self._variants:
            raise errors.variant_not_found(self.endpoint, call.target)
        if call.session is not None and call.session.replica is not None and self._holder_of(call.session) is None:
            raise errors.session_not_found(self.endpoint)
        if not self._place(call) and not self._park(call):
            raise errors.no_capacity(self.endpoint)

    def sweep(self, now: float) -> None:
        for replica in [*self._replicas.values(), *self._leaving]:
            replica.sweep(now)
        self._leaving = {replica for replica in self._leaving if replica.outstanding}
        for call in self._parking.expired(now):
            self._refuse(call, errors.no_capacity(self.endpoint))

    def close(self) -> None:
        """The endpoint is gone: what waits gets told so, what runs comes to its end."""
        for replica in self._replicas.values():
            self._retire(replica)
        self._replicas = {}
        for call in self._parking.clear():
            self._refuse(call, errors.endpoint_not_found(self.endpoint.name, self.endpoint.account))

    def abort(self) -> None:
        for replica in [*self._replicas.values(), *self._leaving]:
            replica.close()

    @property
    def busy(self) -> bool:
        """Whether calls on replicas that left are still to come to their end."""
        return bool(self._leaving)

    @property
    def measured(self) -> bool:
        """Whether there is something to report."""
        return any(not measures.empty for measures in self._measures.values())

    def take_reports(self, at: int) -> list[Report]:
        """How invocations went since the last time, by variant."""
        taken, self._measures = self._measures, {}
        return [self._report(at, name, measures) for name, measures in taken.items() if not measures.empty]

    @property
    def counters(self) -> Mapping[str, Counters]:
        return self._counters

    # Keeper of replicas

    def answered(self, call: Call, status: int, connection: Connection) -> None:
        counters = self._count(call)
        call.connection = None
        if status < 200 or status >= 300:
            counters.model_errors += 1
            self._failed(call, status)
            self._fail(call, errors.container_failed(self.endpoint, status, connection.body()))
        elif call.receiver is not None and call.replica is not None:
            receiver, call.receiver = call.receiver, None
            if connection.began:
                receiver.ended()
            else:
                receiver.answered(call.replica.variant, _headers(call, connection), connection.body())

    def answer_began(self, call: Call, connection: Connection) -> None:
        if call.receiver is not None and call.replica is not None:
            call.receiver.began(call.replica.variant, _headers(call, connection))

    def given_up(self, call: Call) -> None:
        self._count(call)

    def broke_off(self, call: Call, connection: Connection) -> None:
        call.connection = None
        if connection.too_large:
            self._count(call).model_errors += 1
            self._failed(call)
            self._fail(call, errors.answer_too_large(self.endpoint, self._rules.largest_answer))
        elif connection.answering or call.sent > 1 or not self._rules.retry:
            self._count(call).broken += 1
            self._failed(call)
            self._fail(call, errors.container_broke_off(self.endpoint))
        else:
            self._counters_of(call).retried += 1
            call.avoid = call.replica
            self.place_again(call)

    def timed_out(self, call: Call) -> None:
        call.connection = None
        self._count(call).timed_out += 1
        self._failed(call)
        self._fail(call, errors.container_timed_out(self.endpoint))

    def place_again(self, call: Call) -> None:
        if call.receiver is not None and not self._place(call) and not self._park(call):
            self._refuse(call, errors.no_capacity(self.endpoint))

    def has_room(self) -> None:
        if self._parking.occupied:
            self._parking.release(self._place)

    # Inside

    def _live_variant(self, record: snapshots.Variant, before: Mapping[snapshots.Replica, Replica]) -> Variant:
        replicas = [self._live_replica(replica, record.name, before) for replica in record.replicas]
        return Variant(record.name, record.weight, replicas)

    def _live_replica(
        self, record: snapshots.Replica, variant: str, before: Mapping[snapshots.Replica, Replica]
    ) -> Replica:
        replica = before.get(record)
        if replica is None:
            replica = Replica(record, variant, self, self._parsing, self._rules.largest_answer)
            replica.open_ahead()
        replica.variant = variant
        self._replicas[record] = replica
        return replica

    def _retire(self, replica: Replica) -> None:
        self._leaving.add(replica)
        replica.retire()

    def _place(self, call: Call) -> bool:
        replica = self._choose(call)
        if replica is None:
            return False
        call.placed_at = time.monotonic()
        call.patience = self.endpoint.timeout_seconds
        call.deadline = self._loop.time() + call.patience
        replica.send(call)
        return True

    def _choose(self, call: Call) -> Replica | None:
        if call.session is not None and call.session.replica is not None:
            holder = self._holder_of(call.session)
            return holder if holder is not None and holder.usable and not holder.full else None
        variant = self._choose_variant(call.target)
        if variant is None:
            return None
        self._turn += 1
        return choose_replica(variant.replicas, self._turn, call.avoid)

    def _holder_of(self, session: Session) -> Replica | None:
        return next((replica for replica in self._replicas.values() if replica.tag == session.replica), None)

    def _choose_variant(self, target: str | None) -> Variant | None:
        if target is not None:
            return self._variants.get(target)
        if len(self._variants) == 1:
            return next(iter(self._variants.values()))
        able = [variant for variant in self._variants.values() if variant.able]
        return choose_by_weight(able, random.random())  # noqa: S311 - spreads load, guards nothing

    def _park(self, call: Call) -> bool:
        entered = self._parking.enter(call, self._loop.time())
        if entered:
            self._counters_of(call).parked += 1
        return entered

    def _refuse(self, call: Call, error: ApiError) -> None:
        self._counters_of(call).refused += 1
        self._fail(call, error)

    def _fail(self, call: Call, error: ApiError) -> None:
        receiver, call.receiver = call.receiver, None
        if receiver is not None:
            receiver.failed(error)

    def _count(self, call: Call) -> Counters:
        """The call has come to its end at a replica."""
        counters = self._counters_of(call)
        counters.requests += 1
        seconds = time.monotonic() - call.placed_at
        counters.seconds += seconds
        self._measures_of(call).add(seconds, call.placed_at - (call.received_at or call.placed_at))
        return counters

    def _failed(self, call: Call, status: int = 0) -> None:
        """The model answered with an error status, or not at all (0)."""
        measures = self._measures_of(call)
        measures.model_errors += 1
        if 400 <= status < 500:
            measures.client_errors += 1
        elif status >= 500:
            measures.server_errors += 1

    def _measures_of(self, call: Call) -> Measures:
        name = call.replica.variant if call.replica is not None else call.target or ""
        measures = self._measures.get(name)
        if measures is None:
            measures = self._measures[name] = Measures()
        return measures

    def _report(self, at: int, name: str, measures: Measures) -> Report:
        measures.settle()
        variant, endpoint = self._variants.get(name), self.endpoint
        return Report(
            endpoint.account,
            endpoint.region,
            endpoint.name,
            name,
            at,
            len(variant.replicas) if variant is not None else 1,
            measures.model.count,
            measures.client_errors,
            measures.server_errors,
            measures.model_errors,
            measures.model,
            measures.overhead,
        )

    def _counters_of(self, call: Call) -> Counters:
        """Calls that never reached a replica count under the variant they wanted, or under none ("")."""
        name = call.replica.variant if call.replica is not None else call.target or ""
        counters = self._counters.get(name)
        if counters is None:
            counters = self._counters[name] = Counters()
        return counters


def _headers(call: Call, connection: Connection) -> Headers:
    if call.session is None or call.replica is None:
        return connection.headers
    return tagged(connection.headers, call.replica.record)
