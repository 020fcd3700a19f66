"""Weights and instance counts of an endpoint that serves: changed on the endpoint, the configuration stays as it is.

The change is a target of the same generation (store/deployments.py); the engine brings it about.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ResourceLimitExceeded, ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.store import resources, work
from clary.store.deployments import count_of, weight_of

_OPERATION = "UpdateEndpointWeightsAndCapacities"


def update_endpoint_weights_and_capacities(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wishes = request["DesiredWeightsAndCapacities"]
    for wish in wishes:
        names.refuse_unserved(_OPERATION, wish, "ServerlessUpdateConfig")
    with context.database.write() as tx:
        endpoint = names.get(tx, context, "endpoint", request["EndpointName"])
        if endpoint.status != "InService":
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        active = endpoint.document["active"]
        variants = _changed(active, wishes)
        check_size(context, variants)
        target = {**active, "variants": variants, "scaled": active.get("scaled", 0) + 1}
        document = {**endpoint.document, "target": target, "rescaling": True, "deployment_started": context.now}
        document.pop("failure", None)
        endpoint = resources.save(tx, endpoint, document=document, status="Updating", now=context.now)
        work.enqueue(tx, endpoint, context.now)
    return {"EndpointArn": endpoint.arn}


def check_size(context: Context, variants: list[dict[str, Any]]) -> None:
    """Every instance is a process here; a typing error must not become thousands of them."""
    most = context.settings.max_endpoint_instances
    wanted = sum(map(count_of, variants))
    if wanted > most:
        raise ResourceLimitExceeded(
            f"The variants ask for {wanted} instances; this installation allows {most} for an endpoint "
            "(setting CLARY_MAX_ENDPOINT_INSTANCES)."
        )


def retained(request: dict[str, Any], active: dict[str, Any], variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The variants of a new configuration, with what an UpdateEndpoint keeps of those of the same name."""
    if not request.get("RetainAllVariantProperties"):
        return variants
    excluded = {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties") or []}
    before = {variant["VariantName"]: variant for variant in active["variants"]}
    kept = [_keeping(variant, before.get(variant["VariantName"]), excluded) for variant in variants]
    if len(kept) > 1 and any(map(weight_of, variants)):  # one alone serves with any weight
        _check_weights(kept)
    return kept


def _keeping(variant: dict[str, Any], before: dict[str, Any] | None, excluded: set[str]) -> dict[str, Any]:
    if before is None:
        return variant
    kept = {"DesiredWeight": weight_of(before), "DesiredInstanceCount": count_of(before)}
    return {**variant, **{name: value for name, value in kept.items() if name not in excluded}}


def _changed(active: dict[str, Any], wishes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The variants with what is asked of them; raises in AWS's words when that cannot be."""
    variants = {variant["VariantName"]: dict(variant) for variant in active["variants"]}
    seen: set[str] = set()
    for wish in wishes:
        name = wish["VariantName"]
        if name in seen:
            raise ValidationException(f'The variant name "{name}" was non-unique within the request.')
        if name not in variants:
            raise ValidationException(
                f'The variant name(s) "{name}" is/are not present within endpoint configuration "{active["config"]}".'
            )
        seen.add(name)
        if wish.get("DesiredInstanceCount") == 0:
            raise ValidationException(f"The DesiredInstanceCount of variant {name} must be at least 1.")
        for member in ("DesiredWeight", "DesiredInstanceCount"):
            if wish.get(member) is not None:
                variants[name][member] = wish[member]
    _check_weights(list(variants.values()))
    return list(variants.values())


def _check_weights(variants: list[dict[str, Any]]) -> None:
    """Without any weight no request would find a variant."""
    if not any(weight_of(variant) > 0 for variant in variants):
        raise ValidationException("At least one variant must have a weight greater than 0.")
