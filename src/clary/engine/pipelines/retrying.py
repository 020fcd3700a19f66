"""Whether a step that failed is tried again, and when: a pure decision over its retry policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from clary.base.errors import ApiError, NotServed, ResourceLimitExceeded

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
_DEFAULT: Mapping[str, Any] = {
    "ExceptionType": [SERVICE_FAULT, THROTTLING],
    "IntervalSeconds": 1,
    "BackoffRate": 2.0,
    "MaxAttempts": 5,
}
_THROTTLES = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})
_JOB_FAULTS: Mapping[str, str] = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}


def class_of_error(error: Exception) -> str:
    """The exception type, as retry policies name it, of a call that was refused; empty when none fits."""
    if isinstance(error, ResourceLimitExceeded):
        return "SageMaker.RESOURCE_LIMIT"
    if isinstance(error, ApiError):
        if error.code in _THROTTLES:
            return THROTTLING
        return SERVICE_FAULT if error.status >= 500 and not isinstance(error, NotServed) else ""
    return SERVICE_FAULT


def class_of_failure(reason: str) -> str:
    """The same of a job that ran and failed, by the class its FailureReason begins with."""
    return _JOB_FAULTS.get(reason.partition(":")[0], "")


def next_try(
    policies: Sequence[Mapping[str, Any]], fault: str, tries: Mapping[str, Any], now: datetime
) -> tuple[dict[str, Any], datetime] | None:
    """The tries so far with this one added, and when the next may begin; None when the step stays failed.

    `tries` maps the number of a policy to {count, since}.
    """
    for number, policy in enumerate([*policies, _DEFAULT]):
        if fault not in _types(policy):
            continue
        used = tries.get(str(number)) or {"count": 0, "since": now}
        if _is_used_up(policy, used, now):
            return None
        rate = min(float(policy.get("BackoffRate") or 2.0), 100.0)
        seconds = float(policy.get("IntervalSeconds") or 1) * rate ** used["count"]
        due = now + timedelta(seconds=min(seconds, 43200.0))
        return {**tries, str(number): {**used, "count": used["count"] + 1}}, due
    return None


def _types(policy: Mapping[str, Any]) -> Sequence[str]:
    found = policy.get("ExceptionType") or []
    return [found] if isinstance(found, str) else list(found)


def _is_used_up(policy: Mapping[str, Any], used: Mapping[str, Any], now: datetime) -> bool:
    minutes = policy.get("ExpireAfterMin")
    if minutes is not None:
        return bool(now - used["since"] >= timedelta(minutes=float(minutes)))
    return bool(used["count"] >= int(policy.get("MaxAttempts") or 5))
