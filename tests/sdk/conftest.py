"""The SageMaker Python SDK runs in an environment of its own, as users have it, against a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clary.cli.shell import client_environment
from clary.runtimes.environments import Environments
from tests.server import Server, running_server

Run = Callable[..., str]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("sdk")) as server:
        yield server


@pytest.fixture
def run_client(server: Server, tmp_path: Path) -> Run:
    """Run a client program in the SDK's environment; returns what it printed."""
    python = Environments(server.settings.environments).prepare_client().path / "bin" / "python"
    variables = {**client_environment(server.settings), "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}

    def run(program: Path, *arguments: str, seconds: float = 170) -> str:
        result = subprocess.run(
            [str(python), "-W", "ignore", str(program), *arguments],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert result.returncode == 0, f"{result.stdout[-2000:]}\n{result.stderr[-3000:]}"
        return result.stdout

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/sdk" in str(item.path):
            item.add_marker(pytest.mark.sdk)
