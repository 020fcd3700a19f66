"""What CreateTrainingJob refuses: combinations that AWS refuses too, and what this version would otherwise ignore.

Called when a training job is created, and by tuning jobs, which create training jobs later.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import NotServed, ValidationException
from clary.services.sagemaker import names

DEFAULT_MAX_RUNTIME = 24 * 60 * 60
_OPERATION = "CreateTrainingJob"
_STREAMED_ONLY = {"CompressionType": "Gzip", "RecordWrapperType": "RecordIO"}


def check_request(request: dict[str, Any]) -> None:
    """Raises ValidationException or NotServed."""
    names.refuse_unserved(
        _OPERATION,
        request,
        "DebugRuleConfigurations",
        "SessionChainingConfig",
        "ServerlessJobConfig",
        "MlflowConfig",
        "ModelPackageConfig",
    )
    algorithm = request.get("AlgorithmSpecification")
    if not algorithm or not (algorithm.get("TrainingImage") or algorithm.get("AlgorithmName")):
        raise ValidationException(
            "Either TrainingImage or AlgorithmName must be specified in AlgorithmSpecification."
        )
    names.refuse_unserved(f"{_OPERATION} AlgorithmSpecification", algorithm, "AlgorithmName")
    _check_resources(request)
    _check_waiting(request)
    if not request["OutputDataConfig"].get("S3OutputPath"):
        raise ValidationException("OutputDataConfig must have an S3OutputPath.")
    _check_checkpoints(request.get("CheckpointConfig"))
    _check_channels(request.get("InputDataConfig") or [], algorithm["TrainingInputMode"])
    _check_reading(request.get("InputDataConfig") or [], request["ResourceConfig"])


def _check_resources(request: dict[str, Any]) -> None:
    resources = request.get("ResourceConfig")
    if not resources:
        raise ValidationException("ResourceConfig must be specified.")
    groups = resources.get("InstanceGroups") or []
    _check_groups(resources, groups)
    if resources.get("KeepAlivePeriodInSeconds") and request.get("EnableManagedSpotTraining"):
        raise ValidationException("KeepAlivePeriodInSeconds is not supported with EnableManagedSpotTraining.")


def _check_groups(resources: dict[str, Any], groups: list[dict[str, Any]]) -> None:
    if groups and (resources.get("InstanceType") or resources.get("InstanceCount")):
        raise ValidationException("ResourceConfig must not have InstanceType or InstanceCount beside InstanceGroups.")
    if not groups and not resources.get("InstanceType"):
        raise ValidationException("ResourceConfig must have an InstanceType.")
    called = [group.get("InstanceGroupName") for group in groups]
    if len(set(called)) < len(called) or not all(called):
        raise ValidationException("Each of InstanceGroups must have an InstanceGroupName of its own.")
    if not all(group.get("InstanceType") for group in groups):
        raise ValidationException("Each of InstanceGroups must have an InstanceType.")
    if any(part.get("InstanceCount") == 0 for part in (resources, *groups)):  # which the model allows
        raise ValidationException("InstanceCount must be at least 1.")


def _check_reading(channels: list[dict[str, Any]], resources: dict[str, Any]) -> None:
    """A channel may be for some of the groups only."""
    known = {group["InstanceGroupName"] for group in resources.get("InstanceGroups") or []}
    for channel in channels:
        unknown = set(channel["DataSource"]["S3DataSource"].get("InstanceGroupNames") or ()) - known
        if unknown:
            raise ValidationException(
                f"InstanceGroupNames of channel {channel['ChannelName']} name no instance group: {min(unknown)}."
            )


def _check_waiting(request: dict[str, Any]) -> None:
    """A spot job may wait for its machine; there is nothing to wait for here, but wrong limits are still wrong."""
    stopping = request.get("StoppingCondition") or {}
    longest = stopping.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if longest is None or longest < stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME):
            raise ValidationException(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif longest is not None:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )


def _check_checkpoints(config: dict[str, Any] | None) -> None:
    path = (config or {}).get("LocalPath")
    if path and (not path.rstrip("/").startswith("/opt/ml/") or {"", ".", ".."} & set(path.strip("/").split("/"))):
        raise NotServed(f"{_OPERATION} with a checkpoint LocalPath outside /opt/ml ({path}) is not served.")


def _check_channels(channels: list[dict[str, Any]], default_mode: str) -> None:
    seen: set[str] = set()
    for channel in channels:
        name = channel["ChannelName"]
        if name in seen:
            raise ValidationException(f"Duplicate channel name {name} in InputDataConfig.")
        seen.add(name)
        mode = channel.get("InputMode", default_mode)
        for member, value in _STREAMED_ONLY.items():
            if mode != "Pipe" and channel.get(member) == value:
                raise ValidationException(
                    f"{member} {value} of channel {name} can only be used with Pipe input mode."
                )
        source = channel["DataSource"].get("S3DataSource")
        if source is None:
            kind = next(iter(channel["DataSource"]), "nothing")
            raise NotServed(f"{_OPERATION} with a DataSource other than S3DataSource ({kind}) is not served.")
        _check_source(name, source, mode)


def _check_source(name: str, source: dict[str, Any], mode: str) -> None:
    kind = source["S3DataType"]
    if kind == "Converse":
        raise NotServed(f"{_OPERATION} with S3DataType {kind} is not served by this version of Clary.")
    names.refuse_unserved(f"{_OPERATION} channel {name}", source, "HubAccessConfig")
    if kind == "AugmentedManifestFile":
        if mode != "Pipe":
            raise ValidationException(f"S3DataType {kind} of channel {name} can only be used with Pipe input mode.")
        if not source.get("AttributeNames"):
            raise ValidationException(f"S3DataType {kind} of channel {name} needs AttributeNames.")
    elif source.get("AttributeNames"):
        raise ValidationException(f"AttributeNames of channel {name} need S3DataType AugmentedManifestFile.")
