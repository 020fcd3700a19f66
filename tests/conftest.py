"""What holds for the whole suite: its order, its patience, and that Ctrl-C works below it."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

_LONG = ("sdk", "chaos", "system", "supervisor", "door", "toolkit", "runtimes")


# A machine that is busy, or stands still for a second, is no failure of what is tried.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    """A shell without job control lets what it starts in the background ignore Ctrl-C, down to our subprocesses."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left alone with it at the end."""
    tests = session.config.rootpath / "tests"

    def place(item: pytest.Item) -> int:
        room = item.path.relative_to(tests).parts[0]
        return _LONG.index(room) if room in _LONG else len(_LONG)

    items.sort(key=place)
