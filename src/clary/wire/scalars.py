"""Single values between wire and Python: numbers, booleans, timestamps, blobs, and the checks they need.

Used by every codec. Timestamps are aware datetimes inside. `Malformed` is how the codecs say that a request cannot
be read; `parsing` turns it into the error of the protocol.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from clary.base.errors import ClaryError
from clary.wire.catalog import Shape

MAX_DEPTH = 64
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?|NaN|[+-]?Infinity")
_BITS = {"integer": 31, "long": 63}


class Malformed(ClaryError):
    """The request's bytes are not what the protocol and the model say. The text goes to the client."""


def check_integer(shape: Shape, value: int) -> int:
    """The value itself, when it fits the 32 or 64 bits of its type."""
    limit = 1 << _BITS[shape.type_name]
    if not -limit <= value < limit:
        raise Malformed(f"Number is out of range for {shape.type_name}")
    return value


def check_text(value: str) -> str:
    """The value itself, when it can be written as UTF-8 (JSON escapes and raw headers can hold half characters)."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed("A string is not valid Unicode") from None
    return value


def read_text(shape: Shape, text: str, timestamp_format: str = "iso8601") -> Any:
    """A value of a protocol that has only text: XML, forms, headers, query strings."""
    kind = shape.type_name
    if kind == "string":
        return check_text(text)
    if kind in _BITS:
        if _INTEGER.fullmatch(text.strip()) is None:
            raise Malformed("A value is not an integer")
        return check_integer(shape, int(text))
    if kind in ("float", "double"):
        return read_float(text.strip())
    if kind == "boolean":
        if text.strip().lower() not in ("true", "false"):
            raise Malformed("A value is neither true nor false")
        return text.strip().lower() == "true"
    if kind == "timestamp":
        return read_timestamp(text.strip(), shape.serialization.get("timestampFormat", timestamp_format))
    if kind == "blob":
        return read_blob(text)
    raise Malformed("Text was found where a structure, list or map was expected")


def read_float(text: str) -> float:
    if _FLOAT.fullmatch(text) is None:
        raise Malformed("A value is not a number")
    return float(text)


def read_blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("A blob is not valid base64") from None


def read_timestamp(value: str | float, timestamp_format: str = "") -> datetime:
    """Seconds since 1970 as number or text, an ISO 8601 or an RFC 822 date."""
    try:
        if not isinstance(value, str):
            moment = datetime.fromtimestamp(value, UTC)
        elif timestamp_format == "rfc822" or value[:3].isalpha():
            moment = parsedate_to_datetime(value)
        elif _FLOAT.fullmatch(value) and timestamp_format != "iso8601":
            moment = datetime.fromtimestamp(float(value), UTC)
        else:
            moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise Malformed("A timestamp is not valid") from None


def write_timestamp(value: datetime | float, timestamp_format: str) -> str | int | float:
    """The timestamp as its format wants it: text for iso8601 and rfc822, else seconds to the millisecond."""
    if not isinstance(value, datetime):
        value = datetime.fromtimestamp(value, UTC)
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if timestamp_format == "iso8601":
        fraction = f".{moment.microsecond // 1000:03d}" if moment.microsecond else ""
        return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    if timestamp_format == "rfc822":
        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    seconds = moment.timestamp()
    return int(seconds) if seconds.is_integer() else round(seconds, 3)


def write_number(value: float) -> float | str:
    """JSON and XML have no numerals for these three; AWS writes words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def write_blob(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def write_text(shape: Shape, value: Any, timestamp_format: str = "iso8601") -> str:
    """The opposite of `read_text`."""
    kind = shape.type_name
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return str(write_timestamp(value, shape.serialization.get("timestampFormat", timestamp_format)))
    if kind == "blob":
        return write_blob(value)
    return str(write_number(value))
