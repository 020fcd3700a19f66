"""The controller of endpoints: starts replicas, switches all traffic to a fleet that is ready, replaces what dies.

The order that keeps every request: new replicas answer /ping -> the doors have read the new routes -> the switch is
recorded -> only then old replicas are asked to end, and they finish what they are doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from clary.base.crash import crash_here
from clary.base.errors import ClaryError
from clary.base.log import get_logger
from clary.engine.endpoint_plan import Observed, Plan, Replica, plan
from clary.engine.fleet import Fleet, fleet_of, settled, with_fleet
from clary.engine.log_shipping import last_lines, ship_log
from clary.engine.notes import note_build, note_failure, note_setback
from clary.engine.ping import answers_ping
from clary.engine.replicas import LETTER, replica_unit, start_replica
from clary.engine.routes import RouteWriter
from clary.engine.setbacks import Setbacks
from clary.engine.silence import Silence
from clary.engine.surroundings import Surroundings
from clary.engine.units import resource_of
from clary.runtimes.diagnosis import OWN_ERROR, explain, failure_reason
from clary.runtimes.port import Phase
from clary.store import resources, tags
from clary.store.deployments import fresh_slots
from clary.store.resources import Resource

log = get_logger(__name__)

_STARTING_SECONDS = 0.05
_WATCH_SECONDS = 1.0
_LOG_BATCHES = 5


class EndpointController:
    """Implements `engine.controller.Controller`."""

    kind = "endpoint"

    def __init__(self, around: Surroundings, routes: RouteWriter) -> None:
        self._around = around
        self._routes = routes
        self._silence = Silence(around)
        self._setbacks = Setbacks(around.clock)

    def owns(self, unit: str) -> int | None:
        return resource_of(LETTER, unit)

    def reconcile(self, endpoint: Resource) -> float | None:
        fleet = fleet_of(endpoint.document)
        self._ship_logs(endpoint, fleet)
        if endpoint.status == "Deleting":
            return self._delete(endpoint, fleet)
        if endpoint.status == "Failed":
            return None if len(self._retire(endpoint, fleet.values())) == len(fleet) else _STARTING_SECONDS
        observed = {slot: self._observe(endpoint, replica) for slot, replica in fleet.items()}
        decided = plan(endpoint.document, fleet, observed, self._timeouts(endpoint), self._now())
        failure = self._failure(endpoint, decided)
        if failure is not None:
            return self._fail(endpoint, failure)
        return self._advance(endpoint, fleet, decided)

    def give_up(self, endpoint: Resource) -> None:
        """A deployment that is under way fails; what serves goes on serving and being looked at."""
        if endpoint.status in {"Creating", "Updating"}:
            self._fail(endpoint, OWN_ERROR)

    def _advance(self, endpoint: Resource, fleet: Fleet, decided: Plan) -> float:
        """Carry the plan out. What must be known after a crash is written before it is done."""
        for replica in (*decided.restart, *decided.timed_out):
            self._around.runtime.stop(replica_unit(endpoint, replica))
        changed = dict(fleet)
        changed.update({r.slot: r for r in decided.start})
        changed.update({r.slot: replace(r, ready=True) for r in decided.became_ready})
        changed.update({r.slot: self._next_attempt(r) for r in decided.restart})
        endpoint = self._save(endpoint, fleet, changed, switch=decided.switch)
        crash_here("engine.endpoint_saved")
        number = self._routes.publish() if changed != fleet or decided.switch or decided.retire else 0
        for replica in decided.restart:
            if fleet[replica.slot].ready:
                log.warning(
                    "replacing a replica", extra={"arn": endpoint.arn, "unit": replica_unit(endpoint, replica)}
                )
            self._ship_log(endpoint, replica)
            self._remove(replica_unit(endpoint, replica))
        failed, held_up = self._start_missing(endpoint, changed.values())
        for replica, error in failed.items():
            reason = explain(error)
            if endpoint.status != "InService" and replica.slot in fresh_slots(endpoint.document):
                note_failure(self._around, endpoint, *self._log(endpoint, replica), reason)
                return self._fail(endpoint, reason)
            self._put_off(endpoint, replica, reason)
        if decided.retire:
            self._routes.wait_for_doors(number)
            self._forget(endpoint, self._retire(endpoint, decided.retire))
        waiting = {replica for replica in changed.values() if not replica.ready}
        if waiting and waiting == held_up | set(failed):
            return _WATCH_SECONDS
        busy = endpoint.status != "InService" or decided.restart or decided.retire
        return _STARTING_SECONDS if busy or waiting else _WATCH_SECONDS

    def _save(self, endpoint: Resource, fleet: Fleet, changed: Fleet, *, switch: bool) -> Resource:
        if changed == fleet and not switch:
            return endpoint
        document = with_fleet(endpoint.document, changed.values())
        if not switch:
            return self._record(endpoint, document, endpoint.status)
        target = document["target"]
        document = {**settled(document, target), "config": target["config"]}
        with self._routes.ahead_of(replace(endpoint, document=document, status="InService")):
            return self._record(endpoint, document, "InService")

    def _record(self, endpoint: Resource, document: dict[str, Any], status: str) -> Resource:
        with self._around.database.write() as tx:
            return resources.save(tx, endpoint, document=document, status=status, now=self._around.clock.now())

    def _start_missing(
        self, endpoint: Resource, replicas: Iterable[Replica]
    ) -> tuple[dict[Replica, Exception], set[Replica]]:
        """Start replicas that have no unit yet; those that cannot be started do not keep others from it. Returns
        these, and those that are not tried now: their environment is being built, or they failed a moment ago."""
        variants = self._variants(endpoint)
        failed: dict[Replica, Exception] = {}
        held_up: set[Replica] = set()
        for replica in replicas:
            variant = variants.get((replica.generation, replica.variant))
            if variant is None or replica.ready or replica.retiring:
                continue
            if self._setbacks.waits(replica_unit(endpoint, replica)):
                held_up.add(replica)
                continue
            try:
                built = start_replica(self._around, endpoint, replica, variant)
            except (ClaryError, OSError, ValueError, LookupError, TypeError) as error:
                failed[replica] = error
                continue
            if built is not None:
                held_up.add(replica)
                note_build(self._around, endpoint, *self._log(endpoint, replica), built)
                continue
            self._setbacks.forget(replica_unit(endpoint, replica))
            crash_here("engine.replica_started")
        return failed, held_up

    def _put_off(self, endpoint: Resource, replica: Replica, reason: str) -> None:
        """What serves must come back by itself: the replica is tried again later."""
        unit = replica_unit(endpoint, replica)
        if self._setbacks.note(unit, reason):
            log.warning("replica cannot be replaced", extra={"arn": endpoint.arn, "unit": unit, "reason": reason})
            note_setback(self._around, endpoint, *self._log(endpoint, replica), reason)

    def _retire(self, endpoint: Resource, replicas: Iterable[Replica]) -> list[Replica]:
        """Ask replicas to end and remove those that have; returns the removed ones."""
        gone = []
        for replica in replicas:
            unit = replica_unit(endpoint, replica)
            state = self._around.runtime.observe(unit)
            if state is None or state.phase in {Phase.EXITED, Phase.LOST}:
                self._ship_log(endpoint, replica)
                self._remove(unit)
                gone.append(replica)
            else:
                self._around.runtime.stop(unit)
        return gone

    def _remove(self, unit: str) -> None:
        self._around.runtime.remove(unit)
        self._silence.forget(unit)
        self._setbacks.forget(unit)

    def _forget(self, endpoint: Resource, gone: Iterable[Replica]) -> None:
        fleet = fleet_of(endpoint.document)
        left = {slot: replica for slot, replica in fleet.items() if replica not in set(gone)}
        self._save(endpoint, fleet, left, switch=False)

    def _delete(self, endpoint: Resource, fleet: Fleet) -> float | None:
        self._routes.wait_for_doors(self._routes.publish())
        if len(self._retire(endpoint, fleet.values())) < len(fleet):
            return _STARTING_SECONDS
        with self._around.database.write() as tx:
            resources.remove(tx, endpoint, now=self._around.clock.now())
            tags.drop_all(tx, endpoint.arn)
        self._routes.publish()
        return None

    def _failure(self, endpoint: Resource, decided: Plan) -> str | None:
        """Why the deployment that is under way cannot succeed, if it cannot."""
        for replica in decided.died_early:
            unit = replica_unit(endpoint, replica)
            state = self._around.runtime.observe(unit)
            if state is not None:
                opt_ml = self._around.runtime.unit_folder(unit) / "opt-ml"
                return failure_reason(state, last_lines(self._around, unit), opt_ml)
        fresh = fresh_slots(endpoint.document)
        for replica in decided.timed_out:
            if endpoint.status != "InService" and replica.slot in fresh:
                return self._ping_failure(endpoint, replica)
        return None

    def _ping_failure(self, endpoint: Resource, replica: Replica) -> str:
        lines = last_lines(self._around, replica_unit(endpoint, replica), 5)
        seconds = self._timeouts(endpoint)[replica.variant]
        return (
            f"The primary container for production variant {replica.variant} did not pass the ping health check: "
            f"GET /ping was not answered with 200 within {seconds:g} s, and the process still runs. "
            f"Last log lines: {' | '.join(lines) or 'none'}. Look at model_fn and at what it loads, or raise "
            "ContainerStartupHealthCheckTimeoutInSeconds."
        )

    def _fail(self, endpoint: Resource, reason: str) -> float:
        """A failed creation is Failed; a failed update goes back to what served before, with the reason."""
        document = {**endpoint.document, "failure": reason[:1024]}
        status = "Failed"
        if "active" in document:
            document = settled(document, document["active"])
            status = "InService"
        with self._routes.ahead_of(replace(endpoint, document=document, status=status)):
            self._record(endpoint, document, status)
        return 0.0

    def _observe(self, endpoint: Resource, replica: Replica) -> Observed:
        unit = replica_unit(endpoint, replica)
        state = self._around.runtime.observe(unit)
        running = state is not None and state.phase is Phase.RUNNING
        if not running:
            return Observed(state)
        if replica.ready:
            return Observed(state, hung=self._silence.is_hung(unit))
        return Observed(state, answers_ping(self._around.settings.layout.unit_socket(unit)))

    def _ship_logs(self, endpoint: Resource, fleet: Fleet) -> None:
        for replica in fleet.values():
            self._ship_log(endpoint, replica, _LOG_BATCHES)

    def _ship_log(self, endpoint: Resource, replica: Replica, batches: int | None = None) -> None:
        unit = replica_unit(endpoint, replica)
        ship_log(self._around, endpoint, unit, *self._log(endpoint, replica), batches)

    def _log(self, endpoint: Resource, replica: Replica) -> tuple[str, str]:
        """Log group and stream; each attempt at a replica has a stream of its own."""
        return f"/aws/sagemaker/Endpoints/{endpoint.name}", f"{replica.variant}/{replica_unit(endpoint, replica)}"

    def _timeouts(self, endpoint: Resource) -> dict[str, float]:
        default = self._around.settings.startup_timeout
        return {
            variant["VariantName"]: variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or default
            for deployment in (endpoint.document.get("active"), endpoint.document["target"])
            for variant in (deployment or {"variants": []})["variants"]
        }

    def _variants(self, endpoint: Resource) -> dict[tuple[int, str], dict[str, Any]]:
        return {
            (deployment["generation"], variant["VariantName"]): variant
            for deployment in (endpoint.document.get("active"), endpoint.document["target"])
            if deployment
            for variant in deployment["variants"]
        }

    def _next_attempt(self, replica: Replica) -> Replica:
        return replace(replica, attempt=replica.attempt + 1, since=self._now(), ready=False)

    def _now(self) -> float:
        return self._around.clock.now().timestamp()
