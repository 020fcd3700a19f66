"""Models: an image, model data and a role. A model is only a record; an endpoint makes it run."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.listing import list_page
from clary.services.sagemaker.registry import packages
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.tags import put_tags
from clary.store import resources, tags
from clary.store.database import Transaction
from clary.store.resources import Resource

KIND = "model"


def create_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _refuse(request)
    with context.database.write() as tx:
        document = {"request": _with_package(context, tx, request)}
        if "ExecutionRoleArn" in request:
            check_role(context, tx, request["ExecutionRoleArn"])
        model = names.add(tx, context, KIND, request["ModelName"], document)
        put_tags(tx, model.arn, request.get("Tags"))
    return {"ModelArn": model.arn}


def describe_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return described(names.get(tx, context, KIND, request["ModelName"]))


def described(model: Resource) -> dict[str, Any]:
    """What Describe and Search tell of a model."""
    request = {"EnableNetworkIsolation": False, **model.document["request"]}
    return {**request, "ModelArn": model.arn, "CreationTime": model.created_at}


def list_models(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return list_page(context, request, KIND, member="Models", summary=_summary, descending=True)


def delete_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Endpoints that run the model keep running: they hold what they need."""
    with context.database.write() as tx:
        model = names.get(tx, context, KIND, request["ModelName"])
        resources.remove(tx, model, now=context.now)
        tags.drop_all(tx, model.arn)
    return {}


def _with_package(context: Context, tx: Transaction, request: dict[str, Any]) -> dict[str, Any]:
    """The request as it is kept: a container that names a version of the registry holds what that version holds."""
    kept = {key: value for key, value in request.items() if key not in {"Tags", "Containers"}}
    container = (request.get("Containers") or [request.get("PrimaryContainer")])[0]
    if "ModelPackageName" in container:
        container = packages.resolve_container(context, tx, container)
    if "Containers" in request:
        return {**kept, "Containers": [container]}
    return {**kept, "PrimaryContainer": container}


def _summary(model: Resource) -> dict[str, Any]:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created_at}


def _refuse(request: dict[str, Any]) -> None:
    """Multi-container models and registry packages are not served yet; everything else must name an image."""
    operation = "CreateModel"
    if "PrimaryContainer" in request and "Containers" in request:
        raise ValidationException("Both PrimaryContainer and Containers were specified; only one is allowed.")
    names.refuse_unserved(operation, request, "InferenceExecutionConfig")
    containers = request.get("Containers") or [request.get("PrimaryContainer") or {}]
    if len(containers) > 1:
        names.refuse_unserved(operation, request, "Containers")
    container = containers[0]
    names.refuse_unserved(
        operation,
        container,
        "AdditionalModelDataSources",
        "MultiModelConfig",
        "ImageConfig",
        "InferenceSpecificationName",
    )
    if container.get("Mode", "SingleModel") != "SingleModel":
        names.refuse_unserved(f"{operation} container", container, "Mode")
    if container.get("ModelPackageName") and (container.get("Image") or container.get("ModelDataUrl")):
        raise ValidationException("Give either ModelPackageName or Image and ModelDataUrl.")
    if not container.get("Image") and not container.get("ModelPackageName"):
        raise ValidationException("The container definition must have an Image.")
    if container.get("ModelDataUrl") and container.get("ModelDataSource"):
        raise ValidationException("Only one of ModelDataUrl and ModelDataSource may be specified.")
