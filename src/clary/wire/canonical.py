"""The canonical forms of path, query and header values that Signature Version 4 signs. Called by `sigv4`."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_plus, unquote_to_bytes

_PLAIN_PATH = re.compile(r"/(?:[A-Za-z0-9_.~-]+/)*(?:[A-Za-z0-9_.~-]+)?")


def squeeze(value: str) -> str:
    """Without white space at the ends, and with single spaces inside."""
    return " ".join(value.split()) if " " in value or "\t" in value else value


def canonical_path(path: str, *, once: bool) -> str:
    """The path as it is signed: encoded `once` (S3), or normalised and encoded a second time."""
    if once:
        if _PLAIN_PATH.fullmatch(path):
            return path
        return quote(unquote_to_bytes(path.encode("utf-8", "surrogateescape")), safe="/-_.~") or "/"
    if _PLAIN_PATH.fullmatch(path) and "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    normal = "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
    return quote(normal, safe="/-_.~", errors="surrogateescape")


def canonical_query(query: str) -> str:
    """The query as it is signed: sorted, each part encoded anew, without the signature itself."""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name and name != "X-Amz-Signature":
            pairs.append((_encode(name), _encode(value)))
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _encode(text: str) -> str:
    return quote(unquote_plus(text, errors="surrogateescape"), safe="-_.~", errors="surrogateescape")
