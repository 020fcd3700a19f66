"""Lists in one header: `a, "b,c"` and `Mon, 16 Dec 2019 23:48:18 GMT, ...`. Called by `parsing` and `rendering`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from clary.wire.catalog import Shape

_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"\s*(?=,|$)|([^,]*))(?:,|$)', re.DOTALL)
_DATE = re.compile(r"\s*([A-Za-z]{3,9},[^,]*)(?:,|$)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split_list(item: Shape, value: str) -> list[str]:
    """The texts of the items, whose shape is `item`; an empty header is an empty list.

    An item with a comma is in quotes, except for dates, each of which has its own comma.
    """
    if not value.strip():
        return []
    is_date = item.type_name == "timestamp" and item.serialization.get("timestampFormat", "rfc822") == "rfc822"
    if is_date and (dates := _DATE.findall(value)):
        return [date.strip() for date in dates]
    found, position = [], 0
    while position <= len(value):
        match = _ITEM.match(value, position)
        if match is None:
            break
        quoted, plain = match.groups()
        found.append(plain.strip() if quoted is None else _ESCAPED.sub(r"\1", quoted))
        position = match.end()
        if not match[0].endswith(","):
            break
    return found


def join_list(item: Shape, texts: Iterable[str]) -> str:
    """The opposite; dates stay as they are."""
    return ", ".join(texts if item.type_name == "timestamp" else map(_quoted, texts))


def _quoted(item: str) -> str:
    if '"' not in item and "," not in item:
        return item
    text = item.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
