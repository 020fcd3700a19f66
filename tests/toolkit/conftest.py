"""What the toolkit's tests share: an /opt/ml of one's own, real toolkit processes, a client over real sockets."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "toolkit" / "src"
RESOURCES = {
    "current_host": "algo-1",
    "hosts": ["algo-1"],
    "network_interface_name": "eth0",
    "current_instance_type": "ml.m5.large",
    "current_group_name": "homogeneousCluster",
    "instance_groups": [
        {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
    ],
}
PINNED = ("scikit-learn==1.5.2", "numpy==1.26.4", "scipy==1.13.1", "xgboost-cpu==2.1.4", "httptools==0.6.4")
DEADLINE = 30.0


def archive_of(files: Mapping[str, str | bytes], path: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o755 if name.endswith(".sh") else 0o644
            tar.addfile(member, io.BytesIO(data))
    return path


class OptMl:
    """A folder that stands for /opt/ml, and the commands run on it."""

    def __init__(self, base: Path, scratch: Path) -> None:
        self.base, self.scratch = base, scratch
        self.python = Path(sys.executable)
        for folder in ("input/config", "output", "model"):
            (base / folder).mkdir(parents=True)
        scratch.mkdir()

    def variables(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PIP_FIND_LINKS") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(SOURCE),
            "SAGEMAKER_BASE_DIR": str(self.base),
            "CLARY_SCRATCH": str(self.scratch),
            "PYTHONDONTWRITEBYTECODE": "1",
            **extra,
        }

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.python), "-m", "clary_toolkit", *arguments],
            env=self.variables(extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.base,
        )

    def run(self, *arguments: str, **extra: str) -> tuple[int, str]:
        process = self.start(*arguments, **extra)
        output, _ = process.communicate(timeout=DEADLINE)
        return process.returncode, output

    # Training

    def configure(
        self, hyperparameters: Mapping[str, Any] | None = None, channels: Mapping[str, Any] | None = None
    ) -> None:
        documents = {"hyperparameters": hyperparameters, "inputdataconfig": channels, "resourceconfig": RESOURCES}
        for name, document in documents.items():
            if document is not None:
                (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(document))

    def train(
        self,
        files: Mapping[str, str | bytes],
        hyperparameters: Mapping[str, Any] | None = None,
        program: str = "train.py",
        **extra: str,
    ) -> tuple[int, str]:
        process = self.start_training(files, hyperparameters, program, **extra)
        output, _ = process.communicate(timeout=DEADLINE)
        return process.returncode, output

    def start_training(
        self,
        files: Mapping[str, str | bytes],
        hyperparameters: Mapping[str, Any] | None = None,
        program: str = "train.py",
        **extra: str,
    ) -> subprocess.Popen[str]:
        self.configure({"sagemaker_program": json.dumps(program), **(hyperparameters or {})}, {})
        archive = archive_of(files, self.base / "sourcedir.tar.gz")
        return self.start("train", CLARY_SOURCE_ARCHIVE=str(archive), **extra)

    @property
    def failure(self) -> str:
        path = self.base / "output" / "failure"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def opt_ml(tmp_path: Path) -> OptMl:
    return OptMl(tmp_path / "ml", tmp_path / "scratch")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=DEADLINE)
        self._path = path

    def connect(self) -> None:
        self.sock = connected(self._path)


def connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(DEADLINE)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock


class Reply:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()


class ModelServer:
    """A running `serve` command."""

    def __init__(self, process: subprocess.Popen[str], path: Path) -> None:
        self.process, self.path = process, path

    def wait_until_ready(self) -> None:
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}: {self.log()}")
            try:
                if self.request("GET", "/ping").status == 200:
                    return
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        raise AssertionError("not ready in time")

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = UnixConnection(self.path)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def invoke(self, body: bytes | str, content_type: str = "application/json", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **named})

    def raw(self, data: bytes, *, then: bytes = b"") -> bytes:
        """Everything the server answers to these bytes until it closes or falls silent."""
        with connected(self.path) as sock:
            sock.sendall(data)
            if then:
                sock.sendall(then)
            sock.settimeout(3)
            received = b""
            while True:
                try:
                    chunk = sock.recv(65536)
                except TimeoutError:
                    return received
                if not chunk:
                    return received
                received += chunk

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def log(self) -> str:
        """All output; only after the end."""
        assert self.process.stdout is not None
        return self.process.stdout.read()


Serve = Callable[..., ModelServer]


@pytest.fixture
def serve(opt_ml: OptMl, tmp_path: Path) -> Iterator[Serve]:
    """Start a model server with this `inference.py`; it is ended after the test."""
    servers: list[ModelServer] = []

    def start(code: str, *, ready: bool = True, files: Mapping[str, str] | None = None, **extra: str) -> ModelServer:
        folder = opt_ml.base / "model" / "code"
        folder.mkdir(exist_ok=True)
        for name, content in {"inference.py": code, **(files or {})}.items():
            (folder / name).write_text(content)
        path = tmp_path / f"s{len(servers)}"
        server = ModelServer(opt_ml.start("serve", CLARY_SERVER_SOCKET=str(path), **extra), path)
        servers.append(server)
        if ready:
            server.wait_until_ready()
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        if server.process.stdout is not None:
            server.process.stdout.close()


@pytest.fixture(scope="session")
def framework_python() -> Path:
    """The Python of an environment with pinned scikit-learn and XGBoost, built once and kept between runs."""
    cache = Path(os.environ.get("CLARY_TEST_CACHE") or Path.home() / ".cache" / "clary-tests")
    folder = cache / "toolkit" / "-".join(pin.replace("==", "_") for pin in PINNED)
    python = folder / "bin" / "python"
    if (folder / ".ready").exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True, capture_output=True)
    subprocess.run(
        [*uv, "pip", "install", "--python", str(python), *PINNED, "uvloop"], check=True, capture_output=True
    )
    (folder / ".ready").touch()
    return python
