"""Fixtures of the toolkit's tests: an /opt/ml, a model server, an environment with real frameworks."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.toolkit.running import ModelServer, OptMl

PINNED = ("scikit-learn==1.5.2", "numpy==1.26.4", "scipy==1.13.1", "xgboost-cpu==2.1.4", "httptools==0.6.4")

Serve = Callable[..., ModelServer]


@pytest.fixture
def opt_ml(tmp_path: Path) -> OptMl:
    return OptMl(tmp_path / "ml", tmp_path / "scratch")


@pytest.fixture
def serve(opt_ml: OptMl, tmp_path: Path) -> Iterator[Serve]:
    """Start a model server with this `inference.py`; it is ended after the test."""
    servers: list[ModelServer] = []

    def start(
        code: str,
        *,
        ready: bool = True,
        files: Mapping[str, str] | None = None,
        path: Path | None = None,
        **extra: str,
    ) -> ModelServer:
        folder = opt_ml.base / "model" / "code"
        folder.mkdir(exist_ok=True)
        for name, content in {"inference.py": code, **(files or {})}.items():
            (folder / name).write_text(content)
        path = path or tmp_path / f"s{len(servers)}"
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
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several files of tests run at the same time
        if not (folder / ".ready").exists():
            build_environment(folder)
    return python


def build_environment(folder: Path) -> None:
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True, capture_output=True)
    python = str(folder / "bin" / "python")
    install = [*uv, "pip", "install", "--compile-bytecode", "--python", python, *PINNED, "uvloop"]
    subprocess.run(install, check=True, capture_output=True)
    (folder / ".ready").touch()
