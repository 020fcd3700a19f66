"""Parts of training and processing jobs that need no job to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.engine.hosts import hosts_of
from clary.engine.jobs import JobKind
from clary.engine.processing_jobs import ProcessingJobs
from clary.engine.surroundings import Surroundings
from clary.engine.training_jobs import TrainingJobs, _source_archive
from clary.runtimes.environments import PreparedEnvironment
from tests.engine.running import CLUSTER, job

ROLE = "arn:aws:iam::111122223333:role/r"
REQUESTS = {
    "training-job": {"AlgorithmSpecification": {"TrainingImage": "i"}},
    "processing-job": {"AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["true"]}},
}


ENVIRONMENT = PreparedEnvironment(Path("/environment"), "none", "3")


@pytest.mark.parametrize("of", [TrainingJobs, ProcessingJobs])
def test_what_was_brought_for_pipes_is_no_volume_of_the_job(
    around: Surroundings, of: type[TrainingJobs | ProcessingJobs], tmp_path: Path
) -> None:
    kind: JobKind = of(around)
    row = job(around, kind.kind, RoleArn=ROLE, StoppingCondition={"MaxRuntimeInSeconds": 9}, **REQUESTS[kind.kind])
    hosts = hosts_of(row.id, CLUSTER)
    spec = kind.stage(row, hosts[0], hosts, "u", tmp_path, around.objects_of(ROLE), ENVIRONMENT)
    assert spec.limits.volume_bytes == 1024**3
    assert any((tmp_path / "input" / "pipes").is_relative_to(folder) for folder in spec.staged)
    assert not any((tmp_path / "model").is_relative_to(folder) for folder in spec.staged)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        ('"s3://bucket/key.tar.gz"', "s3://bucket/key.tar.gz"),
        ("s3://bucket/key.tar.gz", "s3://bucket/key.tar.gz"),
        ('"/opt/ml/code"', None),
        ("7", None),
        ("[" * 2500, None),
    ],
)
def test_where_the_source_of_a_script_lies(value: str | None, found: str | None) -> None:
    assert _source_archive({} if value is None else {"sagemaker_submit_directory": value}) == found
