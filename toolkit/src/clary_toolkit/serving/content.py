"""Media types, Accept rules and how a body is handed to the user's code. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clary_toolkit.errors import RequestError

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NPZ = "application/x-npz"
ANY = "*/*"
TEXT_TYPES = frozenset({JSON, CSV})


def media_type(value: str) -> str:
    """`text/csv; charset=utf-8` -> `text/csv`."""
    return value.split(";", 1)[0].strip().lower()


def body_for_handler(body: bytes, content_type: str) -> bytes | str:
    """JSON and CSV as text, everything else as it came."""
    if media_type(content_type) not in TEXT_TYPES:
        return body
    try:
        return body.decode(_charset(content_type))
    except (UnicodeDecodeError, LookupError) as error:
        raise RequestError(400, f"the body is not {_charset(content_type)} text: {error}") from error


def accept_for_handler(header: str, default: str) -> str:
    """The Accept header as the user's functions see it: nothing and anything mean the default."""
    return default if header.strip() in {"", ANY} else header.strip()


def acceptable(accept: str) -> list[str]:
    """The media types of an Accept list, the preferred first."""
    weighted = []
    for part in accept.split(","):
        name = media_type(part)
        weight = _weight(part)
        if name and weight > 0:
            weighted.append((-weight, name))
    return [name for _, name in sorted(weighted, key=lambda each: each[0])]


def choose(accept: str, offered: Sequence[str]) -> str:
    """The offered type the client likes best. Raises RequestError 406."""
    for wanted in acceptable(accept):
        for each in offered:
            if wanted in {each, ANY} or (wanted.endswith("/*") and each.startswith(wanted[:-1])):
                return each
    raise RequestError(406, f"accept {accept!r} is not supported; supported: {', '.join(offered)}")


def response_type(accept: str, default: str) -> str:
    """The Content-Type of an answer whose handler did not name one."""
    return next((name for name in acceptable(accept) if "*" not in name), default)


def encoded_body(body: Any) -> bytes:
    """What a handler returned, as bytes. Raises TypeError for anything but text and bytes."""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise TypeError(f"the answer must be str or bytes, not {type(body).__name__}")


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"


def _weight(part: str) -> float:
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
