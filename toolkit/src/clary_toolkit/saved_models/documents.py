"""Bodies as one request document, `{"instances": ...}` or as the client has written it. Pure.

What is no document of TensorFlow Serving yet becomes its instances: a list of lists or of objects, one value,
lines of JSON, lines of CSV.
"""

from __future__ import annotations

import json
from typing import Any

from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.serving.content import CSV, JSON, media_type

JSON_TYPES = frozenset({JSON, "application/jsonlines", "application/jsons"})
KEYS = frozenset({"instances", "inputs", "examples"})
_DECODER = json.JSONDecoder()


def request_document(body: str | bytes, content_type: str) -> dict[str, Any]:
    """Raises Refusal: 415 for another type, 400 for a body that is not of its type."""
    kind = media_type(content_type)
    if kind not in JSON_TYPES | {CSV}:
        raise Refusal(415, f"Unsupported Media Type: {content_type or 'Unknown'}")
    text = _text(body)
    return {"instances": _csv_rows(text)} if kind == CSV else _from_json(text)


def parsed(body: str | bytes) -> Any:
    """Raises Refusal for what is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"JSON Parse error: {error}") from error


def _from_json(text: str) -> dict[str, Any]:
    values = _values(text)
    if len(values) > 1:
        return {"instances": values}
    value = values[0]
    if isinstance(value, dict) and not KEYS.isdisjoint(value):
        return value
    return {"instances": value if isinstance(value, list) and value and _is_row(value[0]) else [value]}


def _is_row(value: Any) -> bool:
    """Lists and objects with names; an object that stands for bytes is a value."""
    return isinstance(value, list) or (isinstance(value, dict) and value.keys() != {"b64"})


def _values(text: str) -> list[Any]:
    """One JSON value, or several with nothing but white space between them."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError) as error:
        first = error
    values, at = [], 0
    text = text.strip()
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise Refusal(400, f"JSON Parse error: {first}") from first
        values.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    if len(values) < 2:
        raise Refusal(400, f"JSON Parse error: {first}") from first
    return values


def _csv_rows(text: str) -> list[Any]:
    """A line of several fields is a list, a line of one field a value. Words stand for themselves when the first
    field is one; otherwise they are in quotes, as in JSON."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        raise Refusal(400, "the body holds no row")
    if lines[0][0] in '"-0123456789' and _starts_with_value(lines[0]):
        rows = ",".join(f"[{line}]" if "," in line else line for line in lines)
        value: list[Any] = parsed(f"[{rows}]")
        return value
    return [line.split(",") if "," in line else line for line in lines]


def _starts_with_value(line: str) -> bool:
    if line[0] == '"':
        return True
    try:
        float(line.partition(",")[0])
    except ValueError:
        return False
    return True


def _text(body: str | bytes) -> str:
    if isinstance(body, str):
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not text: {error}") from error
