"""kill -9 of control, of shims and of everything, while jobs and endpoints run."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.test_crash_points import after_deaths
from tests.server import Server, deploy, eventually, finished, invoke, log_of, running_server, settled, train

GROUP = "/aws/sagemaker/TrainingJobs"
RESTART = ("engine.job_restarted",)
COUNTING = """
import os, sys, time
print("started", os.environ["TRAINING_JOB_NAME"], flush=True)
for number in range(60):
    print("line", number, flush=True)
    time.sleep(0.1)
"""


def kill_control(server: Server) -> None:
    pid = server.child("control")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.child("control") != pid and ready(server))


def ready(server: Server) -> bool:
    try:
        server.client("sagemaker").list_models()
    except (ClientError, BotoCoreError):
        return False
    return True


def test_jobs_are_adopted_none_starts_twice_and_no_line_is_lost(server: Server) -> None:
    names = [f"count-{number}" for number in range(6)]
    for name in names:
        train(server, name, COUNTING, wait=False)
    for _ in range(4):
        time.sleep(0.8)
        kill_control(server)
    for name in names:
        job = finished(server, name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        lines = [line for line in log_of(server, GROUP, f"{name}/") if re.match("started|line", line)]
        assert lines == [f"started {name}", *(f"line {number}" for number in range(60))]


def test_a_killed_script_fails_its_job_within_seconds(server: Server) -> None:
    script = (
        "import os, time\nprint('pid', os.getpid(), flush=True)\nprint('last words', flush=True)\ntime.sleep(300)\n"
    )
    train(server, "killed", script, wait=False)
    eventually(lambda: "last words" in written(server, "killed"))
    pid = eventually(lambda: pid_of_script(server, "killed"))
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    job = finished(server, "killed")
    assert time.monotonic() - begun < 30
    assert job["TrainingJobStatus"] == "Failed"
    assert "137" in job["FailureReason"] or "signal 9" in job["FailureReason"]
    assert "last words" in job["FailureReason"]


def test_a_killed_shim_takes_its_script_with_it_and_fails_the_job(server: Server) -> None:
    train(server, "shimless", "import time\nprint('up', flush=True)\ntime.sleep(300)\n", wait=False)
    pid = eventually(lambda: pid_of_script(server, "shimless"))
    os.kill(shim_of(server, "t"), signal.SIGKILL)
    job = finished(server, "shimless")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError")
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_a_retry_strategy_starts_a_job_again_that_clary_lost(tmp_path: Path) -> None:
    """Once, also when control dies in the moment in which it has decided so."""
    struck = tmp_path / "struck"
    struck.mkdir()
    with running_server(tmp_path, CLARY_CRASH_AT=",".join(RESTART), CLARY_CRASH_ONCE=str(struck)) as server:
        restart_a_lost_job(server)
    assert {path.name for path in struck.iterdir()} == set(RESTART)


def restart_a_lost_job(server: Server) -> None:
    script = """
import pathlib, time
import boto3
s3 = boto3.client("s3")
try:
    s3.head_object(Bucket="tests", Key="seen")
except s3.exceptions.ClientError:
    s3.put_object(Bucket="tests", Key="seen", Body=b"")
    print("first", flush=True)
    time.sleep(300)
print("second", flush=True)
"""
    train(server, "again", script, wait=False, RetryStrategy={"MaximumRetryAttempts": 1})
    eventually(lambda: "first" in written(server, "again"))
    os.kill(shim_of(server, "t"), signal.SIGKILL)
    job = after_deaths(lambda: finished(server, "again"))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 1}
    history = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    stages = [stage for stage in history if stage != "DownloadingTrainingImage"]  # on a machine that is new to it
    once = ["Downloading", "Training", "Uploading"]
    assert stages == ["Starting", *once, "Restarting", *once, "Completed"]
    assert written(server, "again")[-1] == "second"
    eventually(lambda: not list(server.settings.layout.units.glob("t*")))


def test_an_endpoint_answers_while_control_is_dead_and_is_adopted(server: Server) -> None:
    deploy(server, "lasting")
    before = invoke(server, "lasting", "x")
    failures: list[Exception] = []
    answered = 0
    enough = threading.Event()

    def ask() -> None:
        nonlocal answered
        while not enough.is_set():
            try:
                invoke(server, "lasting", "x")
                answered += 1
            except (ClientError, BotoCoreError) as error:
                failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(3):
        already = answered
        kill_control(server)
        eventually(lambda already=already: answered > already + 10)
    enough.set()
    thread.join()
    assert failures == []
    assert invoke(server, "lasting", "x") == before
    assert settled(server, "lasting")["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_after_a_power_cut_endpoints_come_back_and_no_job_hangs(server: Server) -> None:
    deploy(server, "phoenix")
    train(server, "cut-off", "import time\ntime.sleep(300)\n", wait=False)
    eventually(lambda: pid_of_script(server, "cut-off"))
    kill_everything(server)
    server.start()
    assert eventually(lambda: answers(server, "phoenix")).startswith("phoenix:")
    assert settled(server, "phoenix")["EndpointStatus"] == "InService"
    job = finished(server, "cut-off")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError")


def written(server: Server, name: str) -> list[str]:
    """Log lines of a job so far; its log group may not exist yet."""
    try:
        return log_of(server, GROUP, f"{name}/")
    except ClientError:
        return []


def kill_everything(server: Server) -> None:
    """Every process of the installation, as when the power goes."""
    assert server.process is not None
    pids = [server.process.pid, *descendants(server.process.pid), *units_of(server)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    server.process.wait()
    server.process = None
    eventually(lambda: not any(alive(pid) for pid in pids))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def units_of(server: Server) -> list[int]:
    """Shims and what they run: processes whose command line or environment names this data folder."""
    data = str(server.settings.data).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if data in (process / "cmdline").read_bytes() and int(process.name) != os.getpid():
                found += [int(process.name), *descendants(int(process.name))]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def shim_of(server: Server, letter: str) -> int:
    (folder,) = (server.settings.layout.units).glob(f"{letter}*")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder).encode() in words and any(word.endswith(b"/shim") for word in words):
            return int(process.name)
    raise AssertionError("there is no shim")


def pid_of_script(server: Server, name: str) -> int | None:
    """Host process id of a running train.py of the job."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"TRAINING_JOB_NAME={name}".encode() in variables and any(word.endswith(b"train.py") for word in words):
            return int(process.name)
    return None


def answers(server: Server, name: str) -> str | None:
    try:
        return invoke(server, name, "x")
    except (ClientError, BotoCoreError):
        return None


ASKING = """
import os, time, boto3
from botocore.config import Config
print("token", os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"], flush=True)
once = Config(retries={"total_max_attempts": 1})
while True:
    try:
        boto3.client("s3", config=once).head_object(Bucket="tests", Key="asking/sourcedir.tar.gz")
        print("asked", int(time.time() * 1000), flush=True)
    except Exception as error:
        print("failed", type(error).__name__, flush=True)
    time.sleep(0.2)
"""


def test_credentials_of_a_running_job_outlive_control_and_end_with_the_job(tmp_path: Path) -> None:
    """They live two seconds here, so that most of what the job asks for needs new ones."""
    with running_server(tmp_path, CLARY_UNIT_CREDENTIALS_SECONDS="2") as server:
        train(server, "asking", ASKING, wait=False)

        def asked() -> list[int]:
            return [int(line.split()[1]) for line in written(server, "asking") if line.startswith("asked")]

        eventually(asked)
        pid = server.child("control")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: server.child("control") != pid and ready(server))
        later = time.time() * 1000 + 2500
        eventually(lambda: max(asked()) > later)
        token = next(line for line in written(server, "asking") if line.startswith("token")).split()[1]
        assert answer_to(server, token) == 200
        server.client("sagemaker").stop_training_job(TrainingJobName="asking")
        assert finished(server, "asking")["TrainingJobStatus"] == "Stopped"
        assert answer_to(server, token) == 403


def answer_to(server: Server, token: str) -> int:
    request = urllib.request.Request(f"{server.url}/clary/credentials", headers={"Authorization": token})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_both_instances_of_a_job_are_adopted_and_neither_starts_twice(server: Server) -> None:
    machines = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    train(server, "pair", COUNTING, wait=False, ResourceConfig=machines)
    for _ in range(2):
        time.sleep(1.2)
        kill_control(server)
    job = finished(server, "pair")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    for host in ("algo-1", "algo-2"):
        lines = [line for line in log_of(server, GROUP, f"pair/{host}-") if re.match("started|line", line)]
        assert lines == ["started pair", *(f"line {number}" for number in range(60))]
