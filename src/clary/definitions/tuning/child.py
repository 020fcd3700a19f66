"""The CreateTrainingJob request of one trial of a tuning job, and its name.

Names are derived, never drawn: whoever makes the same trial again finds the training job that exists already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

_SAME = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)
_INSTANCE = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def child_name(tuning_job: str, identity: str, number: int) -> str:
    """For example `my-tuning-007-1f2e3d4c`; `identity` tells apart tuning jobs that had the same name."""
    digest = hashlib.sha256(f"{identity}/{number}".encode()).hexdigest()[:8]
    return f"{tuning_job[:32].rstrip('-')}-{number:03d}-{digest}"


def child_request(
    name: str, definition: Mapping[str, Any], parameters: Mapping[str, str], tags: list[dict[str, str]]
) -> dict[str, Any]:
    """What CreateTrainingJob is asked for one trial."""
    algorithm = {key: value for key, value in definition["AlgorithmSpecification"].items() if value}
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": algorithm,
        "HyperParameters": {**(definition.get("StaticHyperParameters") or {}), **parameters},
        "ResourceConfig": resources_of(definition),
        **{member: definition[member] for member in _SAME if definition.get(member)},
    }
    checkpoints = request.get("CheckpointConfig")
    if checkpoints:  # a folder for each trial: one must not begin with what another has learned
        request["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}"}
    if tags:
        request["Tags"] = tags
    return request


def resources_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """`ResourceConfig`, or the same from the member that only tuning jobs have."""
    if definition.get("ResourceConfig"):
        return dict(definition["ResourceConfig"])
    given = definition.get("HyperParameterTuningResourceConfig") or {}
    return {"InstanceCount": 1, **{member: given[member] for member in _INSTANCE if member in given}}
