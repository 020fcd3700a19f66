"""What `clary status` says of failures."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from clary.cli.jobs import Job
from clary.cli.status import show_failures

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def shown(*work: Job, width: int = 60) -> list[str]:
    screen = StringIO()
    show_failures(Console(file=screen, width=width), list(work))
    return screen.getvalue().splitlines()


def test_a_reason_is_one_line_as_wide_as_the_screen() -> None:
    reason = "ClientError: [red]first\x1b[2J\nsecond " + "and more " * 50
    _, title, line = shown(Job("training job", "one", "Failed", NOW, reason))
    assert title == "why they failed"
    assert line.startswith("training job one: ClientError: [red]first[2J second and")
    assert (len(line), line[-1]) == (60, "…")


def test_nothing_is_said_where_nothing_failed() -> None:
    assert shown(Job("endpoint", "one", "InService", NOW)) == []
