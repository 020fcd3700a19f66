"""Holding Describe for clients that would sleep after it.

The SageMaker SDK looks at a new job once and then only every 10 to 30 seconds, so a job of three seconds would seem
to take half a minute. Its first Describe of a young job is therefore answered when the job has ended, or when the
hold time is over. A waiter of boto3 or of the AWS CLI sleeps 30 to 120 seconds between its looks and does nothing
else, so each of its looks is held. Every other call is answered at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from clary.base.clock import Clock
from clary.store.database import Database
from clary.wire.http import RequestHead

_UNFINISHED: Mapping[str, tuple[str, frozenset[str]]] = {
    "DescribeTrainingJob": ("TrainingJobStatus", frozenset({"InProgress", "Stopping"})),
    "DescribeProcessingJob": ("ProcessingJobStatus", frozenset({"InProgress", "Stopping"})),
    "DescribeTransformJob": ("TransformJobStatus", frozenset({"InProgress", "Stopping"})),
    "DescribeHyperParameterTuningJob": ("HyperParameterTuningJobStatus", frozenset({"InProgress", "Stopping"})),
    "DescribePipelineExecution": ("PipelineExecutionStatus", frozenset({"Executing", "Stopping"})),
    "DescribeEndpoint": ("EndpointStatus", frozenset({"Creating", "Updating", "RollingBack", "Deleting"})),
}
_YOUNG_SECONDS = 30.0
_LOOK_SECONDS = 1.0


class Changes:
    """Lets coroutines wait until some resource has changed; the database calls from its own threads."""

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = asyncio.Event()
        database.listen(lambda _touched: self._announce())

    async def wait(self, seconds: float) -> None:
        """Return at the next change of any resource, or after `seconds`."""
        event = self._changed
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return

    def _announce(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._swap)

    def _swap(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Hold:
    """Decides whether an answer is worth waiting for."""

    def __init__(self, changes: Changes, clock: Clock, seconds: float) -> None:
        self._changes = changes
        self._clock = clock
        self._seconds = seconds
        self._held: dict[str, float] = {}

    def applies(self, operation: str, head: RequestHead, result: Mapping[str, Any]) -> bool:
        """True for a waiter's look at what is unfinished, and for the SDK's first one after a change."""
        if operation not in _UNFINISHED or self._seconds <= 0 or not _unfinished(operation, result):
            return False
        if _is_waiter(head):
            return True
        if not _is_sagemaker_sdk(head):
            return False
        changed = max(result["CreationTime"], result["LastModifiedTime"])
        if (self._clock.now() - changed).total_seconds() > _YOUNG_SECONDS:
            return False
        return self._take(f"{operation}/{_arn(result)}/{result['CreationTime']}/{_is_building(result)}")

    async def until_finished(
        self, operation: str, head: RequestHead, describe: Any, result: dict[str, Any]
    ) -> dict[str, Any]:
        """Describe again after changes until the resource is finished or the time is over.

        That an environment has to be built first, for a minute, the SDK hears at once; its next look is held.
        A waiter would show nothing to anybody.
        """
        deadline = time.monotonic() + self._seconds
        told = _is_waiter(head) or _is_building(result)
        while _unfinished(operation, result) and (left := deadline - time.monotonic()) > 0:
            await self._changes.wait(min(left, _LOOK_SECONDS))
            result = await describe()
            if _is_building(result) and not told:
                break
        return result

    async def until_good(self, worth: Any, again: Any, result: dict[str, Any]) -> dict[str, Any]:
        """Call `again` after changes while `worth(result)` tells seconds to wait; the first answer sets the limit."""
        deadline = time.monotonic() + worth(result)
        while worth(result) > 0 and (left := deadline - time.monotonic()) > 0:
            await self._changes.wait(min(left, _LOOK_SECONDS))
            result = await again()
        return result

    def _take(self, key: str) -> bool:
        """Remember that this resource has been held; old entries are dropped."""
        now = time.monotonic()
        self._held = {known: when for known, when in self._held.items() if now - when < 2 * _YOUNG_SECONDS}
        if key in self._held:
            return False
        self._held[key] = now
        return True


def _unfinished(operation: str, result: Mapping[str, Any]) -> bool:
    member, states = _UNFINISHED[operation]
    return result.get(member) in states


def _is_building(result: Mapping[str, Any]) -> bool:
    return result.get("SecondaryStatus") == "DownloadingTrainingImage"


def _arn(result: Mapping[str, Any]) -> str:
    if "PipelineExecutionArn" in result:
        return str(result["PipelineExecutionArn"])
    return next(str(value) for key, value in result.items() if key.endswith("Arn") and key != "RoleArn")


def _is_waiter(head: RequestHead) -> bool:
    """botocore tells the features in use in its User-Agent, as in `m/B,D,Z`; B is a waiter."""
    for part in head.headers.get("user-agent", "").split():
        if part.startswith("m/"):
            return "B" in part.removeprefix("m/").split(",")
    return False


def _is_sagemaker_sdk(head: RequestHead) -> bool:
    agent = head.headers.get("user-agent", "").lower()
    return any(name in agent for name in ("sagemaker-python-sdk", "sagemakercore", "sagemaker_sdk"))
