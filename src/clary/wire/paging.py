"""NextToken: where a list goes on, as a text that only Clary can have made and only the same list accepts.

Positions are what the services say (usually the sort key and id of the last row); they are signed, not hidden.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any

from clary.base.errors import ValidationException

_TAG_BYTES = 16
_MAX_TOKEN = 8192  # the models' own limit


class InvalidToken(ValidationException):
    """A token that is none, or one of another list; `error_codes` knows how each service calls this."""


class Pager:
    """Makes and reads tokens with one secret key, which must outlive the process."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"clary paging tokens", "sha256")

    def encode(self, operation: str, scope: str, position: list[Any]) -> str:
        """A token for this operation and scope (account, region and whatever filters make it this list)."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._tag(operation, scope, body) + body).rstrip(b"=").decode("ascii")

    def decode(self, operation: str, scope: str, token: str) -> list[Any]:
        """The position; InvalidToken when the token is not one of ours for this operation and scope."""
        raw = _from_base64(token)
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(operation, scope, body)):
            raise _invalid()
        position = json.loads(body)
        assert isinstance(position, list)  # noqa: S101 - we signed it, so we made it
        return position

    def _tag(self, operation: str, scope: str, body: bytes) -> bytes:
        parts = (operation.encode(), scope.encode("utf-8", "surrogatepass"), body)
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, message, "sha256")[:_TAG_BYTES]


def _from_base64(token: str) -> bytes:
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise _invalid()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _invalid() from None
    # spare bits at the end could otherwise be changed without changing the bytes
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != token:
        raise _invalid()
    return raw


def _invalid() -> InvalidToken:
    return InvalidToken("Invalid NextToken: it does not belong to this list.")
