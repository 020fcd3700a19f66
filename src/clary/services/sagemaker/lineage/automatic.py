"""What jobs, versions of models and endpoints add to lineage by themselves, in the transaction that makes them.

    data, script, image --ContributedTo--> trial component of the job --Produced--> model, data
    model, image --ContributedTo--> version --AssociatedWith--> group        approval --ContributedTo--> version
    model, image, version --ContributedTo--> deployment --AssociatedWith--> endpoint

An artifact stands for a URI: that one job's output is another's input joins them, nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.lineage import artifacts, associations, vertices
from clary.services.sagemaker.lineage.vertices import ACTION, CONTEXT
from clary.store import lineage, resources
from clary.store.database import Transaction
from clary.store.resources import Resource

_DATA, _IMAGE, _MODEL = "DataSet", "Image", "Model"
_LONGEST = 2048
_LONGEST_NAME = 120
_SCRIPT = "sagemaker_submit_directory"
_CONTRIBUTED, _PRODUCED, _ASSOCIATED = "ContributedTo", "Produced", "AssociatedWith"


def job_created(tx: Transaction, context: Context, job: Resource, component: Resource) -> None:
    """The component already knows what goes in and what comes out."""
    lineage.remember_source(tx, component, job.arn)
    given = component.document
    inputs = [(entry["Value"], _DATA) for entry in given["InputArtifacts"].values()]
    parameters = {name: value.get("StringValue", "") for name, value in given["Parameters"].items()}
    inputs += [(parameters.get(_SCRIPT, "").strip('"'), _DATA), (parameters.get("SageMaker.ImageUri", ""), _IMAGE)]
    if job.kind == "transform-job":
        inputs += _of_model(tx, context, job.document["request"]["ModelName"])
    made = _MODEL if job.kind == "training-job" else _DATA
    outputs = [(entry["Value"], made) for entry in given["OutputArtifacts"].values()]
    known = _artifacts(tx, context, [*inputs, *outputs])
    contributed = [(known[uri], component, _CONTRIBUTED) for uri in _distinct(inputs) if uri in known]
    produced = [(component, known[uri], _PRODUCED) for uri in _distinct(outputs) if uri in known]
    associations.join_new(tx, context, [*contributed, *produced])


def version_registered(tx: Transaction, context: Context, group: Resource, package: Resource) -> None:
    """A new version, with what it consists of, the state of its approval, and its group: in the group's account."""
    context = replace(context, account=group.account)
    request = package.document["request"]
    metadata = request.get("MetadataProperties") or {}
    more = {"MetadataProperties": metadata} if metadata else {}
    version = artifacts.ensure(tx, context, {package.arn: _MODEL}, **more)[package.arn]
    containers = (request.get("InferenceSpecification") or {}).get("Containers") or []
    parts = _artifacts(tx, context, [item for container in containers for item in _of_container(container)])
    properties = {"PipelineExecutionArn": metadata["GeneratedBy"]} if metadata.get("GeneratedBy") else {}
    within = _context_of(tx, context, group, "ModelGroup", "aws-model-group", properties)
    # A group that was deleted and made again gives its numbers out again: the artifact may be there, with its edges.
    for part in parts.values():
        associations.join(tx, context, part, version, _CONTRIBUTED)
    associations.join(tx, context, version, within, _ASSOCIATED)
    approval_changed(tx, context, package)
    if package.document.get("life_cycle"):
        stage_changed(tx, context, package)


def approval_changed(tx: Transaction, context: Context, package: Resource) -> None:
    """One action for each decision, also for the first one: that a person has to look."""
    properties = {"ModelApprovalStatus": package.document["approval"]}
    if package.document.get("approval_description"):
        properties["ApprovalDescription"] = package.document["approval_description"]
    _decided(tx, context, package, "Approval", package.document["approval"], properties)


def stage_changed(tx: Transaction, context: Context, package: Resource) -> None:
    """One action for each stage, or status of a stage, that a version has come to: the history of its life."""
    stage = package.document["life_cycle"]
    _decided(tx, context, package, "ModelLifeCycle", "ModelLifeCycle", stage)


def _decided(
    tx: Transaction, context: Context, package: Resource, kind: str, word: str, properties: dict[str, str]
) -> None:
    """Who decided is who made the action."""
    context = replace(context, account=package.account)
    moment = int(context.now.timestamp())
    document = {
        "Source": {"SourceUri": package.arn, "SourceType": "ARN"},
        "ActionType": kind,
        "Status": "Completed",
        "Properties": properties,
    }
    name = f"{package.document.get('group', 'package')}-{package.name}-{word}-{moment}-aws-model-package"
    action = _fresh(tx, context, ACTION, name, document)
    version = artifacts.ensure(tx, context, {package.arn: _MODEL})[package.arn]
    associations.join_new(tx, context, [(action, version, _CONTRIBUTED)])


def endpoint_deployed(tx: Transaction, context: Context, endpoint: Resource) -> None:
    """The deployment that an endpoint has just been asked for. A new endpoint has a new context, though its name
    may have been used before."""
    target = endpoint.document["target"]
    source = {"SourceUri": endpoint.arn, "SourceType": "ARN"}
    moment = int(context.now.timestamp())
    document = {"Source": source, "ActionType": "ModelDeployment", "Properties": {"EndpointConfig": target["config"]}}
    action = _fresh(tx, context, ACTION, f"{endpoint.name}-{moment}-aws-endpoint", document)
    if target["generation"] == 1:
        new = {"Source": source, "ContextType": "Endpoint", "Properties": {}}
        within = _fresh(tx, context, CONTEXT, f"{endpoint.name}-{moment}-aws-endpoint", new)
    else:
        within = _context_of(tx, context, endpoint, "Endpoint", "aws-endpoint", {})
    uris = [item for variant in target["variants"] for item in _of_container(variant["Container"])]
    contributed = [(part, action, _CONTRIBUTED) for part in _artifacts(tx, context, uris).values()]
    associations.join_new(tx, context, [*contributed, (action, within, _ASSOCIATED)])


def _of_container(container: dict[str, Any]) -> list[tuple[str, str]]:
    """What a model is made of: its package, its data, its image."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return [
        (container.get("ModelPackageName") or "", _MODEL),
        (container.get("ModelDataUrl") or source.get("S3Uri") or "", _MODEL),
        (container.get("Image") or "", _IMAGE),
    ]


def _of_model(tx: Transaction, context: Context, name: str) -> list[tuple[str, str]]:
    model = resources.find(tx, context.account, context.region, "model", name)
    if model is None:
        return []
    request = model.document["request"]
    containers = [request["PrimaryContainer"]] if request.get("PrimaryContainer") else request.get("Containers") or []
    return [item for container in containers for item in _of_container(container)]


def _artifacts(tx: Transaction, context: Context, uris: Iterable[tuple[str, str]]) -> dict[str, Resource]:
    """Artifacts by URI. What is no URI (a folder of the container, a text too long) has none."""
    kinds = {
        uri: kind
        for uri, kind in reversed(list(uris))
        if uri and len(uri) <= _LONGEST and (kind == _IMAGE or uri.startswith(("s3://", "arn:")))
    }
    return artifacts.ensure(tx, context, kinds)


def _distinct(uris: Iterable[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(uri for uri, _ in uris))


def _context_of(
    tx: Transaction, context: Context, of: Resource, kind: str, suffix: str, properties: dict[str, str]
) -> Resource:
    """The newest context of a thing, made if there is none."""
    known = [row for row in vertices.standing_for(tx, context, of.arn) if row.kind == CONTEXT]
    if known:
        return known[-1]
    source = {"SourceUri": of.arn, "SourceType": "ARN"}
    document = {"Source": source, "ContextType": kind, "Properties": properties}
    return _fresh(tx, context, CONTEXT, f"{of.name}-{int(context.now.timestamp())}-{suffix}", document)


def _fresh(tx: Transaction, context: Context, kind: str, name: str, document: dict[str, Any]) -> Resource:
    """Names end with a time in seconds, so two of a second need a number besides."""
    wanted = name[:_LONGEST_NAME]
    for number in range(2, 1000):
        if resources.find(tx, context.account, context.region, kind, wanted) is None:
            break
        wanted = f"{name[: _LONGEST_NAME - 4]}-{number}"
    return vertices.add(tx, context, kind, wanted, document)
