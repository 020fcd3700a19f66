"""What services and engine agree on about deployments, which live in the documents of endpoints.

A variant has what its endpoint configuration says (`InitialVariantWeight`, `InitialInstanceCount`) and, once that was
changed on the endpoint, `DesiredWeight` and `DesiredInstanceCount`. A target of the generation that serves already is
a change of weights and capacities; `scaled` counts those, so that no two targets of a generation are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Slot = tuple[int, str, int]
"""One replica that a deployment shall have: generation, variant, index."""


def weight_of(variant: Mapping[str, Any]) -> float:
    weight: float = variant["DesiredWeight"] if "DesiredWeight" in variant else variant["InitialVariantWeight"]
    return weight


def count_of(variant: Mapping[str, Any]) -> int:
    wanted = "DesiredInstanceCount" if "DesiredInstanceCount" in variant else "InitialInstanceCount"
    count: int = variant[wanted]
    return count


def slots_of(deployment: Mapping[str, Any] | None) -> frozenset[Slot]:
    if deployment is None:
        return frozenset()
    return frozenset(
        (deployment["generation"], variant["VariantName"], index)
        for variant in deployment["variants"]
        for index in range(count_of(variant))
    )


def wanted_slots(document: Mapping[str, Any]) -> frozenset[Slot]:
    """Of what serves and of what shall serve."""
    return slots_of(document.get("active")) | slots_of(document["target"])


def fresh_slots(document: Mapping[str, Any]) -> frozenset[Slot]:
    """Those that what shall serve has in addition to what serves."""
    return slots_of(document["target"]) - slots_of(document.get("active"))


def is_rescaled(document: Mapping[str, Any]) -> bool:
    """Whether the target is what serves, but for weights and capacities."""
    active = document.get("active")
    return active is not None and bool(active["generation"] == document["target"]["generation"])
