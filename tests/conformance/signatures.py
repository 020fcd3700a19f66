"""The Signature Version 4 suite: requests as they come from the socket, with the signature that is right for them.

Each is to be accepted, also when botocore signs it as a URL, and refused when any one thing of it is changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clary.base.errors import ApiError
from clary.wire.http import RequestHead
from clary.wire.sigv4 import Verifier, read_signature
from tests.wire.mutants import mutants
from tests.wire.signing import Signed, sign

SERVICE, REGION = "service", "us-east-1"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
_VERIFIER = Verifier()


@dataclass(frozen=True)
class SignedCase:
    """One request of the suite."""

    name: str
    signed: Signed

    def as_url(self) -> Signed:
        """The same request without a body, signed by botocore in its query."""
        head = self.signed.head
        url = f"http://{head.headers['host']}{head.path}" + (f"?{head.query}" if head.query else "")
        extra = {
            name: value for name, value in head.headers.items() if name not in ("authorization", "x-amz-date", "host")
        }
        token = extra.pop("x-amz-security-token", "")
        return sign(
            SERVICE, head.method, url, b"", extra, presigned=True, token=token, region=REGION,
            when=NOW, key=KEY, secret=SECRET,
        )  # fmt: skip


def signed_cases(folder: Path) -> Iterator[SignedCase]:
    """Every case of the suite below the folder."""
    for path in sorted(folder.rglob("*.sreq")):
        signed = read_request(path.read_bytes())
        # one of the signed requests repeats its signature wrongly; this file has it right for all
        authorization = path.with_suffix(".authz").read_text(encoding="utf-8").strip()
        yield SignedCase(str(path.parent.relative_to(folder)), signed.with_header("authorization", authorization))


def read_request(raw: bytes) -> Signed:
    """A request as text, with headers that are repeated or go on over several lines."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("utf-8", "surrogateescape").rstrip("\n").split("\n")
    method, _, rest = first.partition(" ")
    path, _, query = rest.rpartition(" ")[0].partition("?")
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1] in (" ", "\t"):
            headers[name] += " " + line.strip()
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = f"{headers[name]},{value.strip()}" if name in headers else value.strip()
    return Signed(RequestHead(method, path, query, headers), body, SERVICE)


def refusal(signed: Signed, now: datetime = NOW) -> ApiError | None:
    """The error with which the request is refused; None when it is accepted."""
    try:
        signature = read_signature(signed.head)
        if signature is None or signature.access_key_id != KEY:
            return ApiError("no such key", code="UnrecognizedClientException", status=403)
        sha256 = hashlib.sha256(signed.body).hexdigest()
        _VERIFIER.verify(signed.head, signature, SECRET, sha256, now, service=SERVICE)
    except ApiError as error:
        return error
    return None


def difference(case: SignedCase) -> str:
    """What is wrong with Clary's verdict on the request or on one of its changed forms; empty when nothing is."""
    for form, signed in (("header", case.signed), ("URL", case.as_url())):
        error = refusal(signed)
        if error is not None:
            return f"signed in the {form}, refused: {error.code}: {error.message}"
        for label, _, mutant in mutants(signed):
            if refusal(mutant) is None:
                return f"signed in the {form}, accepted with {label}"
    return ""
