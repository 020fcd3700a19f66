"""SageMaker Model Package State Change: a version was registered, or its approval, stage or status has changed."""

from __future__ import annotations

from clary.engine.events.changes.change import Change, Told, with_times
from clary.events.envelope import iso_millis

_MEMBERS = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "SourceUri",
)


def told(change: Change) -> Told | None:
    if change.what == "removed":
        return None
    document = change.document
    updated = change.what == "changed" and change.facts["previous_status"] == change.status
    described = {**change.request, **{name: document[name] for name in _MEMBERS if name in document}}
    detail = {
        **{name: described.get(name) for name in _MEMBERS},
        "ModelPackageName": None if document.get("version") else change.name,
        "ModelPackageGroupName": described.get("ModelPackageGroupName") or document.get("group"),
        "ModelPackageVersion": document.get("version"),
        "ModelPackageArn": change.arn,
        "ModelPackageStatus": change.status,
        "ModelApprovalStatus": document.get("approval"),
        "ApprovalDescription": document.get("approval_description") or described.get("ApprovalDescription"),
        "CertifyForMarketplace": bool(described.get("CertifyForMarketplace")),
        "CreationTime": change.facts["created_at"],
        "LastModifiedTime": change.facts["updated_at"],
        "UpdatedModelPackageFields": document.get("updated_fields", ["ModelApprovalStatus"]) if updated else [],
        "Tags": dict(change.tags),
    }
    return Told("SageMaker Model Package State Change", with_times(detail, iso_millis), [change.arn])
