"""SageMaker Endpoint Deployment State Change: one event when a fleet is being made, one when that has ended.
A change of weights and capacities makes no new fleet.

Traffic goes to the new fleet all at once, so there are no stages in between to tell of. Times in ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.engine.events.changes.change import Change, Told, millis, with_times
from clary.engine.events.changes.words import upper_snake
from clary.store.deployments import count_of, weight_of

_UNDER_WAY = {"Creating", "Updating"}


def told(change: Change) -> Told | None:
    begins, ends = change.status in _UNDER_WAY, change.facts["previous_status"] in _UNDER_WAY
    if change.what == "removed" or change.status == "Deleting" or not (begins or ends):
        return None
    document, active = change.document, change.document.get("active")
    if document.get("rescaling"):
        return None
    detail = {
        "EndpointName": change.name,
        "EndpointArn": change.arn,
        "EndpointConfigName": document.get("config"),
        "ProductionVariants": _variants(document, active) if active else [],
        "EndpointStatus": upper_snake(change.status),
        "FailureReason": document.get("failure"),
        "CreationTime": change.facts["created_at"],
        "LastModifiedTime": change.facts["updated_at"],
        "Tags": dict(change.tags),
        "PendingDeploymentSummary": _pending(change) if begins else None,
    }
    return Told("SageMaker Endpoint Deployment State Change", with_times(detail, millis), [change.arn])


def _pending(change: Change) -> dict[str, Any]:
    target, start = change.document["target"], change.document.get("deployment_started")
    variants = _variants(change.document, target)
    for variant in variants:
        count = variant["DesiredInstanceCount"]
        message = f"Launching {count} instance(s)."
        variant["VariantStatus"] = [{"Status": "Creating", "StatusMessage": message, "StartTime": start}]
    return {"EndpointConfigName": target.get("config"), "ProductionVariants": variants, "StartTime": start}


def _variants(document: Mapping[str, Any], deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Weights and instances; what is ready counts."""
    ready = [
        (replica["generation"], replica["variant"]) for replica in document.get("fleet") or [] if replica.get("ready")
    ]
    return [
        {
            "VariantName": variant["VariantName"],
            "CurrentWeight": weight_of(variant),
            "DesiredWeight": weight_of(variant),
            "CurrentInstanceCount": ready.count((deployment.get("generation"), variant["VariantName"])),
            "DesiredInstanceCount": count_of(variant),
        }
        for variant in deployment["variants"]
    ]
