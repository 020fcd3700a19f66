"""The AWS CLI as people use it: s3 cp, sync, ls, rm, presign; logs tail; sagemaker; through `clary env`."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from clary.cli.shell import client_environment
from tests.server import Server, train

AWS = Path(sys.executable).parent / "aws"


@pytest.fixture
def aws(server: Server, tmp_path: Path):
    elsewhere = {**os.environ, "AWS_PROFILE": "a-profile-that-is-not-there"}
    variables = {**client_environment(server.settings, elsewhere), "HOME": str(tmp_path)}

    def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run([str(AWS), *words], env=variables, capture_output=True, text=True, check=False)
        assert not check or result.returncode == 0, result.stderr
        return result

    return run


def test_copy_list_sync_remove(aws, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("alpha")
    (folder / "deep" / "b ü.txt").write_text("beta")
    big = os.urandom(20 * 1024 * 1024)
    (folder / "big.bin").write_bytes(big)
    aws("s3", "mb", "s3://cli-bucket")
    aws("s3", "sync", str(folder), "s3://cli-bucket/up", "--no-progress")
    listed = aws("s3", "ls", "s3://cli-bucket/up/", "--recursive").stdout
    assert [line.split(maxsplit=3)[3] for line in listed.splitlines()] == [
        "up/a.txt",
        "up/big.bin",
        "up/deep/b ü.txt",
    ]
    assert "PRE up/" in aws("s3", "ls", "s3://cli-bucket").stdout
    assert aws("s3", "sync", str(folder), "s3://cli-bucket/up", "--no-progress").stdout == ""
    back = tmp_path / "back"
    aws("s3", "cp", "s3://cli-bucket/up", str(back), "--recursive", "--no-progress")
    assert (back / "big.bin").read_bytes() == big
    assert (back / "deep" / "b ü.txt").read_text() == "beta"
    aws("s3", "cp", "s3://cli-bucket/up/a.txt", "s3://cli-bucket/copy/a.txt")
    assert aws("s3", "cp", "s3://cli-bucket/copy/a.txt", "-").stdout == "alpha"
    url = aws("s3", "presign", "s3://cli-bucket/up/a.txt").stdout.strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"alpha"
    assert "BucketNotEmpty" in aws("s3", "rb", "s3://cli-bucket", check=False).stderr
    aws("s3", "rm", "s3://cli-bucket", "--recursive")
    aws("s3", "rb", "s3://cli-bucket")
    assert "NoSuchBucket" in aws("s3", "ls", "s3://cli-bucket", check=False).stderr


def test_who_am_i_is_a_session_of_the_execution_role(aws) -> None:
    arn = aws("sts", "get-caller-identity", "--query", "Arn", "--output", "text").stdout.strip()
    assert ":assumed-role/ClaryExecutionRole/" in arn


def test_logs_show_what_a_job_printed(aws, server: Server) -> None:
    """`aws logs tail` of the CLI's version 2 makes this very call again and again."""
    train(server, "tailed", "print('hello from the job')\n")
    group, prefix = "/aws/sagemaker/TrainingJobs", "tailed/"
    shown = aws("logs", "filter-log-events", "--log-group-name", group, "--log-stream-name-prefix", prefix).stdout
    assert "hello from the job" in shown


def test_sagemaker_commands(aws) -> None:
    assert aws("sagemaker", "list-endpoints", "--query", "length(Endpoints) >= `0`").stdout.strip() == "true"
    refused = aws("sagemaker", "describe-model", "--model-name", "none", check=False)
    assert "Could not find model" in refused.stderr
