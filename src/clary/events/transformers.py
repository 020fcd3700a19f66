"""What a target gets: the event itself, a fixed text, a part of the event, or a template filled from it.

Templates put values where `<name>` stands: as JSON outside of quotes, as text (escaped) inside them. A path that
finds nothing gives `null` outside of quotes and nothing inside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.events.paths import InvalidPath, Missing, find, parse_path

_MOST_PATHS = 100
_PLACE = re.compile(r"<([A-Za-z0-9_.\-]{1,256})>")
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,256}")
RESERVED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event",
        "aws.events.event.json",
        "aws.events.event.ingestion-time",
    }
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event comes from, for the reserved names of templates. `ingested` is an ISO time."""

    rule_arn: str
    rule_name: str
    ingested: str


def check_input(target: Mapping[str, Any]) -> None:
    """Raise ValueError unless Input, InputPath or InputTransformer of a target can be used."""
    given = [name for name in ("Input", "InputPath", "InputTransformer") if target.get(name) is not None]
    if len(given) > 1:
        raise ValueError(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
        )
    if "Input" in given:
        _check_json(target["Input"], "Input")
    elif "InputPath" in given:
        parse_path(target["InputPath"])
    elif given:
        _check_transformer(target["InputTransformer"])


def render(target: Mapping[str, Any], event: dict[str, Any], origin: Origin) -> str:
    """The text for this target."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        return _json(_value(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    return _fill(transformer, event, origin) if transformer is not None else _json(event)


def _check_transformer(transformer: Mapping[str, Any]) -> None:
    paths = transformer.get("InputPathsMap") or {}
    if len(paths) > _MOST_PATHS:
        raise ValueError(f"InputPathsMap may have at most {_MOST_PATHS} entries.")
    for name, path in paths.items():
        if not _NAME.fullmatch(name) or name.lower().startswith("aws"):
            raise ValueError(f"Invalid InputPathsMap key {name[:100]}.")
        parse_path(path)
    template = transformer["InputTemplate"]
    for place in _PLACE.finditer(template):
        if place[1] not in paths and place[1] not in RESERVED:
            raise ValueError(f"InputTemplate contains placeholder {place[1]} that is not in InputPathsMap.")
    if template.lstrip()[:1] in {"{", "["}:
        _check_json(_replace(template, dict.fromkeys([*paths, *RESERVED])), "InputTemplate")


def _fill(transformer: Mapping[str, Any], event: dict[str, Any], origin: Origin) -> str:
    values = {name: _value(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values |= {
        "aws.events.rule-arn": origin.rule_arn,
        "aws.events.rule-name": origin.rule_name,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": origin.ingested,
    }
    return _replace(transformer["InputTemplate"], values)


def _replace(template: str, values: Mapping[str, Any]) -> str:
    """One pass, so that a value is never taken for a part of the template."""
    pieces: list[str] = []
    quoted = False
    position = 0
    while position < len(template):
        place = _PLACE.match(template, position) if template[position] == "<" else None
        if place is not None and place[1] in values:
            pieces.append(_inside(values[place[1]]) if quoted else _json(values[place[1]]))
            position = place.end()
            continue
        character = template[position]
        if character == "\\" and quoted:
            pieces.append(template[position : position + 2])
            position += 2
            continue
        quoted = quoted != (character == '"')
        pieces.append(character)
        position += 1
    return "".join(pieces)


def _inside(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json(value)
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _value(event: dict[str, Any], path: str) -> Any:
    try:
        return find(event, path)
    except (Missing, InvalidPath):
        return None


def _check_json(text: str, name: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is not valid JSON.") from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
