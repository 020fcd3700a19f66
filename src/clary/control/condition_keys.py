"""Condition keys that follow from the parameters of a request and from the tags of its resource. No I/O.

The keys are those that AWS documents for each service; what a request does not say is a missing key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Keys: TypeAlias = "dict[str, str | list[str]]"

_TAG_MEMBERS = ("Tags", "tags", "TagList")
_KEY_MEMBERS = ("TagKeys", "tagKeys")

_JOBS = ("", "TrainingJobDefinition.", "TrainingJobDefinitions[].")
_INSTANCES = (
    "ResourceConfig.InstanceType",
    "ResourceConfig.InstanceGroups[].InstanceType",
    "HyperParameterTuningResourceConfig.InstanceType",
    "HyperParameterTuningResourceConfig.InstanceConfigs[].InstanceType",
)
_SAGEMAKER: Mapping[str, tuple[str, ...]] = {
    "sagemaker:instancetypes": (
        "InstanceType",
        *(job + path for job in _JOBS for path in _INSTANCES),
        "ProcessingResources.ClusterConfig.InstanceType",
        "ProductionVariants[].InstanceType",
        "ShadowProductionVariants[].InstanceType",
        "TransformResources.InstanceType",
    ),
    "sagemaker:vpcsubnets": (
        *(f"{job}VpcConfig.Subnets[]" for job in _JOBS),
        "NetworkConfig.VpcConfig.Subnets[]",
    ),
    "sagemaker:vpcsecuritygroupids": (
        *(f"{job}VpcConfig.SecurityGroupIds[]" for job in _JOBS),
        "NetworkConfig.VpcConfig.SecurityGroupIds[]",
    ),
    "sagemaker:networkisolation": (
        *(f"{job}EnableNetworkIsolation" for job in _JOBS),
        "NetworkConfig.EnableNetworkIsolation",
    ),
    "sagemaker:intercontainertrafficencryption": (
        *(f"{job}EnableInterContainerTrafficEncryption" for job in _JOBS),
        "NetworkConfig.EnableInterContainerTrafficEncryption",
    ),
    "sagemaker:volumekmskey": (
        "KmsKeyId",
        *(f"{job}ResourceConfig.VolumeKmsKeyId" for job in _JOBS),
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "TransformResources.VolumeKmsKeyId",
    ),
    "sagemaker:outputkmskey": (
        *(f"{job}OutputDataConfig.KmsKeyId" for job in _JOBS),
        "ProcessingOutputConfig.KmsKeyId",
        "TransformOutput.KmsKeyId",
    ),
    "sagemaker:maxruntimeinseconds": tuple(f"{job}StoppingCondition.MaxRuntimeInSeconds" for job in _JOBS),
    "sagemaker:keepaliveperiod": tuple(f"{job}ResourceConfig.KeepAlivePeriodInSeconds" for job in _JOBS),
    "sagemaker:enableremotedebug": ("RemoteDebugConfig.EnableRemoteDebug",),
    "sagemaker:modelapprovalstatus": ("ModelApprovalStatus",),
    "sagemaker:serverlessmaxconcurrency": ("ProductionVariants[].ServerlessConfig.MaxConcurrency",),
    "sagemaker:serverlessmemorysize": ("ProductionVariants[].ServerlessConfig.MemorySizeInMB",),
}
_SETTING = ("Create", "Update")
_LISTS = frozenset(("sagemaker:instancetypes", "sagemaker:vpcsubnets", "sagemaker:vpcsecuritygroupids"))
_IAM: Mapping[str, tuple[str, ...]] = {
    "iam:policyarn": ("PolicyArn",),
    "iam:permissionsboundary": ("PermissionsBoundary",),
}


def request_keys(service: str, operation: str, parameters: Mapping[str, Any]) -> Keys:
    """Keys of the request itself: its tags, and what its service documents besides."""
    keys = _tag_keys(parameters)
    if service == "sagemaker" and operation.startswith(_SETTING):
        keys |= _from_paths(_SAGEMAKER, parameters)
        if operation in ("CreateModelPackage", "UpdateModelPackage"):
            properties = parameters.get("CustomerMetadataProperties") or {}
            keys |= {
                f"sagemaker:customermetadataproperties/{name.lower()}": text for name, text in properties.items()
            }
    elif (service, operation) == ("cloudwatch", "PutMetricData"):
        keys |= _from_paths({"cloudwatch:namespace": ("Namespace",)}, parameters)
    elif service == "iam":
        keys |= _from_paths(_IAM, parameters)
    return keys


def resource_tag_keys(action: str, tags: Mapping[str, str]) -> Keys:
    """`aws:ResourceTag/...`, and the same under the name of a service that has a key of its own."""
    service = action.partition(":")[0]
    prefixes = ("aws", service) if service in ("sagemaker", "iam") else ("aws",)
    return {f"{prefix}:resourcetag/{key.lower()}": value for prefix in prefixes for key, value in tags.items()}


def _tag_keys(parameters: Mapping[str, Any]) -> Keys:
    """Tags come as a list of keys and values, or as a map; removals name keys only."""
    tags: dict[str, str] = {}
    for member in _TAG_MEMBERS:
        tags |= dict(_pairs(parameters.get(member)))
    names = [*tags, *(name for member in _KEY_MEMBERS for name in parameters.get(member) or ())]
    keys: Keys = {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    if names:
        keys["aws:tagkeys"] = names
    return keys


def _pairs(tags: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tags, Mapping):
        yield from tags.items()
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, Mapping):
            yield tag.get("Key") or tag.get("key") or "", tag.get("Value") or tag.get("value") or ""


def _from_paths(table: Mapping[str, tuple[str, ...]], parameters: Mapping[str, Any]) -> Keys:
    keys: Keys = {}
    for key, paths in table.items():
        found = [value for path in paths for value in _values(parameters, path.split("."))]
        if found:
            keys[key] = [str(value) for value in found] if key in _LISTS else _single(found)
    return keys


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path such as `ProductionVariants[].InstanceType`."""
    if not path:
        if value is not None:
            yield value
        return
    name = path[0].removesuffix("[]")
    inner = value.get(name) if isinstance(value, Mapping) else None
    for item in (inner or ()) if path[0].endswith("[]") else (inner,):
        yield from _values(item, path[1:])


def _single(found: list[Any]) -> str | list[str]:
    """One value for keys that have one: of flags whether all are set, of numbers the largest."""
    if all(isinstance(value, bool) for value in found):
        return "true" if all(found) else "false"
    if all(isinstance(value, int) for value in found):
        return str(max(found))
    texts = [str(value) for value in found]
    return texts[0] if len(texts) == 1 else texts
