"""CreateModelPackage: a numbered version of a group, or a package of its own."""

from __future__ import annotations

from typing import Any

from clary.base.arns import parse_arn, sagemaker_arn
from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.repeats import check_repeat, fingerprint
from clary.services.sagemaker import names
from clary.services.sagemaker.lineage import automatic
from clary.services.sagemaker.registry.rows import GROUP, PACKAGE, arn_of, get_group
from clary.services.sagemaker.tags import put_tags
from clary.services.sagemaker.user_context import user_context
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_REMEMBERED = 50

# Kept and shown as they were given.
_KEPT = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "CertifyForMarketplace",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
# What a model's container shares with one of a package.
_OF_MODELS = ("ContainerHostname", "Image", "ModelDataUrl", "ModelDataSource", "Environment")


def new_package(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table: versions are authorised on the group's packages, as the number is not known yet."""
    group = request.get("ModelPackageGroupName")
    if group:
        arn = parse_arn(arn_of(context, GROUP, group))
        return sagemaker_arn(arn.region, arn.account, PACKAGE, f"{arn.resource_name}/*")
    return arn_of(context, PACKAGE, request.get("ModelPackageName") or "*")


def create_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(request)
    with context.database.write() as tx:
        if "ModelPackageGroupName" in request:
            package = _add_version(tx, context, get_group(tx, context, request["ModelPackageGroupName"]), request)
        else:
            package = _add_unversioned(tx, context, request)
    return {"ModelPackageArn": package.arn}


def _check(request: dict[str, Any]) -> None:
    operation = "CreateModelPackage"
    names.refuse_unserved(operation, request, "ValidationSpecification", "SecurityConfig", "ManagedStorageType")
    if ("ModelPackageGroupName" in request) == ("ModelPackageName" in request):
        raise ValidationException("Give either ModelPackageGroupName (a version) or ModelPackageName.")
    if "ModelPackageGroupName" in request and request.get("Tags"):
        raise ValidationException(
            "Tags cannot be put on versions of a model package; put them on the model package group."
        )
    if "ModelPackageName" in request and "ModelApprovalStatus" in request:
        raise ValidationException("ModelApprovalStatus is only for versions in a model package group.")
    if request.get("SourceAlgorithmSpecification") and "InferenceSpecification" not in request:
        names.refuse_unserved(operation, request, "SourceAlgorithmSpecification")


def _with_source(tx: Transaction, context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """SourceUri may be the ARN of a model or of another package: what is registered is then what that runs.

    Who cannot look at it learns nothing of it this way. Raises AccessDenied.
    """
    source = resources.find_by_arn(tx, request.get("SourceUri", ""))
    if "InferenceSpecification" in request or source is None or source.account != context.account:
        return request
    given = source.document.get("request", {})
    if source.kind == PACKAGE and "InferenceSpecification" in given:
        context.authorize("sagemaker:DescribeModelPackage", source.arn)
        return {**request, "InferenceSpecification": given["InferenceSpecification"]}
    if source.kind == "model" and "PrimaryContainer" in given:
        context.authorize("sagemaker:DescribeModel", source.arn)
        container = {
            name: given["PrimaryContainer"][name] for name in _OF_MODELS if name in given["PrimaryContainer"]
        }
        return {**request, "InferenceSpecification": {"Containers": [container]}}
    return request


def _document(tx: Transaction, context: Context, request: dict[str, Any]) -> dict[str, Any]:
    whole = _with_source(tx, context, request)
    return {
        "request": {member: whole[member] for member in _KEPT if member in whole},
        "created_by": user_context(context),
        "updated_fields": [],
    }


def _add_version(tx: Transaction, context: Context, group: Resource, request: dict[str, Any]) -> Resource:
    token = request.get("ClientToken")
    said = fingerprint(request, "ModelPackageGroupName")
    if token and (known := _made_with(tx, group, token)):
        check_repeat(known.document.get("said"), said, token)
        return known
    number = group.document["last_version"] + 1
    resources.save(tx, group, document={**group.document, "last_version": number}, now=context.now)
    document = {
        **_document(tx, context, request),
        "group": group.name,
        "version": number,
        "token": token,
        "said": said,
        "approval": request.get("ModelApprovalStatus", "PendingManualApproval"),
        "life_cycle": request.get("ModelLifeCycle"),
    }
    package = resources.create(
        tx,
        account=group.account,
        region=group.region,
        kind=PACKAGE,
        name=str(number),
        arn=sagemaker_arn(group.region, group.account, PACKAGE, f"{group.name}/{number}"),
        parent=group.name.lower(),
        document=document,
        status="Completed",
        now=context.now,
    )
    automatic.version_registered(tx, context, group, package)
    return package


def _made_with(tx: Transaction, group: Resource, token: str) -> Resource | None:
    """The version that an earlier try of the same call has made; retries come soon, so the newest are looked at."""
    query = Query(group.account, group.region, PACKAGE, parent=group.name.lower(), descending=True, limit=_REMEMBERED)
    return next((row for row in resources.page(tx, query) if row.document.get("token") == token), None)


def _add_unversioned(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    document = _document(tx, context, request)
    package = names.add(tx, context, PACKAGE, request["ModelPackageName"], document, "Completed")
    put_tags(tx, package.arn, request.get("Tags"))
    return package
