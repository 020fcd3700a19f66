"""Signature Version 4: reading a request's signature, and checking it against the secret.

Finding the secret, checking session tokens and deciding what the caller may do are not done here (door and control
do that with `access`). The body is not read either: the caller hands in its SHA-256, or nothing where the body is
still to come, and then compares with `Signature.payload_hash` itself. Canonical requests follow the rules of the
SigV4 documentation: S3 encodes the path once, every other service twice and after removing dot segments.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from clary.base.errors import ApiError
from clary.wire.canonical import canonical_path, canonical_query, squeeze
from clary.wire.error_codes import CredentialFault, family_of_request, fault
from clary.wire.http import RequestHead

ALGORITHM = "AWS4-HMAC-SHA256"
_SEVERAL_REGIONS = "AWS4-ECDSA-P256-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING = frozenset({STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER})
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_SKEW = timedelta(minutes=15)
_MAX_EXPIRES = 7 * 24 * 3600
_TIMESTAMP = "%Y%m%dT%H%M%SZ"

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)
_SCOPE_SERVICE = re.compile(r"Credential=[^/,\s]+/[^/,\s]+/[^/,\s]+/([^/,\s]+)/")
_SCOPE_WITHOUT_REGION = re.compile(r"Credential=[^/,\s]+/\d{8}/([^/,\s]+)/aws4_request\b")
_QUERY_CREDENTIAL = re.compile(r"(?:^|&)X-Amz-Credential=([^&]*)")
_CREDENTIAL = re.compile(r"([^/\s]+)/(\d{8})/([^/\s]+)/([^/\s]+)/aws4_request")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_F = CredentialFault


@dataclass(frozen=True, slots=True)
class Signature:
    """A request's signature as the client sent it; nothing of it is to be believed before `Verifier.verify`.

    `timestamp` is the X-Amz-Date text that was signed, `date` the scope's day. `payload_hash` is the value of
    x-amz-content-sha256 (a hash or one of the UNSIGNED/STREAMING words), or empty when the client declared none.
    `expires` is the lifetime of a presigned URL in seconds, None for a signed header.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    session_token: str = ""
    presigned: bool = False
    expires: int | None = None
    payload_hash: str = ""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def streaming(self) -> bool:
        """The body is aws-chunked: see `chunked`."""
        return self.payload_hash in STREAMING

    @property
    def declares_body_hash(self) -> bool:
        """The client has promised a body with exactly the hash in `payload_hash`."""
        return _HEX64.fullmatch(self.payload_hash) is not None


def unsigned(head: RequestHead) -> Signature:
    """What an anonymous request of S3 says of its body; everything else of it is empty."""
    declared = head.headers.get("x-amz-content-sha256", "")
    if declared in STREAMING and declared != STREAMING_UNSIGNED_TRAILER:
        raise fault("s3", _F.MISSING)
    return Signature("", "", "", "s3", (), "", "", payload_hash=declared)


def scope_service(head: RequestHead) -> str:
    """The service name in the signature's scope, unverified; empty for a request without (readable) signature."""
    authorization = head.headers.get("authorization")
    if authorization:
        match = _SCOPE_SERVICE.search(authorization) or _SCOPE_WITHOUT_REGION.search(authorization)
        return match[1] if match else ""
    if "X-Amz-Credential=" in head.query:
        match = _QUERY_CREDENTIAL.search(head.query)
        parts = unquote(match[1]).split("/") if match else []
        return parts[-2] if len(parts) in (4, 5) else ""
    return ""


def read_signature(head: RequestHead) -> Signature | None:
    """The request's signature, or None for an anonymous request; raises ApiError for one that is malformed."""
    authorization = head.headers.get("authorization")
    presigned = "X-Amz-Signature=" in head.query or "X-Amz-Credential=" in head.query
    if authorization is None:
        return _read_query(head) if presigned else None
    if presigned:
        raise _both_mechanisms(head)
    return _read_header(head, authorization)


def _read_header(head: RequestHead, authorization: str) -> Signature:
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is not None:
        key, date, region, service, names, signature = match.groups()
    else:
        key, date, region, service, names, signature = _read_parts(head, authorization)
    headers = head.headers
    payload_hash = headers.get("x-amz-content-sha256", "")
    if service == "s3" and not payload_hash:
        text = "Missing required header for this request: x-amz-content-sha256"
        raise ApiError(text, code="InvalidRequest", status=400)
    return Signature(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=tuple(names.split(";")),
        signature=signature,
        timestamp=headers.get("x-amz-date") or _from_http_date(head, service),
        session_token=headers.get("x-amz-security-token", ""),
        payload_hash=payload_hash,
    )


def _read_parts(head: RequestHead, authorization: str) -> tuple[str, ...]:
    """An Authorization header in an unusual order or with a fault, which is then named."""
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise _unsupported(head, algorithm)
    values = dict(part.strip().partition("=")[::2] for part in rest.split(",") if part.strip())
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not values.get(name)]
    if missing:
        text = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise _malformed(head, text, _F.INCOMPLETE)
    return _scope_parts(head, values["Credential"], values["SignedHeaders"], values["Signature"])


def _scope_parts(head: RequestHead, credential: str, names: str, signature: str) -> tuple[str, ...]:
    match = _CREDENTIAL.fullmatch(credential)
    if match is None:
        text = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        raise _malformed(head, text)
    if _HEX64.fullmatch(signature) is None:
        raise fault(family_of_request(head, match[4]), _F.MISMATCH)
    return (*match.groups(), names, signature)


def _read_query(head: RequestHead) -> Signature:
    values: dict[str, str] = {}
    for name, value in head.query_pairs:
        if name.startswith("X-Amz-") and values.setdefault(name, value) != value:
            raise _malformed(head, f"The query parameter {name} is given twice.")
    if values.get("X-Amz-Algorithm") != ALGORITHM:
        raise _malformed(head, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    needed = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    missing = [name for name in needed if not values.get(name)]
    if missing:
        raise _malformed(head, f"The query must have the parameter {missing[0]}.", _F.INCOMPLETE)
    key, date, region, service, names, signature = _scope_parts(
        head, values["X-Amz-Credential"], values["X-Amz-SignedHeaders"], values["X-Amz-Signature"]
    )
    declared = values.get("X-Amz-Content-Sha256") or head.headers.get("x-amz-content-sha256", "")
    return Signature(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=tuple(names.split(";")),
        signature=signature,
        timestamp=values["X-Amz-Date"],
        session_token=values.get("X-Amz-Security-Token", ""),
        presigned=True,
        expires=_read_expires(head, service, values.get("X-Amz-Expires")),
        payload_hash=declared or (UNSIGNED_PAYLOAD if service == "s3" else ""),
    )


def _read_expires(head: RequestHead, service: str, text: str | None) -> int:
    if text is None and service != "s3":
        return int(MAX_SKEW.total_seconds())  # older services let clients leave it out
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise _malformed(head, "X-Amz-Expires should be a number")
    if int(text) > _MAX_EXPIRES:
        text = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be"
        raise _malformed(head, f"{text} less than {_MAX_EXPIRES} seconds")
    return int(text)


def _from_http_date(head: RequestHead, service: str) -> str:
    """X-Amz-Date may be left out when there is a Date header."""
    try:
        moment = parsedate_to_datetime(head.headers["date"])
    except (KeyError, ValueError):
        if service == "s3":
            text = "AWS authentication requires a valid Date or x-amz-date header"
            raise ApiError(text, code="AccessDenied", status=403) from None
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise _malformed(head, text, _F.INCOMPLETE) from None
    return moment.astimezone(UTC).strftime(_TIMESTAMP)


def _malformed(head: RequestHead, text: str, kind: CredentialFault = _F.MALFORMED) -> ApiError:
    service = scope_service(head) or "s3"
    if service == "s3" and "authorization" not in head.headers:
        return ApiError(text, code="AuthorizationQueryParametersError", status=400)
    return fault(family_of_request(head, service), kind, text)


def _unsupported(head: RequestHead, algorithm: str) -> ApiError:
    """Another algorithm; the one for several regions at once is refused by its name."""
    named = "Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not served by this version of Clary. "
    reason = named if algorithm == _SEVERAL_REGIONS else ""
    if family_of_request(head, scope_service(head) or "s3") == "s3":
        text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        return ApiError(reason + text, code="InvalidRequest", status=400)
    return _malformed(head, f"{reason}The Authorization header must begin with AWS4-HMAC-SHA256.")


def _both_mechanisms(head: RequestHead) -> ApiError:
    text = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header"
    if family_of_request(head, scope_service(head) or "s3") == "s3":
        return ApiError(f"{text} should be specified", code="InvalidArgument", status=400)
    return _malformed(head, f"{text} should be specified")


class Verifier:
    """Checks signatures. Keeps derived signing keys (a bounded number), so that a repeated caller costs one HMAC."""

    def __init__(self, cached_keys: int = 1024) -> None:
        self._cached_keys = cached_keys
        self._keys: OrderedDict[tuple[str, str, str, str], bytes] = OrderedDict()
        self._moments: dict[str, float] = {}

    def signing_key(self, signature: Signature, secret: str) -> bytes:
        """The key derived from the secret for the signature's scope; also signs the chunks of a body."""
        return self._key(secret, signature.date, signature.region, signature.service)

    def verify(
        self,
        head: RequestHead,
        signature: Signature,
        secret: str,
        payload_sha256: str,
        now: datetime,
        *,
        service: str = "",
    ) -> None:
        """Return when `signature` was made with `secret` for exactly this request; raise the service's ApiError.

        `payload_sha256` is the body's hash in hexadecimal, or empty while an S3 body is still unread: the caller
        then has to hold it against `signature.payload_hash` (`declares_body_hash`, `streaming`). `service` is the
        signing name of the operation called, which the scope must have.
        """
        if service and signature.service != service:
            raise _scope_fault(head, signature, service)
        self._check_time(head, signature, now)
        _check_signed_headers(head, signature)
        payload = _payload_to_sign(head, signature, payload_sha256)
        canonical = _canonical_request(head, signature, payload).encode("utf-8", "surrogateescape")
        to_sign = f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{hashlib.sha256(canonical).hexdigest()}"
        key = self._key(secret, signature.date, signature.region, signature.service)
        expected = hmac.digest(key, to_sign.encode("utf-8", "surrogateescape"), "sha256").hex()
        if not hmac.compare_digest(expected, signature.signature):
            raise _fault(head, signature, _F.MISMATCH)

    def _key(self, secret: str, date: str, region: str, service: str) -> bytes:
        name = (secret, date, region, service)
        key = self._keys.get(name)
        if key is None:
            key = ("AWS4" + secret).encode()
            for part in (date, region, service, "aws4_request"):
                key = hmac.digest(key, part.encode("utf-8", "surrogateescape"), "sha256")
            # threads may race here: at worst a key is derived twice
            self._keys[name] = key
            if len(self._keys) > self._cached_keys:
                self._keys.popitem(last=False)
        return key

    def _moment(self, timestamp: str) -> float | None:
        """Seconds since 1970 of an X-Amz-Date; None when it is not one. Clients repeat them within a second."""
        moment = self._moments.get(timestamp)
        if moment is None:
            if len(timestamp) != 16 or not timestamp.isascii():
                return None
            try:
                moment = datetime.strptime(timestamp, _TIMESTAMP).replace(tzinfo=UTC).timestamp()
            except ValueError:
                return None
            if len(self._moments) > 256:
                self._moments = {}
            self._moments[timestamp] = moment
        return moment

    def _check_time(self, head: RequestHead, signature: Signature, now: datetime) -> None:
        moment = self._moment(signature.timestamp)
        if moment is None:
            raise _malformed(head, "Date must be in ISO8601 \"yyyyMMdd'T'HHmmss'Z'\" format.")
        if not signature.timestamp.startswith(signature.date):
            text = (
                f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
                f" '{signature.date}' != '{signature.timestamp[:8]}', from '{signature.timestamp}'."
            )
            raise _fault(head, signature, _F.BAD_SCOPE, text)
        age = now.timestamp() - moment
        allowed = MAX_SKEW.total_seconds()
        if age < -allowed:
            raise _time_fault(head, signature, now, early=True)
        if signature.expires is not None and age > signature.expires:
            raise _fault(head, signature, _F.EXPIRED)
        if signature.expires is None and age > allowed:
            raise _time_fault(head, signature, now, early=False)


def _fault(head: RequestHead, signature: Signature, kind: CredentialFault, text: str = "") -> ApiError:
    return fault(family_of_request(head, signature.service), kind, text)


def _scope_fault(head: RequestHead, signature: Signature, service: str) -> ApiError:
    text = f"Credential should be scoped to correct service: '{service}'."
    return fault(family_of_request(head, service), _F.BAD_SCOPE, text)


def _time_fault(head: RequestHead, signature: Signature, now: datetime, *, early: bool) -> ApiError:
    if signature.service == "s3":
        if early and signature.presigned:
            return ApiError("Request is not valid yet", code="AccessDenied", status=403)
        return _fault(head, signature, _F.SKEWED)
    limit = (now + MAX_SKEW if early else now - MAX_SKEW).strftime(_TIMESTAMP)
    state = "Signature not yet current" if early else "Signature expired"
    relation, sign = ("is still later than", "+") if early else ("is now earlier than", "-")
    text = f"{state}: {signature.timestamp} {relation} {limit} ({now.strftime(_TIMESTAMP)} {sign} 15 min.)"
    return _fault(head, signature, _F.SKEWED, text)


def _check_signed_headers(head: RequestHead, signature: Signature) -> None:
    """Host and everything that steers AWS's behaviour (x-amz-*) must be signed, or anyone on the way may add it."""
    signed = signature.signed_headers
    if "host" not in signed:
        raise _fault(head, signature, _F.UNSIGNED_HEADER, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name in head.headers:
        if name.startswith("x-amz-") and name not in signed:
            text = "" if signature.service == "s3" else f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
            raise _fault(head, signature, _F.UNSIGNED_HEADER, text)


def _payload_to_sign(head: RequestHead, signature: Signature, computed: str) -> str:
    declared = signature.payload_hash
    if not declared:
        return computed or EMPTY_SHA256
    if signature.service == "s3" and (declared == UNSIGNED_PAYLOAD or declared in STREAMING):
        return declared
    if _HEX64.fullmatch(declared) is None:
        if signature.service == "s3":
            text = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-... or a valid sha256 value."
            raise ApiError(text, code="InvalidArgument", status=400)
        raise _fault(head, signature, _F.BODY_MISMATCH)
    if computed and not hmac.compare_digest(declared, computed):
        raise _fault(head, signature, _F.BODY_MISMATCH)
    if not computed and signature.service != "s3":
        raise _fault(head, signature, _F.BODY_MISMATCH)
    return declared


def _canonical_request(head: RequestHead, signature: Signature, payload: str) -> str:
    headers = head.headers
    lines = "".join([f"{name}:{squeeze(headers.get(name, ''))}\n" for name in signature.signed_headers])
    path = canonical_path(head.path, once=signature.service == "s3")
    query = canonical_query(head.query) if head.query else ""
    return f"{head.method}\n{path}\n{query}\n{lines}\n{';'.join(signature.signed_headers)}\n{payload}"
