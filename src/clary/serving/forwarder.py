"""All endpoints of the current snapshot: takes new ones in, finds the fleet of a call, looks at the clock.

The door owns one Forwarder. `apply` swaps the snapshot, `find` + `Fleet.submit` forward a call, `run` sweeps
until cancelled. Nothing here blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from clary.base.invocation_reports import Report
from clary.base.settings import Settings
from clary.base.snapshots import Routes, route_key
from clary.serving import errors
from clary.serving.connection import Parsing
from clary.serving.fleet import Fleet, Rules

# Time-outs are counted in seconds; this is how exactly they are kept.
_SWEEP_SECONDS = 0.1
_SERVED = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})


class Forwarder:
    """Fleets by route key."""

    def __init__(self, settings: Settings, parsing: Parsing) -> None:
        self._rules = Rules(
            parked_requests=settings.parked_requests,
            parked_seconds=settings.parked_seconds,
            largest_answer=settings.max_invocation_bytes,
            retry=settings.retry_invocations,
        )
        self._parsing = parsing
        self._fleets: dict[str, Fleet] = {}
        self._leaving: set[Fleet] = set()
        self.longest_timeout = 0.0

    def apply(self, routes: Routes) -> None:
        """Answer by this snapshot from now on; calls on their way are not disturbed."""
        before, self._fleets = self._fleets, {}
        for key, endpoint in routes.endpoints.items():
            fleet = before.pop(key, None) or Fleet(self._rules, self._parsing)
            self._fleets[key] = fleet
            fleet.update(endpoint)
        for fleet in before.values():
            fleet.close()
            self._leaving.add(fleet)
        self.longest_timeout = max((e.timeout_seconds for e in routes.endpoints.values()), default=0.0)

    def find(self, account: str, region: str, name: str) -> Fleet:
        """The endpoint's fleet; ApiError when there is none or it is not served."""
        fleet = self._fleets.get(route_key(account, region, name))
        if fleet is None:
            raise errors.endpoint_not_found(name, account)
        if fleet.endpoint.status not in _SERVED:
            raise errors.endpoint_not_in_service(fleet.endpoint)
        return fleet

    def tags_of(self, account: str, region: str, name: str) -> Mapping[str, str]:
        """The tags of an endpoint; none of one that is not there."""
        fleet = self._fleets.get(route_key(account, region, name))
        return fleet.endpoint.tags if fleet is not None else {}

    def counters(self) -> dict[str, dict[str, dict[str, float]]]:
        """{route key: {variant: {counter: value}}} since the door started."""
        return {
            key: {variant: counters.as_document() for variant, counters in fleet.counters.items()}
            for key, fleet in self._fleets.items()
        }

    def take_reports(self, at: int) -> list[Report]:
        """How invocations went since the last time; `at` is when that was, in seconds since 1970."""
        return [report for fleet in (*self._fleets.values(), *self._leaving) for report in fleet.take_reports(at)]

    async def run(self) -> None:
        """Keep the time limits, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.sweep(loop.time())

    def sweep(self, now: float) -> None:
        for fleet in [*self._fleets.values(), *self._leaving]:
            fleet.sweep(now)
        self._leaving = {fleet for fleet in self._leaving if fleet.busy or fleet.measured}

    def close(self) -> None:
        """End all connections (the process ends)."""
        for fleet in [*self._fleets.values(), *self._leaving]:
            fleet.abort()
