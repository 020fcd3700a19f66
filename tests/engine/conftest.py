"""What controllers work with, real but for the API: a database, and a runtime that runs units without isolation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clary.base.clock import SystemClock
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.engine.own_calls import Actor
from clary.engine.surroundings import Surroundings
from clary.runtimes.environments import Environments, PreparedEnvironment
from clary.runtimes.process import ProcessRuntime
from clary.runtimes.toolkit import Toolkit
from clary.store.blobs import Blobs
from clary.store.database import Database

ACCOUNT, REGION = "111122223333", "us-east-1"


def no_calls(service: str, operation: str, parameters: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    raise AssertionError(f"nobody should call {service}:{operation}")


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments count as built; what happens during a build is the matter of test_first_use."""
    there = PreparedEnvironment(Path("/environment"), "none", "3")
    monkeypatch.setattr(Environments, "obtain", lambda _self, _image, _asker, _sdk_version=None: there)


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    settings = Settings(data=tmp_path / "data", environments=tmp_path / "environments", public_url="http://none")
    settings.layout.create()
    database = Database(settings.layout.database)
    yield Surroundings(
        database=database,
        blobs=Blobs(settings.layout.blobs),
        runtime=ProcessRuntime(
            settings.layout, "plain", visible=(), variables={}, toolkit=Toolkit(settings.environments).prepare
        ),
        environments=Environments(settings.environments),
        settings=settings,
        installation=Installation(ACCOUNT, REGION, "AKIAIOSFODNN7EXAMPLE", "secret", "00" * 32),
        clock=SystemClock(),
        endpoint_url=lambda: settings.public_url,
        calls=no_calls,
    )
    database.close()
    settings.layout.remove_sockets()
