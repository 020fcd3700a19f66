"""Keeps routes.json, the doors' snapshot of endpoints, equal to the store, and waits for doors to have read it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from clary.base.snapshots import (
    Endpoint,
    Replica,
    Routes,
    Variant,
    next_number,
    read_routes,
    recover,
    route_key,
    write_routes,
)
from clary.engine import endpoint_plan
from clary.engine.fleet import fleet_of
from clary.engine.replicas import replica_unit
from clary.engine.surroundings import Surroundings
from clary.store import resources, tags
from clary.store.deployments import wanted_slots, weight_of
from clary.store.resources import Resource

_ACKNOWLEDGE_SECONDS = 2.0


class RouteWriter:
    """Writes a new numbered snapshot whenever what doors must know has changed."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._lock = threading.Lock()
        self._last = recover(around.settings.layout.routes, read_routes)
        self._ahead: dict[int, Resource] = {}

    def publish(self) -> int:
        """Write the store's present state if it differs; returns the number of the snapshot that says it."""
        with self._lock:
            with self._around.database.read() as tx:
                rows = resources.all_of_kind(tx, "endpoint")
                tagged = tags.read_many(tx, [row.arn for row in rows])
            rows = [self._ahead.get(row.id, row) for row in rows]
            endpoints = {
                route_key(row.account, row.region, row.name): self._endpoint(row, tagged.get(row.arn.lower(), {}))
                for row in rows
            }
            if endpoints != self._last.endpoints or self._last.number == 0:
                routes = Routes(next_number(self._last.number, self._around.clock.now()), endpoints)
                write_routes(self._around.settings.layout.routes, routes)
                self._last = routes
            return self._last.number

    def on_commit(self, touched: Mapping[int, str]) -> None:
        """Policies may ask for the tags of an endpoint: who has changed them finds them in force."""
        if tags.TOUCHED in touched:
            self.publish()

    @contextmanager
    def ahead_of(self, row: Resource) -> Iterator[None]:
        """The doors serve `row` before the body records it: who reads there that an endpoint is InService may ask
        it at once. Should the body fail, the doors go back to what is recorded.
        """
        with self._lock:
            self._ahead[row.id] = row
        try:
            self.wait_for_doors(self.publish())
            yield
        finally:
            with self._lock:
                del self._ahead[row.id]
            self.publish()

    def wait_for_doors(self, number: int) -> None:
        """Return when every living door serves snapshot `number`, or after two seconds at the latest."""
        folder = self._around.settings.layout.run / "doors"
        deadline = time.monotonic() + _ACKNOWLEDGE_SECONDS
        while time.monotonic() < deadline and any(_behind(file, number) for file in _files(folder)):
            time.sleep(0.01)

    def _endpoint(self, row: Resource, tagged: Mapping[str, str]) -> Endpoint:
        active = row.document.get("active")
        fleet, wanted = fleet_of(row.document), wanted_slots(row.document)
        variants = (
            ()
            if active is None
            else tuple(
                Variant(
                    variant["VariantName"],
                    weight_of(variant),
                    tuple(
                        self._replica(row, replica)
                        for replica in fleet.values()
                        if replica.ready
                        and not replica.retiring
                        and replica.slot in wanted
                        and replica.generation == active["generation"]
                        and replica.variant == variant["VariantName"]
                    ),
                )
                for variant in active["variants"]
            )
        )
        return Endpoint(
            account=row.account,
            region=row.region,
            name=row.name,
            arn=row.arn,
            status=row.status,
            timeout_seconds=self._around.settings.invocation_timeout,
            variants=variants,
            tags=tagged,
        )

    def _replica(self, row: Resource, replica: endpoint_plan.Replica) -> Replica:
        unit = replica_unit(row, replica)
        return Replica(unit, f"unix:{self._around.settings.layout.unit_socket(unit)}")


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _behind(file: Path, number: int) -> bool:
    """True when the door that wrote the file lives and has not read snapshot `number` yet."""
    try:
        os.kill(int(file.name), 0)
        return int(file.read_text() or 0) < number
    except (OSError, ValueError):
        return False
