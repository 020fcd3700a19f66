"""`clary environments prune` where something is in its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.base.errors import ConfigurationError
from clary.cli import environments


def test_what_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(*_arguments: object) -> Iterator[None]:
        raise PermissionError(1, "Operation not permitted", "/srv/shared/one")
        yield

    monkeypatch.setattr(environments, "collect", collect)
    with pytest.raises(ConfigurationError, match=r"^/srv/shared/one cannot be removed: Operation not permitted\.$"):
        environments.prune(older_than=30, data=tmp_path)
