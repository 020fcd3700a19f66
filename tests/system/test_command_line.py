"""The commands that people type beside their code: status, logs, env, doctor; against a running server and none."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.server import (
    INSTANCE,
    SKLEARN,
    Server,
    configure,
    eventually,
    finished,
    put,
    settled,
    train,
)

LINES = "import time\nfor n in range(40):\n    print('line', n, flush=True)\n    time.sleep(0.05)\n"


def clary(server: Server, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clary.cli", *words],
        env={**os.environ, **server.settings.to_environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_status_shows_what_runs_and_what_ended(server: Server) -> None:
    train(server, "status-ended", "print('done')\n")
    train(server, "status-running", "import time\ntime.sleep(60)\n", wait=False)
    shown = clary(server, "status")
    server.client("sagemaker").stop_training_job(TrainingJobName="status-running")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"training job +status-ended +Completed", shown.stdout)
    assert re.search(r"training job +status-running +InProgress", shown.stdout)
    assert server.url in shown.stdout
    assert "control" in shown.stdout


def test_serve_says_first_that_it_starts_and_where(server: Server) -> None:
    said = (server.settings.data.parent / "serve.log").read_text().splitlines()
    assert said[0] == f"Clary is starting on {server.settings.data} ..."
    assert said[1].startswith("Clary is ready at ")


def test_logs_print_every_line_once_while_the_job_runs(server: Server) -> None:
    train(server, "log-follow", LINES, wait=False)
    shown: list[str] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "clary.cli", "logs", "log-follow", "--follow"],
        env={**os.environ, **server.settings.to_environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: shown.extend(process.stdout or ()))
    reader.start()
    try:
        eventually(lambda: any(line.rstrip().endswith(" line 39") for line in shown), 60)
        time.sleep(1)  # nothing may come twice
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        reader.join()
        process.stdout.close()
    numbers = [int(match[1]) for line in shown if (match := re.search(r" line (\d+)$", line.rstrip()))]
    assert numbers == list(range(40))
    assert not any("Traceback" in line for line in shown)


def test_logs_of_a_job_that_never_started_tell_why(server: Server) -> None:
    nowhere = [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://no-such-bucket-here/x"}},
        }
    ]
    train(server, "log-never", "print(1)\n", InputDataConfig=nowhere)
    shown = clary(server, "logs", "log-never")
    assert shown.returncode == 0
    assert "Failed" in shown.stdout
    assert "no-such-bucket-here" in shown.stdout
    status = clary(server, "status").stdout
    assert re.search(r"^training job log-never: .*no-such-bucket-here", status, re.MULTILINE)


def test_an_endpoint_that_never_started_tells_why(server: Server) -> None:
    configure(server, "log-no-model", put(server, "log-models", "model.tar.gz", b"no archive"))
    server.client("sagemaker").create_endpoint(EndpointName="log-no-model", EndpointConfigName="log-no-model")
    reason = settled(server, "log-no-model")["FailureReason"]
    shown = clary(server, "logs", "log-no-model")
    assert shown.returncode == 0
    assert shown.stdout.startswith("The endpoint log-no-model printed nothing. It is Failed: ")
    assert reason in shown.stdout
    line = re.search(r"^endpoint log-no-model: (.*)", clary(server, "status").stdout, re.MULTILINE)
    assert line is not None
    assert " ".join(reason.split()).startswith(line[1].rstrip("…"))


def test_logs_of_nothing_say_so(server: Server) -> None:
    for name in ("there-is-no-such-name", "no name"):
        shown = clary(server, "logs", name)
        assert shown.returncode == 1
        assert shown.stderr.startswith(f"clary: There is no log of a job, an endpoint or a function named '{name}'")


def test_env_points_a_shell_at_the_server(server: Server) -> None:
    script = 'eval "$("$PYTHON" -m clary.cli env)" && "$PYTHON" -c "$CODE"'
    code = (
        "import boto3, os\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'], 'AWS_PROFILE' in os.environ)\n"
        "print(boto3.client('sagemaker').meta.endpoint_url)\n"
    )
    variables = {
        **os.environ,
        **server.settings.to_environment(),
        "PYTHON": sys.executable,
        "CODE": code,
        "AWS_PROFILE": "a-profile-that-is-not-there",
    }
    shown = subprocess.run(
        ["sh", "-c", script], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    who, url = shown.stdout.splitlines()
    assert re.fullmatch(r"arn:aws:sts::\d{12}:assumed-role/ClaryExecutionRole/clary-env False", who)
    assert url == server.url


def test_commands_without_a_server_tell_the_way_out(server: Server, tmp_path: Path) -> None:
    elsewhere = {"CLARY_DATA": str(tmp_path / "nothing")}
    for words in (("status",), ("logs", "x"), ("env", "--timeout", "0.2")):
        shown = clary(server, *words, **elsewhere)
        assert shown.returncode != 0
        assert "clary serve" in shown.stderr + shown.stdout or "not ready" in shown.stderr, words
        assert "Traceback" not in shown.stderr, words


def test_doctor_finds_nothing_wrong_here(server: Server) -> None:
    shown = clary(server, "doctor")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "uv" in shown.stdout


def test_environments_are_listed_and_those_in_use_stay(server: Server, tmp_path: Path) -> None:
    old = tmp_path / f"scikit-learn-1.2-{'0f' * 16}"
    old.mkdir()
    os.utime(old, (0, 0))
    elsewhere = {"CLARY_ENVIRONMENTS": str(tmp_path)}
    header, listed, total = clary(server, "environments", "list", "--size", **elsewhere).stdout.splitlines()
    assert header.split()[:3] == ["size", "last", "used"]
    assert "not complete" in listed
    assert re.search(r"MiB  in all", total)
    assert "environments prune" in clary(server, "doctor", **elsewhere).stdout
    shown = clary(server, "environments", "prune", "--older-than", "7", **elsewhere)
    assert (shown.returncode, old.name in shown.stdout, old.exists()) == (0, True, False)
    assert "scikit-learn" in clary(server, "environments", "list").stdout


def test_a_job_that_cannot_fit_fails_and_its_log_says_so(server: Server) -> None:
    sagemaker = server.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName="log-unknown-image",
        AppSpecification={"ImageUri": SKLEARN.replace("scikit-learn", "unheard-of"), "ContainerEntrypoint": ["true"]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": INSTANCE, "VolumeSizeInGB": 1}},
        RoleArn=server.role,
    )
    eventually(
        lambda: (
            sagemaker.describe_processing_job(ProcessingJobName="log-unknown-image")["ProcessingJobStatus"]
            == "Failed"
        )
    )
    shown = clary(server, "logs", "log-unknown-image")
    assert "unheard-of" in shown.stdout
    assert finished(server, "status-ended")["TrainingJobStatus"] == "Completed"
