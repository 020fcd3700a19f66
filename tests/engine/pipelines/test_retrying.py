"""Which failures are tried again, how often, and after what time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.base.errors import ApiError, NotServed, ResourceLimitExceeded, ValidationException
from clary.engine.pipelines.retrying import class_of_error, class_of_failure, next_try

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def waits(policies: list[dict[str, Any]], fault: str, most: int = 50) -> list[float]:
    """Seconds before each further try, when every one fails at once."""
    tries: dict[str, Any] = {}
    now, found = NOW, []
    while len(found) < most:
        following = next_try(policies, fault, tries, now)
        if following is None:
            break
        tries, due = following
        found.append((due - now).total_seconds())
        now = due
    return found


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ResourceLimitExceeded("full"), "SageMaker.RESOURCE_LIMIT"),
        (ApiError("slow down", code="ThrottlingException", status=400), "Step.THROTTLING"),
        (ApiError("broken", code="InternalFailure", status=500), "Step.SERVICE_FAULT"),
        (ValidationException("wrong"), ""),
        (NotServed("never"), ""),
    ],
)
def test_errors_have_the_names_that_policies_use(error: Exception, fault: str) -> None:
    assert class_of_error(error) == fault


def test_failures_of_jobs_have_names_too() -> None:
    assert class_of_failure("InternalServerError: gone") == "SageMaker.JOB_INTERNAL_ERROR"
    assert class_of_failure("CapacityError: none left") == "SageMaker.CAPACITY_ERROR"
    assert class_of_failure("AlgorithmError: InternalServerError") == ""


def test_faults_of_the_service_are_tried_five_times_without_a_policy() -> None:
    assert waits([], "Step.SERVICE_FAULT") == [1, 2, 4, 8, 16]
    assert waits([], "Step.THROTTLING") == [1, 2, 4, 8, 16]
    assert waits([], "SageMaker.JOB_INTERNAL_ERROR") == []


def test_a_policy_of_its_own_stands_before_that() -> None:
    policy = {"ExceptionType": ["Step.SERVICE_FAULT"], "IntervalSeconds": 3, "BackoffRate": 1.0, "MaxAttempts": 2}
    assert waits([policy], "Step.SERVICE_FAULT") == [3, 3]
    assert waits([policy], "Step.THROTTLING") == [1, 2, 4, 8, 16]


def test_policies_are_counted_each_for_itself() -> None:
    one = {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "MaxAttempts": 1}
    two = {"ExceptionType": ["SageMaker.RESOURCE_LIMIT"], "MaxAttempts": 1}
    following = next_try([one, two], "SageMaker.CAPACITY_ERROR", {}, NOW)
    assert following is not None
    tries, _ = following
    assert next_try([one, two], "SageMaker.CAPACITY_ERROR", tries, NOW) is None
    assert next_try([one, two], "SageMaker.RESOURCE_LIMIT", tries, NOW) is not None


def test_a_policy_may_end_with_time() -> None:
    policy = {
        "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
        "IntervalSeconds": 60,
        "BackoffRate": 1,
        "ExpireAfterMin": 3,
    }
    assert waits([policy], "SageMaker.CAPACITY_ERROR") == [60, 60, 60]
    following = next_try([policy], "SageMaker.CAPACITY_ERROR", {}, NOW)
    assert following is not None
    assert next_try([policy], "SageMaker.CAPACITY_ERROR", following[0], NOW + timedelta(minutes=3)) is None


def test_waiting_never_takes_longer_than_twelve_hours() -> None:
    policy = {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "BackoffRate": 1e6, "MaxAttempts": 20}
    found = waits([policy], "SageMaker.CAPACITY_ERROR")
    assert len(found) == 20
    assert max(found) == 43200
