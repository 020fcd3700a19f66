"""Fixtures: an installation with nothing running, and one that all tests of a module share, with a door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.door.harness import Harness, Model


@pytest.fixture
def harness(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Harness]:
    """Parametrize indirectly with a dict to change settings."""
    harness = Harness(tmp_path, getattr(request, "param", {}))
    yield harness
    harness.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A door, a control and one tagged endpoint `e`; tests leave it as they found it."""
    house = Harness(tmp_path_factory.mktemp("house"), {"max_invocation_bytes": 1_000_000})
    house.model("m")
    house.serve(Model(house, "m", 0.0), tags={"Team": "fraud"})
    house.control()
    house.door()
    yield house
    house.close()
