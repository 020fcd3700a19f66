"""Presigned S3 URLs of the older kind (HMAC-SHA1 in the query), which boto3 still makes by default in us-east-1.

Only such URLs are read; the older Authorization header is refused by `sigv4` as AWS does in newer regions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from clary.base.errors import ApiError
from clary.wire.error_codes import CredentialFault, fault
from clary.wire.http import RequestHead
from clary.wire.sigv4 import UNSIGNED_PAYLOAD, Signature

_SUBRESOURCES = frozenset(
    {
        *("accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle"),
        *("location", "logging", "metrics", "notification", "object-lock", "partNumber", "replication", "restore"),
        *("select", "select-type", "storageClass"),
        *("policy", "requestPayment", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning"),
        *("versions", "website", "response-cache-control", "response-content-disposition"),
        *("response-content-encoding", "response-content-language", "response-content-type", "response-expires"),
    }
)


def read_presigned(head: RequestHead, region: str) -> Signature | None:
    """The signature of such a URL, or None for any other request. Nothing of it is verified yet."""
    if "AWSAccessKeyId=" not in head.query:
        return None
    query = dict(head.query_pairs)
    expires = query.get("Expires", "")
    if not query.get("Signature") or not (expires.isascii() and expires.isdigit() and len(expires) < 13):
        text = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise ApiError(text, code="AccessDenied", status=403)
    return Signature(
        access_key_id=query["AWSAccessKeyId"],
        date="",
        region=region,
        service="s3",
        signed_headers=(),
        signature=query["Signature"],
        timestamp="",
        session_token=query.get("x-amz-security-token", ""),
        presigned=True,
        expires=int(expires),
        payload_hash=UNSIGNED_PAYLOAD,
    )


def verify_presigned(head: RequestHead, signature: Signature, secret: str, bucket_host: str, now: datetime) -> None:
    """Return when the URL was made with `secret` for this request and is not over.

    `bucket_host` is the bucket when it is named by the Host header instead of the path, else empty.
    """
    query = dict(head.query_pairs)
    given = signature.signature.encode("utf-8", "surrogateescape")
    for path in _paths(head, bucket_host):
        to_sign = _to_sign(head, query, path).encode("utf-8", "surrogateescape")
        expected = base64.b64encode(hmac.digest(secret.encode(), to_sign, hashlib.sha1))
        if hmac.compare_digest(expected, given):
            break
    else:
        raise fault("s3", CredentialFault.MISMATCH)
    if now.timestamp() > (signature.expires or 0):
        raise ApiError("Request has expired", code="AccessDenied", status=403)


def _paths(head: RequestHead, bucket_host: str) -> tuple[str, ...]:
    """What the signer may have taken for the path: of a bucket, botocore signs it with a slash behind it."""
    if bucket_host:
        return (f"/{bucket_host}{head.path}",)
    is_bucket = head.path.rfind("/") == 0 and len(head.path) > 1
    return (head.path, f"{head.path}/") if is_bucket else (head.path,)


def _to_sign(head: RequestHead, query: Mapping[str, str], path: str) -> str:
    """Headers that a signer had to move into the query count as headers."""
    named = {name.lower(): value for name, value in query.items()}
    amz = {name: value for name, value in named.items() if name.startswith("x-amz-")}
    amz |= {name: value for name, value in head.headers.items() if name.startswith("x-amz-")}
    lines = "".join(f"{name}:{amz[name].strip()}\n" for name in sorted(amz))
    content = [head.headers.get(name) or named.get(name, "") for name in ("content-md5", "content-type")]
    return "\n".join([head.method, *content, query["Expires"], lines + _resource(head, path)])


def _resource(head: RequestHead, path: str) -> str:
    parts = sorted((name, value) for name, value in head.query_pairs if name in _SUBRESOURCES)
    subresources = "&".join(f"{name}={value}" if value else name for name, value in parts)
    return f"{path}?{subresources}" if subresources else path
