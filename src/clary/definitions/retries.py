"""Retry policies of a step, checked as they were written. When they apply is decided by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.base.errors import ValidationException

_TYPES = frozenset(
    {
        "Step.SERVICE_FAULT",
        "Step.THROTTLING",
        "SageMaker.JOB_INTERNAL_ERROR",
        "SageMaker.CAPACITY_ERROR",
        "SageMaker.RESOURCE_LIMIT",
    }
)
_RANGES: Mapping[str, tuple[float, float]] = {
    "IntervalSeconds": (1, 43200),
    "BackoffRate": (0, 1e6),
    "MaxAttempts": (1, 20),
    "ExpireAfterMin": (1, 14400),
}


def read_retries(step: str, listed: Any) -> tuple[Mapping[str, Any], ...]:
    """The policies in their order; ValidationException for what cannot be one."""
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise _invalid(step, "must be a list")
    for policy in listed:
        types = policy.get("ExceptionType") if isinstance(policy, dict) else None
        if not isinstance(types, list) or not types or not set(map(str, types)) <= _TYPES:
            raise _invalid(step, f"need an ExceptionType out of {', '.join(sorted(_TYPES))}")
        if "MaxAttempts" in policy and "ExpireAfterMin" in policy:
            raise _invalid(step, "may have MaxAttempts or ExpireAfterMin, not both")
        for member, (smallest, largest) in _RANGES.items():
            value = policy.get(member, smallest)
            if isinstance(value, bool) or not isinstance(value, int | float) or not smallest <= value <= largest:
                raise _invalid(step, f"need a {member} between {smallest:g} and {largest:g}")
    return tuple(listed)


def _invalid(step: str, text: str) -> ValidationException:
    return ValidationException(f"Invalid pipeline definition: RetryPolicies of the step {step} {text}.")
