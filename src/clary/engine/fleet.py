"""The fleet inside an endpoint's document: reading it into records and writing records back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from clary.engine.endpoint_plan import Replica
from clary.store.deployments import Slot, slots_of

Fleet = dict[Slot, Replica]


def fleet_of(document: Mapping[str, Any]) -> Fleet:
    replicas = (Replica(**item) for item in document["fleet"])
    return {replica.slot: replica for replica in replicas}


def with_fleet(document: Mapping[str, Any], replicas: Iterable[Replica]) -> dict[str, Any]:
    """A copy of the document with this fleet."""
    ordered = sorted(replicas, key=lambda replica: replica.slot)
    return {**document, "fleet": [asdict(replica) for replica in ordered]}


def settled(document: Mapping[str, Any], deployment: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the document that wants this deployment alone: whatever else there is retires."""
    wanted = slots_of(deployment)
    fleet = fleet_of(document).values()
    kept = [replica if replica.slot in wanted else replace(replica, retiring=True) for replica in fleet]
    return with_fleet({**document, "target": deployment, "active": deployment}, kept)
