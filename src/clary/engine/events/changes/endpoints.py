"""SageMaker Endpoint State Change: one event per status, which is in upper snake case (IN_SERVICE); times in ms."""

from __future__ import annotations

from typing import Any

from clary.engine.events.changes.change import Change, Told, millis, with_times
from clary.engine.events.changes.words import upper_snake

_VARIANT = ("VariantName", "ModelName", "InitialInstanceCount", "InstanceType", "InitialVariantWeight")


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None  # DELETING has been told
    document = change.document
    shown = document.get("active") or document.get("target") or {}
    detail = {
        "EndpointName": change.name,
        "EndpointArn": change.arn,
        "EndpointConfigName": document.get("config"),
        "ProductionVariants": [_variant(variant) for variant in shown.get("variants") or []],
        "EndpointStatus": upper_snake(change.status),
        "FailureReason": document.get("failure"),
        "CreationTime": change.facts["created_at"],
        "LastModifiedTime": change.facts["updated_at"],
        "Tags": dict(change.tags),
    }
    return Told("SageMaker Endpoint State Change", with_times(detail, millis), [change.arn])


def _variant(variant: dict[str, Any]) -> dict[str, Any]:
    return {name: variant[name] for name in _VARIANT if name in variant}
