"""UpdateModelPackage and DeleteModelPackage. Who approved, and why, is kept with the version."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.repeats import once
from clary.services.sagemaker.lineage import automatic
from clary.services.sagemaker.registry.rows import get_package
from clary.services.sagemaker.user_context import user_context
from clary.store import resources, tags
from clary.store.database import Transaction

_REPLACED = ("InferenceSpecification", "SourceUri", "ModelCard", "ModelLifeCycle", "ModelPackageRegistrationType")


def update_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        return once(
            context,
            tx,
            "UpdateModelPackage",
            request.get("ClientToken"),
            request,
            lambda: _update(context, tx, request),
        )


def _update(context: Context, tx: Transaction, request: dict[str, Any]) -> dict[str, Any]:
    package = get_package(tx, context, request["ModelPackageArn"])
    if "ModelApprovalStatus" in request and "approval" not in package.document:
        raise ValidationException("Only versions in a model package group can be approved.")
    kept = dict(package.document["request"])
    for member in _REPLACED:
        if member in request:
            kept[member] = request[member]
    if "ModelCard" in request:  # its status changes without its content, and the other way round
        kept["ModelCard"] = {**(package.document["request"].get("ModelCard") or {}), **request["ModelCard"]}
    _change_metadata(kept, request)
    _add_specifications(kept, request)
    document = {
        **package.document,
        "request": kept,
        "last_modified_by": user_context(context),
        "updated_fields": sorted(set(request) - {"ModelPackageArn", "ClientToken"}),
    }
    if "ModelApprovalStatus" in request:
        document["approval"] = request["ModelApprovalStatus"]
    if "ApprovalDescription" in request:
        document["approval_description"] = request["ApprovalDescription"]
    if "ModelLifeCycle" in request:
        document["life_cycle"] = request["ModelLifeCycle"]
    changed = resources.save(tx, package, document=document, now=context.now)
    if document.get("approval") != package.document.get("approval"):
        automatic.approval_changed(tx, context, changed)
    if document.get("life_cycle") != package.document.get("life_cycle"):
        automatic.stage_changed(tx, context, changed)
    return {"ModelPackageArn": package.arn}


def delete_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Models that were made from it keep what they need."""
    with context.database.write() as tx:
        package = get_package(tx, context, request["ModelPackageName"])
        resources.remove(tx, package, now=context.now)
        tags.drop_all(tx, package.arn)
    return {}


def _change_metadata(kept: dict[str, Any], request: dict[str, Any]) -> None:
    removed = set(request.get("CustomerMetadataPropertiesToRemove") or [])
    added = request.get("CustomerMetadataProperties") or {}
    if removed or added:
        known = kept.get("CustomerMetadataProperties") or {}
        kept["CustomerMetadataProperties"] = {
            key: value for key, value in {**known, **added}.items() if key not in removed
        }


def _add_specifications(kept: dict[str, Any], request: dict[str, Any]) -> None:
    added = request.get("AdditionalInferenceSpecificationsToAdd") or []
    known = kept.get("AdditionalInferenceSpecifications") or []
    taken = {entry["Name"] for entry in known}
    for entry in added:
        if entry["Name"] in taken:
            raise ValidationException(f"There is an additional inference specification {entry['Name']} already.")
        taken.add(entry["Name"])
    if added:
        kept["AdditionalInferenceSpecifications"] = [*known, *added]
