"""When a step need not run because it has run before: its policy, and the key of what counts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from clary.base.errors import ValidationException

# Members of the arguments that tell one run of a step from another. Where results go, as whom it runs and on which
# machine does not count.
_COUNTING: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
# Members in which addresses lead to results, not to inputs.
_RESULTS = frozenset(
    {"CheckpointConfig", "DebugHookConfig", "OutputDataConfig", "S3OutputPath", "TensorBoardOutputConfig"}
)
_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_SECONDS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """`expires` None: a result never grows too old."""

    expires: timedelta | None = None


class CachedStep(Protocol):
    """What a key is made of."""

    @property
    def type(self) -> str: ...

    @property
    def raw(self) -> Mapping[str, Any]: ...


def read_cache_policy(step: str, config: Any) -> CachePolicy | None:
    """The policy of an enabled CacheConfig; None when the step is not to be cached."""
    if config is None:
        return None
    if not isinstance(config, dict) or not isinstance(config.get("Enabled"), bool):
        raise ValidationException(f"Invalid pipeline definition: CacheConfig of the step {step} needs Enabled.")
    if not config["Enabled"]:
        return None
    text = config.get("ExpireAfter")
    return CachePolicy(None if text is None else read_duration(step, str(text)))


def read_duration(step: str, text: str) -> timedelta:
    """`P30D`, `PT12H`, `P1DT6H`, and as people also write it: `p30d`, `T12H`, `30d`."""
    match = _DURATION.fullmatch(text.upper().removeprefix("P")) if len(text) <= 64 else None
    if match is None or not any(match.groups()):
        raise ValidationException(
            f"Invalid pipeline definition: ExpireAfter of the step {step} must be a duration such as P30D or PT12H."
        )
    seconds = sum(float(number) * unit for number, unit in zip(match.groups(), _SECONDS, strict=True) if number)
    return timedelta(seconds=min(seconds, 1e9))


def cache_key(
    step: CachedStep, resolved_arguments: Mapping[str, Any], contents: Mapping[str, str] | None = None
) -> str:
    """A hash over everything that counts for this kind of step. `contents`: of what its addresses lead to."""
    chosen = _chosen(step, resolved_arguments)
    parts = [step.type, chosen] if contents is None else [step.type, chosen, contents]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def input_addresses(step: CachedStep, resolved_arguments: Mapping[str, Any]) -> list[str]:
    """The s3:// addresses of inputs (data, code, models) among what counts, each once."""
    return sorted(set(_addresses(_chosen(step, resolved_arguments))))


def _addresses(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        plain = value.strip('"')  # the SDK writes hyperparameters as JSON
        if plain.startswith("s3://"):
            yield plain
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            if name not in _RESULTS:
                yield from _addresses(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _addresses(entry)


def _chosen(step: CachedStep, resolved_arguments: Mapping[str, Any]) -> dict[str, Any]:
    counting = _COUNTING.get(step.type)
    return (
        {name: resolved_arguments.get(name) for name in counting}
        if counting
        else {"arguments": resolved_arguments, "target": step.raw.get("FunctionArn") or step.raw.get("SqsQueueUrl")}
    )
