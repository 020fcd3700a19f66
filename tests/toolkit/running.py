"""Real toolkit processes on an /opt/ml of their own, and a client over real sockets. Used by the fixtures."""

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
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
DEADLINE = 30.0
UV = str(Path(sys.executable).with_name("uv"))


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


def last_line(server: ModelServer) -> str:
    return server.log().splitlines()[-1]


def wheel(
    folder: Path, name: str, code: str, version: str = "1.0", requires: str = "", *, programs: str = ""
) -> Path:
    """A wheel with one module, written by hand: no build tool, no network. `programs` are its console scripts."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{module}.py", code)
        file.writestr(f"{info}/METADATA", metadata)
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        if programs:
            file.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{programs}")
        file.writestr(f"{info}/RECORD", f"{module}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path
