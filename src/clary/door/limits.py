"""Every number that bounds a client, and what a request head may look like. Pure; used by connections.

The parser refuses most ambiguous framing by itself (both or repeated lengths, folded lines, stray characters);
what it lets through and proxies could read differently is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from clary.base.errors import ApiError

HEAD_BYTES = 64 * 1024
HEADER_COUNT = 256
HEAD_SECONDS = 10.0
IDLE_SECONDS = 75.0
BODY_SILENCE_SECONDS = 30.0
UNREAD_ANSWER_SECONDS = 60.0
LINGER_SECONDS = 1.0
CONTROL_SECONDS = 10.0  # how long a request waits for a control that is not there
CONNECTIONS = 8192
SETTLED_SECONDS = 0.5  # after this a connection that says nothing counts as idle
DRAIN_SECONDS = 5.0  # beyond the time limits of endpoints, until what goes on at the end of a door is cut short
# Invocation bodies are held until their signature is checked: small ones in memory, larger ones in files. All of a
# door's together stay below these.
BODY_IN_MEMORY_BYTES = 1024 * 1024
HELD_BODY_BYTES = 1024 * 1024 * 1024
SPOOLED_BODY_BYTES = 64 * 1024 * 1024 * 1024

SINGLE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"authorization", b"content-type", b"x-amz-date"}
)
_ABSOLUTE = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)


class BadRequest(ApiError):
    """Not HTTP as we accept it. The connection ends after the answer."""

    code = "BadRequest"
    status = 400


def head_too_large() -> ApiError:
    return BadRequest("The request's headers are too large.", code="RequestHeaderSectionTooLarge", status=431)


def too_slow() -> ApiError:
    return BadRequest("The request did not arrive in time.", code="RequestTimeout", status=408)


def stopping() -> ApiError:
    return ApiError("The server is stopping. Try again.", code="ServiceUnavailable", status=503)


def origin_form(target: bytes) -> bytes:
    """The path and query of a request target; BadRequest for targets that mean no resource here."""
    if not target.startswith(b"/"):
        match = _ABSOLUTE.match(target)
        if match is None:
            raise BadRequest("The request target is not a path.")
        target = target[match.end() :]
        if not target.startswith(b"/"):
            target = b"/" + target
    if b"#" in target:
        raise BadRequest("The request target has a fragment.")
    return target


def check_head(version: str, headers: Sequence[tuple[bytes, bytes]], fields: Mapping[bytes, bytes]) -> None:
    """BadRequest for a head that is too large, or that two parsers could read in two ways."""
    if len(headers) > HEADER_COUNT or sum([len(name) + len(value) for name, value in headers]) > HEAD_BYTES:
        raise head_too_large()
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version != "1.1" or coding.lower() != b"chunked"):
        raise BadRequest("The transfer coding is not supported.", status=400 if version != "1.1" else 501)
    if version == "1.1" and not fields.get(b"host"):
        raise BadRequest("The request has no Host header.")
    if b"upgrade" in fields and (coding is not None or fields.get(b"content-length", b"0") != b"0"):
        raise BadRequest("A request with a body cannot change the protocol.")
    expect = fields.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise BadRequest("The expectation cannot be met.", code="ExpectationFailed", status=417)
