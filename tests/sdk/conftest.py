"""The SageMaker Python SDK runs in an environment of its own, as users have it, against a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from clary.cli.shell import client_environment
from clary.runtimes import images
from clary.runtimes.environments import Environments
from clary.runtimes.images import Definition
from tests.server import Server, running_server

Run = Callable[..., str]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("sdk")) as server:
        yield server


@pytest.fixture
def run_client(server: Server, tmp_path: Path) -> Run:
    """Run a client program with version 2 of the SDK; returns what it printed."""
    return partial(run_program, server, tmp_path, images.CLIENT)


@pytest.fixture
def run_client_3(server: Server, tmp_path: Path) -> Run:
    """The same with version 3."""
    return partial(run_program, server, tmp_path, images.CLIENT_3)


def run_program(
    server: Server, folder: Path, client: Definition, program: Path, *arguments: str, seconds: float = 880
) -> str:
    python = Environments(server.settings.environments).prepare_client(client).path / "bin" / "python"
    result = subprocess.run(
        [str(python), "-W", "ignore", str(program), *arguments],
        env={**client_environment(server.settings), "HOME": str(folder), "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert result.returncode == 0, f"{result.stdout[-2000:]}\n{result.stderr[-3000:]}"
    return result.stdout


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/sdk" in str(item.path):
            item.add_marker(pytest.mark.sdk)
            item.add_marker(pytest.mark.timeout(900))  # the first to come builds the SDK's environment
