"""Signatures of form uploads: over the encoded policy, in fields of the form, of the new kind and of the older."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping

from clary.base.errors import ApiError
from clary.wire.error_codes import CredentialFault, fault
from clary.wire.sigv4 import ALGORITHM, UNSIGNED_PAYLOAD, Signature

_CREDENTIAL = re.compile(r"([^/\s]+)/(\d{8})/([^/\s]+)/([^/\s]+)/aws4_request")
_NEEDED = ("policy", "x-amz-credential", "x-amz-date", "x-amz-signature")
_SIGNING = frozenset({"policy", "signature", "awsaccesskeyid", "x-amz-algorithm", *_NEEDED})


def read_form_signature(fields: Mapping[str, str], region: str) -> Signature | None:
    """The signature in a form's fields, or None when it is not signed. Nothing of it is verified yet."""
    if not _SIGNING & fields.keys():
        return None
    if "awsaccesskeyid" in fields:
        _need(fields, ("policy", "signature"))
        return _signature(fields, fields["awsaccesskeyid"], "", region, fields["signature"])
    _need(fields, _NEEDED)
    match = _CREDENTIAL.fullmatch(fields["x-amz-credential"])
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise _argument('x-amz-algorithm only supports "AWS4-HMAC-SHA256"', "x-amz-algorithm")
    if match is None or match[4] != "s3" or not fields["x-amz-date"].startswith(match[2]):
        raise _argument(
            "The credential does not fit: keyid/date/region/s3/aws4_request is expected.", "x-amz-credential"
        )
    return _signature(fields, match[1], match[2], match[3], fields["x-amz-signature"])


def verify_form(fields: Mapping[str, str], signature: Signature, secret: str, key: bytes) -> None:
    """Return when the policy was signed with `secret`, or with `key` that was derived from it."""
    policy = fields["policy"].encode()
    if signature.date:
        expected = hmac.digest(key, policy, hashlib.sha256).hex()
    else:
        expected = base64.b64encode(hmac.digest(secret.encode(), policy, hashlib.sha1)).decode()
    if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
        raise fault("s3", CredentialFault.MISMATCH)


def _signature(fields: Mapping[str, str], key_id: str, date: str, region: str, signature: str) -> Signature:
    return Signature(
        access_key_id=key_id,
        date=date,
        region=region,
        service="s3",
        signed_headers=(),
        signature=signature,
        timestamp=fields.get("x-amz-date", ""),
        session_token=fields.get("x-amz-security-token", ""),
        payload_hash=UNSIGNED_PAYLOAD,
    )


def missing_field(name: str) -> ApiError:
    text = f"Bucket POST must contain a field named '{name}'."
    return _argument(f"{text}  If it is specified, please check the order of the fields.", name)


def _need(fields: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if not fields.get(name):
            raise missing_field(name)


def _argument(message: str, name: str) -> ApiError:
    return ApiError(message, code="InvalidArgument", status=400, ArgumentName=name, ArgumentValue="")
