"""The fleet inside an endpoint's document: reading it into records and writing records back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from clary.engine.endpoint_plan import Replica

Fleet = dict[tuple[int, str, int], Replica]


def fleet_of(document: Mapping[str, Any]) -> Fleet:
    replicas = (Replica(**item) for item in document["fleet"])
    return {replica.slot: replica for replica in replicas}


def with_fleet(document: Mapping[str, Any], replicas: Iterable[Replica]) -> dict[str, Any]:
    """A copy of the document with this fleet."""
    ordered = sorted(replicas, key=lambda replica: replica.slot)
    return {**document, "fleet": [asdict(replica) for replica in ordered]}
