"""Finding the cause in the last lines a program printed. Pure."""

from __future__ import annotations

import re

TRACEBACK = "Traceback (most recent call last):"
# What PyTorch's launcher writes when a process of it has failed; its own traceback follows, which says nothing.
LAUNCHER_GIVES_UP = re.compile(r"torch/distributed/elastic/\S+\] failed \(exitcode")
RANK = re.compile(r"\[rank(\d+)\]: ?")


def without_launcher(tail: str) -> str:
    """What the script itself printed, where PyTorch's launcher ran it: of several processes, what the first says."""
    lines = tail.splitlines()
    end = next((place for place, line in enumerate(lines) if LAUNCHER_GIVES_UP.search(line)), len(lines))
    ranks = [RANK.match(line) for line in lines[:end]]
    first = next((found[1] for found in ranks if found), "")
    kept = [RANK.sub("", line, count=1) for line, found in zip(lines, ranks) if not found or found[1] == first]
    return "\n".join(kept) if first or end < len(lines) else tail


def last_traceback(tail: str) -> str:
    """The last Python traceback in the text, with its message; empty when there is none."""
    at = tail.rfind(TRACEBACK)
    if at < 0:
        return ""
    lines = tail[at:].splitlines()
    end = next((i for i, line in enumerate(lines[1:], 1) if line and not line.startswith((" ", "\t"))), None)
    if end is None:
        return ""
    return "\n".join(lines[: end + 1] + _message_rest(lines[end + 1 :]))


def _message_rest(lines: list[str]) -> list[str]:
    """Further lines of a message that spans several, up to a bound."""
    return [line for line in lines[:10] if line.strip()]


def error_message(tail: str) -> str:
    """The one line to show: the exception's, or the last one printed."""
    found = last_traceback(tail)
    lines = [line for line in (found or tail).splitlines() if line.strip()]
    if not lines:
        return ""
    if found:
        return next(line for line in lines[1:] if not line.startswith((" ", "\t"))).strip()
    return lines[-1].strip()
