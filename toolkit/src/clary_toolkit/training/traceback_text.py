"""Finding the cause in the last lines a program printed. Pure."""

from __future__ import annotations

TRACEBACK = "Traceback (most recent call last):"


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
