"""Fixtures: an installation with nothing running, and one with a door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.door.harness import Harness


@pytest.fixture
def harness(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Harness]:
    """Parametrize indirectly with a dict to change settings."""
    harness = Harness(tmp_path, getattr(request, "param", {}))
    yield harness
    harness.close()
