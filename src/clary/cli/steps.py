"""Steps on the screen: what is being done, how long it took, what came of it. For `clary quickstart`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.text import Text


class Step:
    """A step under way; `note` is shown behind it when it is done."""

    note = ""


@contextmanager
def timed(console: Console, title: str) -> Iterator[Step]:
    """Show a spinner while the block runs, then a line."""
    step, begun = Step(), time.perf_counter()
    with Status(title, console=console):
        yield step
    _show(console, title, time.perf_counter() - begun, step.note)


def follow(console: Console, process: subprocess.Popen[str]) -> None:
    """Show the steps of a tour: `==> title` begins one, `    detail` belongs to it, `  = result` ends it."""
    title, begun = "", time.perf_counter()
    details: list[str] = []
    with Status("", console=console) as spinner:
        for line in process.stdout or ():
            text = line.rstrip().lstrip(".!")  # the SDK draws its own progress in front of the next line
            if text.startswith("==> "):
                title, begun = text[4:], time.perf_counter()
                spinner.update(title)
            elif text.startswith("  = "):
                _show(console, title, time.perf_counter() - begun, text[4:], details)
                details = []
            elif text.startswith("    "):
                details.append(text.strip())


def _show(console: Console, title: str, seconds: float, note: str, details: Sequence[str] = ()) -> None:
    console.print(f"[green]✓[/] [cyan]{seconds:5.1f} s[/]  {title}", highlight=False)
    for line in (*details, note):
        if line:
            console.print(Padding(Text(line, style="dim"), (0, 0, 0, 11), expand=False))
