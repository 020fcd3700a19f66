"""Endpoint configurations: immutable descriptions of the variants an endpoint shall have."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.endpoint_capacities import check_size
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.store import resources, tags
from clary.store.database import Transaction
from clary.store.resources import Resource

KIND = "endpoint-config"


def create_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request)
    for variant in request["ProductionVariants"]:
        variant.setdefault("InitialVariantWeight", 1.0)
        variant.setdefault("InitialInstanceCount", 1)
    check_size(context, request["ProductionVariants"])
    document = {"request": {key: value for key, value in request.items() if key != "Tags"}}
    with context.database.write() as tx:
        if "ExecutionRoleArn" in request:
            check_role(context, tx, request["ExecutionRoleArn"])
        _check_models(tx, context, request["ProductionVariants"])
        config = names.add(tx, context, KIND, request["EndpointConfigName"], document)
        put_tags(tx, config.arn, request.get("Tags"))
    return {"EndpointConfigArn": config.arn}


def describe_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        config = names.get(tx, context, KIND, request["EndpointConfigName"])
    return {**config.document["request"], "EndpointConfigArn": config.arn, "CreationTime": config.created_at}


def list_endpoint_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return list_page(context, request, KIND, member="EndpointConfigs", summary=_summary, descending=True)


def delete_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Endpoints that use the configuration keep running: they hold a copy."""
    with context.database.write() as tx:
        config = names.get(tx, context, KIND, request["EndpointConfigName"])
        resources.remove(tx, config)
        tags.drop_all(tx, config.arn)
    return {}


def _summary(config: Resource) -> dict[str, Any]:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created_at,
    }


def _check_models(tx: Transaction, context: Context, variants: list[dict[str, Any]]) -> None:
    for variant in variants:
        names.get(tx, context, "model", variant["ModelName"])


def _refuse(request: dict[str, Any]) -> None:
    """Parts of the API that this version would otherwise ignore, and combinations that AWS refuses."""
    operation = "CreateEndpointConfig"
    names.refuse_unserved(
        operation,
        request,
        "AsyncInferenceConfig",
        "ExplainerConfig",
        "ShadowProductionVariants",
        "CrossRegionTrafficConfig",
    )
    if (request.get("DataCaptureConfig") or {}).get("EnableCapture"):
        names.refuse_unserved(operation, request, "DataCaptureConfig")
    seen: set[str] = set()
    for variant in request["ProductionVariants"]:
        name = variant["VariantName"]
        if name in seen:
            raise ValidationException(f"Duplicate variant name {name} in ProductionVariants.")
        seen.add(name)
        names.refuse_unserved(
            f"{operation} variant {name}",
            variant,
            "ServerlessConfig",
            "InstancePools",
            "ManagedInstanceScaling",
            "CoreDumpConfig",
            "AcceleratorPartitionLayouts",
        )
        if not variant.get("ModelName") or not variant.get("InstanceType"):
            raise ValidationException(f"Variant {name} must have a ModelName and an InstanceType.")
