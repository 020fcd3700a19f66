"""Artifacts: Create, Describe, Update, Delete and List. There is one for each source URI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments.rows import chosen
from clary.services.sagemaker.lineage import vertices
from clary.services.sagemaker.lineage.vertices import ARTIFACT
from clary.store import lineage, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_KEPT = ("ArtifactName", "Source", "ArtifactType", "Properties", "MetadataProperties")


def any_artifact(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table: the artifact of a source URI."""
    return names.arn(context, ARTIFACT, lineage.digest(request["Source"]["SourceUri"]))


def named_artifact(context: Context, request: dict[str, Any]) -> str:
    """For the dispatch table: by ARN, or by source."""
    if "ArtifactArn" in request:
        return str(request["ArtifactArn"]).lower()
    if "Source" not in request:
        raise ValidationException("Either ArtifactArn or Source must be given.")
    return any_artifact(context, request)


def create_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        key = lineage.digest(request["Source"]["SourceUri"])
        row = vertices.add(tx, context, ARTIFACT, key, chosen(request, *_KEPT), request.get("Tags"))
    return {"ArtifactArn": row.arn}


def describe_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        row = vertices.get(tx, context, ARTIFACT, request["ArtifactArn"])
    return {"ArtifactArn": row.arn, **vertices.described(context, row)}


def update_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = vertices.get(tx, context, ARTIFACT, request["ArtifactArn"])
        vertices.change(tx, context, row, chosen(request, "ArtifactName"), request)
    return {"ArtifactArn": row.arn}


def delete_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        row = vertices.get(tx, context, ARTIFACT, named_artifact(context, request))
        vertices.remove(tx, context, row)
    return {"ArtifactArn": row.arn}


def list_artifacts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        return vertices.list_page(tx, context, request, ARTIFACT, type_member="ArtifactType", summary=_summary)


def ensure(tx: Transaction, context: Context, kinds: Mapping[str, str], **more: Any) -> dict[str, Resource]:
    """The artifacts of these URIs (with the types for new ones); those that are there keep their type and name."""
    digests = {uri: lineage.digest(uri) for uri in kinds}
    known = resources.find_all(tx, context.account, context.region, ARTIFACT, digests.values())
    found: dict[str, Resource] = {}
    for uri, kind in kinds.items():
        document = {"Source": {"SourceUri": uri}, "ArtifactType": kind, **more}
        found[uri] = known.get(digests[uri]) or vertices.add(tx, context, ARTIFACT, digests[uri], document)
    return found


def _summary(row: Resource) -> dict[str, Any]:
    shown = chosen(row.document, "ArtifactName", "Source", "ArtifactType")
    return {"ArtifactArn": row.arn, **shown, "CreationTime": row.created_at, "LastModifiedTime": row.updated_at}
