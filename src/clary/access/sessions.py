"""Temporary credentials that prove themselves: nothing about a session is stored anywhere.

    token  = base64url(version, deflated JSON of the session, HMAC-SHA256 tag)
    tag    = HMAC(signing key, access key id, body)     so a token belongs to exactly one access key id
    secret = HMAC(secret key, token)                    so only Clary can know it, and need not keep it

Both keys are derived from the installation's master key. The body can be read by whoever holds the token (as
AWS's could by AWS); it carries no secret. Doors and control open tokens; sts mints them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from clary.access.documents import parse_policy
from clary.access.principals import Principal
from clary.base import ids
from clary.base.errors import ApiError

_VERSION = b"\x01"
_TAG_BYTES = 32
MAX_TOKEN_CHARACTERS = 8192


class InvalidClientTokenId(ApiError):
    code = "InvalidClientTokenId"
    status = 403


class ExpiredToken(ApiError):
    code = "ExpiredToken"
    status = 403


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """What AssumeRole hands out."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """An opened token. `policies` limit the session (None: they do not); `tags` are its principal tags."""

    principal: Principal
    access_key_id: str
    secret_access_key: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    policies: tuple[Mapping[str, Any], ...] | None
    tags: Mapping[str, str]
    source_identity: str

    def keys(self) -> dict[str, str | list[str]]:
        """Condition keys that follow from the session."""
        keys: dict[str, str | list[str]] = {f"aws:principaltag/{key.lower()}": v for key, v in self.tags.items()}
        keys["aws:tokenissuetime"] = self.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        keys["aws:multifactorauthpresent"] = "false"  # long-term keys do not have the key at all
        if self.source_identity:
            keys["aws:sourceidentity"] = self.source_identity
        return keys


def mint_session(
    master_key: str,
    *,
    principal: Principal,
    issued_at: datetime,
    expires_at: datetime,
    session_policies: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    source_identity: str = "",
) -> SessionCredentials:
    """New credentials for `principal`. Policy texts must have been checked; none means no limit."""
    content = {
        "p": [principal.arn, principal.account, principal.kind, principal.principal_id],
        "r": [principal.role_arn, principal.session_name],
        "i": int(issued_at.timestamp()),
        "e": int(expires_at.timestamp()),
        "s": list(session_policies),
        "t": dict(tags or {}),
        "d": source_identity,
    }
    access_key_id = ids.access_key_id("ASIA")
    body = _VERSION + zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    token = base64.urlsafe_b64encode(body + _tag(master_key, access_key_id, body)).decode()
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise ApiError(
            "Packed size of session tags and policies is more than 100% of what a session may carry.",
            code="PackedPolicyTooLarge",
            status=400,
        )
    return SessionCredentials(
        access_key_id=access_key_id,
        secret_access_key=_secret(master_key, token),
        session_token=token,
        expiration=datetime.fromtimestamp(int(expires_at.timestamp()), UTC),
    )


def open_session(master_key: str, access_key_id: str, session_token: str, now: datetime) -> Session:
    """The session of a token; InvalidClientTokenId when it was not minted here for this access key id,
    ExpiredToken when its time is over."""
    session = _open(master_key, access_key_id, session_token)
    if now >= session.expires_at:
        raise ExpiredToken("The security token included in the request is expired")
    return session


def packed_size(credentials: SessionCredentials) -> int:
    """How much of what a token may hold is used, in percent."""
    return -(-len(credentials.session_token) * 100 // MAX_TOKEN_CHARACTERS)


@lru_cache(maxsize=2048)
def _open(master_key: str, access_key_id: str, token: str) -> Session:
    """Signature check and decoding; only tokens that proved genuine stay in the cache."""
    body = _verified_body(master_key, access_key_id, token)
    content = json.loads(zlib.decompress(body[1:]))
    arn, account, kind, principal_id = content["p"]
    role_arn, session_name = content["r"]
    return Session(
        principal=Principal(arn, account, kind, principal_id, role_arn, session_name),
        access_key_id=access_key_id,
        secret_access_key=_secret(master_key, token),
        issued_at=datetime.fromtimestamp(content["i"], UTC),
        expires_at=datetime.fromtimestamp(content["e"], UTC),
        policies=tuple(parse_policy(text) for text in content["s"]) or None,
        tags=content["t"],
        source_identity=content["d"],
    )


def _verified_body(master_key: str, access_key_id: str, token: str) -> bytes:
    if len(token) > MAX_TOKEN_CHARACTERS or not access_key_id.isascii():
        raise _invalid()
    try:
        # Exactly one text stands for each token: other spellings of the same bytes are refused below.
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _invalid() from error
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    genuine = hmac.compare_digest(tag, _tag(master_key, access_key_id, body))
    if not genuine or body[:1] != _VERSION or base64.urlsafe_b64encode(raw).decode() != token:
        raise _invalid()
    return body


def _tag(master_key: str, access_key_id: str, body: bytes) -> bytes:
    key = _derived_key(master_key, b"clary session token")
    return hmac.digest(key, access_key_id.encode() + b"\x00" + body, hashlib.sha256)


def _secret(master_key: str, token: str) -> str:
    key = _derived_key(master_key, b"clary session secret")
    return base64.urlsafe_b64encode(hmac.digest(key, token.encode(), hashlib.sha256)).decode()[:40]


@lru_cache(maxsize=64)
def _derived_key(master_key: str, purpose: bytes) -> bytes:
    return hmac.digest(master_key.encode(), purpose, hashlib.sha256)


def _invalid() -> InvalidClientTokenId:
    return InvalidClientTokenId("The security token included in the request is invalid.")
