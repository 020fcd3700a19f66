"""Endpoints. The engine starts and replaces model servers (engine/endpoints.py); here intent is recorded and shown.

The row's document:
  `config`      name of the endpoint configuration that is in force
  `target`      the deployment that should serve: {generation, config, variants, data_capture}; every variant
                carries a copy of its model, so that later deletions break nothing (store/deployments.py)
  `active`      the deployment that serves now (absent while Creating)
  `generations` how many deployments there have been; numbers are not used twice
  `fleet`       the engine's replicas; `failure` why the last change failed; `deployment_started`
  `rescaling`   whether the last change was one of weights and capacities (endpoint_capacities.py)
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.endpoint_capacities import check_size, retained
from clary.services.sagemaker.lineage import automatic
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.tags import put_tags
from clary.store import resources, work
from clary.store.database import Transaction
from clary.store.deployments import count_of, is_rescaled, wanted_slots, weight_of
from clary.store.resources import Resource

KIND = "endpoint"


def create_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("CreateEndpoint", request, "DeploymentConfig")
    with context.database.write() as tx:
        target = _deployment(tx, context, request["EndpointConfigName"], generation=1)
        document = {
            "config": target["config"],
            "target": target,
            "generations": 1,
            "fleet": [],
            "deployment_started": context.now,
        }
        endpoint = names.add(tx, context, KIND, request["EndpointName"], document, "Creating")
        put_tags(tx, endpoint.arn, request.get("Tags"))
        automatic.endpoint_deployed(tx, context, endpoint)
        work.enqueue(tx, endpoint, context.now)
    return {"EndpointArn": endpoint.arn}


def describe_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(names.get(tx, context, KIND, request["EndpointName"]))


def described(endpoint: Resource) -> dict[str, Any]:
    """What Describe and Search tell of an endpoint."""
    document = endpoint.document
    shown = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": document["config"],
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.updated_at,
        "FailureReason": document.get("failure"),
    }
    active = document.get("active") or document["target"]
    target = document["target"]
    rescaled = is_rescaled(document)
    desired = target if rescaled else active
    shown["ProductionVariants"] = [
        _variant(document, active, *pair) for pair in zip(active["variants"], desired["variants"], strict=True)
    ]
    if endpoint.status in {"Creating", "Updating"} and not rescaled:
        shown["PendingDeploymentSummary"] = {
            "EndpointConfigName": target["config"],
            "StartTime": document["deployment_started"],
            "ProductionVariants": [_variant(document, target, each, each) for each in target["variants"]],
        }
    return shown


def list_endpoints(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return list_page(context, request, KIND, member="Endpoints", summary=_summary, descending=True)


def update_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """All at once: a second fleet starts beside the first, takes all traffic when ready, and the first one ends."""
    names.refuse_unserved("UpdateEndpoint", request, "DeploymentConfig", "RetainDeploymentConfig")
    with context.database.write() as tx:
        endpoint = names.get(tx, context, KIND, request["EndpointName"])
        if endpoint.status != "InService":
            raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        generation = endpoint.document["generations"] + 1
        target = _deployment(tx, context, request["EndpointConfigName"], generation)
        target["variants"] = retained(request, endpoint.document["active"], target["variants"])
        check_size(context, target["variants"])
        changed = {
            **endpoint.document,
            "target": target,
            "generations": generation,
            "rescaling": False,
            "deployment_started": context.now,
        }
        changed.pop("failure", None)
        endpoint = resources.save(tx, endpoint, document=changed, status="Updating", now=context.now)
        automatic.endpoint_deployed(tx, context, endpoint)
        work.enqueue(tx, endpoint, context.now)
    return {"EndpointArn": endpoint.arn}


def delete_endpoint(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """New invocations are refused at once; running ones finish; then the model servers end."""
    with context.database.write() as tx:
        endpoint = names.get(tx, context, KIND, request["EndpointName"])
        if endpoint.status != "Deleting":
            endpoint = resources.save(tx, endpoint, status="Deleting", now=context.now)
            work.enqueue(tx, endpoint, context.now)
    return {}


def _deployment(tx: Transaction, context: Context, config_name: str, generation: int) -> dict[str, Any]:
    """A self-contained copy of the configuration and its models, as they are now."""
    config = names.get(tx, context, "endpoint-config", config_name)
    request = config.document["request"]
    variants = []
    for variant in request["ProductionVariants"]:
        model = names.get(tx, context, "model", variant["ModelName"]).document["request"]
        container = model.get("PrimaryContainer") or model["Containers"][0]
        role = model.get("ExecutionRoleArn") or request.get("ExecutionRoleArn")
        isolated = bool(model.get("EnableNetworkIsolation") or request.get("EnableNetworkIsolation"))
        variants.append({**variant, "Container": container, "RoleArn": role, "Isolated": isolated})
    return {"generation": generation, "config": config.name, "variants": variants}


def _variant(
    document: dict[str, Any], deployment: dict[str, Any], variant: dict[str, Any], desired: dict[str, Any]
) -> dict[str, Any]:
    """ProductionVariantSummary: `Current*` counts what really serves, not what is being drained."""
    wanted = wanted_slots(document)
    ready = [
        replica
        for replica in document["fleet"]
        if replica["generation"] == deployment["generation"]
        and replica["variant"] == variant["VariantName"]
        and replica.get("ready")
        and not replica.get("retiring")
        and (replica["generation"], replica["variant"], replica["index"]) in wanted
    ]
    image = variant["Container"]["Image"]
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": [
            {
                "SpecifiedImage": image,
                "ResolvedImage": deployment.get("images", {}).get(variant["VariantName"]),
                "ResolutionTime": document["deployment_started"],
            }
        ],
        "CurrentWeight": weight_of(variant),
        "DesiredWeight": weight_of(desired),
        "CurrentInstanceCount": len(ready),
        "DesiredInstanceCount": count_of(desired),
    }


def _summary(endpoint: Resource) -> dict[str, Any]:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.updated_at,
        "EndpointStatus": endpoint.status,
    }
