"""The order of the whole suite: what takes long comes first, so that no worker is left alone with it at the end."""

from __future__ import annotations

import pytest

_LONG = ("sdk", "chaos", "system", "supervisor", "door", "toolkit", "runtimes")


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    tests = session.config.rootpath / "tests"

    def place(item: pytest.Item) -> int:
        room = item.path.relative_to(tests).parts[0]
        return _LONG.index(room) if room in _LONG else len(_LONG)

    items.sort(key=place)
