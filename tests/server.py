"""A real Clary for tests: `clary serve` as a process of its own, with a fresh data folder and free ports."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from clary.base.installation import EXECUTION_ROLE, Installation, load_installation
from clary.base.settings import Settings, load_settings
from clary.cli.running import await_server, need_server

T = TypeVar("T")
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
INSTANCE = "ml.m5.large"
_SESSION = boto3.session.Session()
_MAKING = threading.Lock()  # a session makes one client at a time


@dataclass
class Server:
    """A running server and clients for it. Client retries are off, so that nothing hides."""

    settings: Settings
    process: subprocess.Popen[bytes] | None = None
    extra: dict[str, str] = field(default_factory=dict)
    _clients: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    def start(self) -> None:
        with (self.settings.data.parent / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "clary.cli", "serve"],
                env={**os.environ, **self.settings.to_environment(), **self.extra},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await_server(self.settings, 60)

    def stop(self, signal_number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(signal_number)
        code = self.process.wait(90)
        self.process = None
        return code

    def child(self, name: str) -> int:
        """Process id of a child of the supervisor, such as `control` or `door-1`."""
        return need_server(self.settings).children[name]

    @property
    def url(self) -> str:
        return need_server(self.settings).http_url

    @property
    def installation(self) -> Installation:
        return load_installation(self.settings)

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.installation.account}:role/{EXECUTION_ROLE}"

    def client(self, service: str, **changes: Any) -> Any:
        """A client that may be used again. Making one costs 20 ms, in a session of its own ten times as much."""
        key = (service, self.url, *sorted(changes.items())) if "config" not in changes else None
        with _MAKING:
            if key is None:
                return self._new_client(service, changes)
            if key not in self._clients:
                self._clients[key] = self._new_client(service, changes)
            return self._clients[key]

    def _new_client(self, service: str, changes: dict[str, Any]) -> Any:
        installation = self.installation
        arguments = {
            "endpoint_url": self.url,
            "region_name": installation.region,
            "aws_access_key_id": installation.access_key_id,
            "aws_secret_access_key": installation.secret_access_key,
            "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
            **changes,
        }
        return _SESSION.client(service, **arguments)


@contextmanager
def running_server(folder: Path, **extra: str) -> Iterator[Server]:
    """A server that is stopped, with everything it runs, at the end."""
    settings = load_settings({}, data=folder / "data", port=0, https_port=0, doors=2)
    server = Server(settings, extra=extra)
    server.start()
    try:
        yield server
        url = server.url
    finally:
        if server.process is not None:
            server.stop()
    check_that_nothing_is_left(server, url)


def check_that_nothing_is_left(server: Server, url: str) -> None:
    """After an orderly end: no process, no port, no lock, no socket."""
    eventually(lambda: not processes_of(server.settings.data))
    eventually(lambda: not answers(url))
    layout = server.settings.layout
    for path in layout.run.glob("*.lock"):
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not layout.sockets.exists() or not list(layout.sockets.iterdir())


def answers(url: str) -> bool:
    """Whether somebody listens there. Where nobody does, a connection may by chance be one with itself."""
    parts = urlsplit(url)
    with socket.socket() as connection:
        return (
            connection.connect_ex((parts.hostname or "", parts.port or 0)) == 0
            and connection.getsockname() != connection.getpeername()
        )


def processes_of(data: Path) -> list[str]:
    """Command lines of processes that know this data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if str(data).encode() in command + (process / "environ").read_bytes():
                found.append(f"{process.name}: {command!r}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def archive(files: dict[str, str | bytes]) -> bytes:
    """A tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def eventually(check: Callable[[], T], seconds: float = 60.0) -> T:
    """The first true result of `check`; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = check()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {check}")


def put(server: Server, bucket: str, key: str, body: bytes) -> str:
    """Upload, making the bucket when it is missing; returns the s3:// URI."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{key}"


def train(server: Server, name: str, script: str, *, wait: bool = True, **changes: Any) -> dict[str, Any]:
    """Run a script-mode training job and return its description."""
    files = {"train.py": script, **changes.pop("files", {})}
    source = put(server, "tests", f"{name}/sourcedir.tar.gz", archive(files))
    sagemaker = server.client("sagemaker")
    request: dict[str, Any] = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
        "RoleArn": server.role,
        "HyperParameters": {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(source),
        },
        "OutputDataConfig": {"S3OutputPath": "s3://tests/output"},
        "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    request["HyperParameters"] |= changes.pop("HyperParameters", {})
    sagemaker.create_training_job(**{**request, **changes})
    return finished(server, name) if wait else {}


def finished(server: Server, name: str, seconds: float = 120.0) -> dict[str, Any]:
    """The training job's description once it has ended."""
    sagemaker = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return eventually(look, seconds)


def log_of(server: Server, group: str, prefix: str) -> list[str]:
    """All log lines of the streams with this prefix, in order."""
    logs = server.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, logStreamNamePrefix=prefix)
    return [event["message"] for page in pages for event in page["events"]]


ECHO_MODEL = """
import os, time, uuid

PROCESS = uuid.uuid4().hex

def model_fn(model_dir):
    return open(os.path.join(model_dir, "name.txt")).read().strip()

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    if data.startswith("sleep "):
        time.sleep(float(data.split()[1]))
    if data == "crash":
        os._exit(3)
    if data == "raise":
        raise ValueError("asked to fail")
    return f"{model}:{PROCESS}:{data}"

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


def deploy(
    server: Server,
    name: str,
    *,
    code: str = ECHO_MODEL,
    files: dict[str, str | bytes] | None = None,
    model_data: str | None = None,
    instances: int = 1,
    wait: bool = True,
    **variant: Any,
) -> dict[str, Any]:
    """Create model, configuration and endpoint of one name; returns the endpoint's description."""
    contents = {"name.txt": name, "code/inference.py": code} if files is None else files
    data = model_data or put(server, "tests", f"{name}/model.tar.gz", archive(contents))
    configure(server, name, data, instances=instances, **variant)
    server.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    return settled(server, name) if wait else {}


def configure(server: Server, name: str, data: str, *, instances: int = 1, **variant: Any) -> None:
    sagemaker = server.client("sagemaker")
    container = {"Image": SKLEARN, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=server.role)
    described = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": instances,
        "InstanceType": INSTANCE,
        **variant,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[described])


def settled(server: Server, name: str, seconds: float = 120.0) -> dict[str, Any]:
    """The endpoint's description once it is InService or Failed."""
    sagemaker = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
        return endpoint if endpoint["EndpointStatus"] in {"InService", "Failed"} else None

    return eventually(look, seconds)


def invoke(server: Server, name: str, body: str, **arguments: Any) -> str:
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Body=body, **arguments
    )
    return answer["Body"].read().decode()
