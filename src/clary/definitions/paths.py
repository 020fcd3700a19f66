"""Paths into documents, as property references and JsonGet write them: `a.b[0]['name'].c`. No wildcards, no code.

A list is also addressed by name: `Outputs['train']` finds the entry whose name member (OutputName, ChannelName ...)
is `train`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from clary.base.errors import ClaryError

Part: TypeAlias = str | int

_LONGEST = 2048
_TOKEN = re.compile(r"""\.?([\w@][\w@-]*)|\[(-?\d{1,9})\]|\['([^']{0,512})'\]|\["([^"]{0,512})"\]""")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_NAMES = ("OutputName", "ChannelName", "InputName", "MetricName", "Name", "VariantName", "Key")


class UnresolvedReference(ClaryError):
    """A reference that leads nowhere; the text says where it ends."""


def read_path(text: str) -> tuple[Part, ...]:
    """The parts of a path; UnresolvedReference when it is none."""
    if len(text) > _LONGEST:
        raise UnresolvedReference("The path of a reference is too long.")
    parts: list[Part] = []
    position = 0
    rest = text.removeprefix("$")
    while position < len(rest):
        match = _TOKEN.match(rest, position)
        if match is None:
            raise UnresolvedReference(f"{text!r} is not a path.")
        name, index, single, double = match.groups()
        number = name if name and _INDEX.fullmatch(name) else index
        parts.append(int(number) if number is not None else next(p for p in (name, single, double) if p is not None))
        position = match.end()
    return tuple(parts)


def follow(document: Any, path: Sequence[Part], whole: str) -> Any:
    """What the path leads to; UnresolvedReference names the part that is not there. `whole` is for the text."""
    found = document
    for part in path:
        found = _step(found, part, whole)
    return found


def _step(found: Any, part: Part, whole: str) -> Any:
    if isinstance(found, Mapping):
        key = part if part in found else str(part)
        if key in found:
            return found[key]
        raise UnresolvedReference(f"{whole} has no {part!r}; there is {_shown(found)}.")
    if isinstance(found, Sequence) and not isinstance(found, str):
        if isinstance(part, int):
            if -len(found) <= part < len(found):
                return found[part]
            raise UnresolvedReference(f"{whole} has no entry {part}; there are {len(found)}.")
        for entry in found:
            if isinstance(entry, Mapping) and any(entry.get(name) == part for name in _NAMES):
                return entry
        raise UnresolvedReference(f"{whole} has no entry named {part!r}.")
    raise UnresolvedReference(f"{whole} has no {part!r}: there is nothing below it.")


def _shown(found: Mapping[str, Any]) -> str:
    names = [str(name) for name in found][:10]
    return ", ".join(names) if names else "nothing"
