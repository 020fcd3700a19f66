"""Names of what steps create. They are derived, so that after a crash the same thing is found again."""

from __future__ import annotations

import hashlib

_LONGEST = 63


def digest(execution: str, step: str, attempt: int) -> str:
    """10 characters that belong to one attempt of one step of one execution."""
    text = f"{execution}/{step.lower()}/{attempt}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(letters[number // 36**place % 36] for place in range(10))


def child_name(execution: str, step: str, attempt: int, prefix: str | None = None, longest: int = _LONGEST) -> str:
    """`pipelines-<execution>-<step cut>-<digest>`; with a prefix of the user's own that stands instead."""
    tail = f"-{digest(execution, step, attempt)}"
    head = str(prefix or "") or f"pipelines-{execution}-{_plain(step)}"
    return head[: longest - len(tail)].rstrip("-") + tail


def _plain(step: str) -> str:
    """Step names may have underscores, which names of jobs may not."""
    return "".join(letter if letter.isalnum() else "-" for letter in step)
