"""A job whose environment is not there yet says so while it is built."""

from __future__ import annotations

import pytest

from clary.engine.jobs import JobController
from clary.engine.surroundings import Surroundings
from clary.engine.training_jobs import TrainingJobs
from clary.runtimes.environments import Environments, PreparedEnvironment
from clary.runtimes.errors import EnvironmentBuildError
from clary.store import resources
from tests.engine.running import job, run


@pytest.mark.parametrize("warm", [False, True])
def test_the_stage_is_recorded_before_the_build(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, warm: bool
) -> None:
    row = job(around, "training-job", OutputDataConfig={"S3OutputPath": "s3://b/p"})
    told: list[str] = []

    def prepare(_self: Environments, _image: str) -> PreparedEnvironment:
        with around.database.read() as tx:
            current = resources.find_by_id(tx, row.id)
        assert current is not None
        told.append(current.document["secondary"])
        raise EnvironmentBuildError("no network")

    monkeypatch.setattr(Environments, "is_warm", lambda _self, _image: warm)
    monkeypatch.setattr(Environments, "prepare", prepare)
    ended = run(around, JobController(around, TrainingJobs(around)), row, lambda row: row.status == "Failed")
    assert told == ["Downloading" if warm else "DownloadingTrainingImage"]
    stages = [step["Status"] for step in ended.document["transitions"]]
    assert stages == ["Starting", *told, "Failed"]
    assert "no network" in ended.document["failure"]
