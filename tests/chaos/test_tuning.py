"""control dies between proposing, creating and recording the training jobs of a tuning job: each is made once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.chaos.test_crash_points import after_deaths
from tests.server import eventually, log_of, running_server
from tests.system.test_tuning import request

POINTS = ("engine.tuning_proposed", "engine.trial_created")
SCRIPT = """
import os
print("started", os.environ["TRAINING_JOB_NAME"], flush=True)
print("score=0.5;")
"""


def test_every_training_job_is_made_once(tmp_path: Path) -> None:
    struck = tmp_path / "struck"
    struck.mkdir()
    points = f"{POINTS[0]},{POINTS[1]}:2"  # at the first proposals, and between the first two jobs
    with running_server(tmp_path, CLARY_CRASH_AT=points, CLARY_CRASH_ONCE=str(struck)) as server:
        client = server.client("sagemaker")
        asked = request(server, "dying", SCRIPT)
        client.create_hyper_parameter_tuning_job(**asked)

        def counters() -> dict[str, int]:
            job = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="dying")
            found: dict[str, int] = job["TrainingJobStatusCounters"]
            return found

        eventually(lambda: after_deaths(counters)["Completed"] == 4, 240)
        assert {path.name for path in struck.iterdir()} == set(POINTS)
        made = after_deaths(lambda: client.list_training_jobs(NameContains="dying-")["TrainingJobSummaries"])
        assert sorted(job["TrainingJobName"][:9] for job in made) == [f"dying-{n:03d}" for n in range(1, 5)]
        lines = after_deaths(lambda: log_of(server, "/aws/sagemaker/TrainingJobs", "dying-"))
        starts = Counter(line for line in lines if line.startswith("started"))
        assert starts == {f"started {job['TrainingJobName']}": 1 for job in made}
