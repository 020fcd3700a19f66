"""control dies at each step of a job's and an endpoint's life: the same end as without, and nothing runs twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.server import Server, deploy, eventually, finished, invoke, log_of, running_server, settled, train

T = TypeVar("T")

JOB = ("engine.job_staged", "engine.job_launched", "uploads.stored", "engine.job_collected", "engine.job_recorded")
ENDPOINT = ("engine.endpoint_saved", "engine.replica_started")
SCRIPT = """
import os, pathlib
print("started", flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "made.txt").write_text("model")
pathlib.Path("/opt/ml/checkpoints/1").write_text("checkpoint")
"""


@pytest.fixture
def struck(tmp_path: Path) -> Path:
    folder = tmp_path / "struck"
    folder.mkdir()
    return folder


@pytest.fixture
def dying(tmp_path: Path, struck: Path) -> Iterator[Server]:
    """The pause before a restart is kept short: here every death is wanted."""
    crashes = {"CLARY_CRASH_AT": ",".join((*JOB, *ENDPOINT)), "CLARY_CRASH_ONCE": str(struck)}
    with running_server(tmp_path, CLARY_RESTART_PAUSE_SECONDS="0.05", **crashes) as server:
        yield server


def after_deaths(look: Callable[[], T]) -> T:
    """The result of `look`, which is tried again while control is away."""

    def try_it() -> list[T]:
        try:
            return [look()]
        except BotoCoreError:
            return []
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
            return []

    return eventually(try_it, 180)[0]


def test_a_job_and_an_endpoint_survive_the_death_of_control_at_every_step(dying: Server, struck: Path) -> None:
    train(dying, "stepwise", SCRIPT, wait=False, CheckpointConfig={"S3Uri": "s3://tests/stepwise"})
    job = after_deaths(lambda: finished(dying, "stepwise", 180))
    assert job["TrainingJobStatus"] == "Completed", job
    eventually(lambda: {path.name for path in struck.iterdir()} >= set(JOB))
    after_deaths(lambda: eventually(lambda: not list(dying.settings.layout.units.glob("t*"))))
    lines = [line for line in log_of(dying, "/aws/sagemaker/TrainingJobs", "stepwise/") if re.match("started", line)]
    assert lines == ["started"]
    assert dying.client("s3").head_object(Bucket="tests", Key="output/stepwise/output/model.tar.gz")["ContentLength"]
    assert dying.client("s3").get_object(Bucket="tests", Key="stepwise/1")["Body"].read() == b"checkpoint"

    after_deaths(lambda: dying.client("sagemaker").list_models())
    deploy(dying, "stepwise-endpoint", wait=False)
    endpoint = after_deaths(lambda: settled(dying, "stepwise-endpoint", 180))
    assert endpoint["EndpointStatus"] == "InService", endpoint
    assert {path.name for path in struck.iterdir()} == {*JOB, *ENDPOINT}
    assert invoke(dying, "stepwise-endpoint", "x").startswith("stepwise-endpoint:")
    units = [path.name for path in dying.settings.layout.units.iterdir() if path.name.startswith("e")]
    assert len(units) == 1, "one instance was asked for"
