"""Requests signed by botocore's own signers, as a server sees them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clary.base.errors import ApiError
from clary.wire.error_codes import CredentialFault, credential_error
from clary.wire.http import RequestHead
from clary.wire.sigv4 import Verifier, read_signature

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
VERIFIER = Verifier()


@dataclass(frozen=True)
class Signed:
    """A request with its body; `service` is the signing name of the operation it is for."""

    head: RequestHead
    body: bytes
    service: str

    def changed(self, **fields: Any) -> Signed:
        """With other parts of the head."""
        return replace(self, head=replace(self.head, **fields))

    def with_header(self, name: str, value: str) -> Signed:
        return self.changed(headers={**self.head.headers, name: value})

    def without_header(self, name: str) -> Signed:
        return self.changed(headers={key: value for key, value in self.head.headers.items() if key != name})


def sign(
    service: str,
    method: str,
    url: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    presigned: bool = False,
    expires: int = 3600,
    token: str = "",
    region: str = "us-east-1",
    when: datetime = NOW,
    key: str = KEY,
    secret: str = SECRET,
    context: dict[str, Any] | None = None,
) -> Signed:
    """A request as botocore signs it at `when`."""
    request = AWSRequest(method, url, headers=headers or {}, data=body)
    request.context.update(context or {})
    kinds = {
        ("s3", False): S3SigV4Auth,
        ("s3", True): S3SigV4QueryAuth,
    }
    kind = kinds.get((service if service == "s3" else "", presigned), SigV4QueryAuth if presigned else SigV4Auth)
    given = {"expires": expires} if presigned else {}
    signer = kind(Credentials(key, secret, token or None), service, region, **given)
    original = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *_, **__: when.replace(tzinfo=None)
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.get_current_datetime = original
    parts = urlsplit(request.url)
    seen = {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in request.headers.items()
    }
    seen.setdefault("host", parts.netloc)
    return Signed(RequestHead(method, parts.path or "/", parts.query, seen), body, service)


def accept(signed: Signed, now: datetime = NOW) -> None:
    """What a door does with a request: read the signature, look up the secret, verify."""
    signature = read_signature(signed.head)
    if signature is None:
        raise credential_error(CredentialFault.MISSING, signed.head, signed.service)
    if signature.access_key_id != KEY:
        raise credential_error(CredentialFault.UNKNOWN_KEY, signed.head, signed.service)
    sha256 = hashlib.sha256(signed.body).hexdigest()
    VERIFIER.verify(signed.head, signature, SECRET, sha256, now, service=signed.service)


def refusal(signed: Signed, now: datetime = NOW) -> ApiError | None:
    """The error the request is refused with, or None when it is accepted."""
    try:
        accept(signed, now)
    except ApiError as error:
        return error
    return None
