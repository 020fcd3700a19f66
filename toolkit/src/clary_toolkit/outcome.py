"""The files by which a job tells how it ended: /opt/ml/output/success and /opt/ml/output/failure.

Only the first 1024 characters of `failure` reach the user, so the text begins with what matters most.
"""

from __future__ import annotations

from pathlib import Path

from clary_toolkit.errors import ToolkitError

REASON_LIMIT = 1024


def failure_text(error: ToolkitError) -> str:
    """`Class: message`, then the details, of which the *last* lines are kept: they name the cause."""
    head = f"{type(error).__name__}: {error.message}"[:REASON_LIMIT]
    room = REASON_LIMIT - len(head) - 1
    if not error.details or room < 40:
        return head
    details = error.details.rstrip()
    return f"{head}\n{details if len(details) <= room else shortened(details, room)}"


def shortened(text: str, room: int) -> str:
    """The last whole lines of `text` that fit into `room` characters."""
    kept = text[-room + 4 :]
    return "...\n" + (kept.split("\n", 1)[1] if "\n" in kept else kept)


def write_failure(path: Path, error: ToolkitError) -> None:
    """Does not overwrite: what the user's own program wrote there is nearer to the cause."""
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            file.write(failure_text(error))
    except OSError:
        # The file exists, or the folder cannot be written (hosting): the log carries the same text.
        return


def write_success(path: Path) -> None:
    """Also where the program has tidied its folders away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
