"""What a held Describe waits for."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from clary.base.clock import SystemClock
from clary.control.hold import Changes, Hold
from clary.wire.http import RequestHead

SDK = "AWS-SageMaker-Python-SDK/2.257 Boto3/1.43"
WAITER = "Boto3/1.43 md/Botocore m/B,D,Z"


class NoWait:
    """Changes that happen at once."""

    async def wait(self, seconds: float) -> None:
        assert seconds > 0


def looks(agent: str, *stages: str, first: int = 0) -> tuple[bool, list[str]]:
    """Whether the look at stage `first` is held, and the stages that were seen until it is answered."""
    clock, seen = SystemClock(), []
    hold = Hold(cast(Changes, NoWait()), clock, 45.0)
    head = RequestHead(method="POST", path="/", query="", headers={"user-agent": agent})
    answers = iter(stages[first:])

    async def describe() -> dict[str, Any]:
        stage = next(answers)
        seen.append(stage)
        status = "Completed" if stage == "Completed" else "InProgress"
        times = {"CreationTime": clock.now(), "LastModifiedTime": clock.now()}
        return {"TrainingJobArn": "a", "TrainingJobStatus": status, "SecondaryStatus": stage, **times}

    async def one() -> bool:
        result = await describe()
        held = hold.applies("DescribeTrainingJob", head, result)
        if held:
            await hold.until_finished("DescribeTrainingJob", head, describe, result)
        return held

    return asyncio.run(one()), seen


STAGES = ("Starting", "DownloadingTrainingImage", "Downloading", "Training", "Completed")


def test_the_sdk_hears_at_once_that_an_environment_is_built() -> None:
    assert looks(SDK, *STAGES) == (True, ["Starting", "DownloadingTrainingImage"])


def test_its_next_look_waits_for_the_end() -> None:
    assert looks(SDK, *STAGES, first=1) == (True, list(STAGES[1:]))


def test_a_waiter_waits_through_it() -> None:
    assert looks(WAITER, *STAGES) == (True, list(STAGES))


def test_others_are_answered_at_once() -> None:
    assert looks("Boto3/1.43", *STAGES) == (False, ["Starting"])
