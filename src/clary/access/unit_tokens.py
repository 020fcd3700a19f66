"""What a running unit shows to get its role's credentials: a token bound to the unit and the role.

Made by the engine when it launches the unit, opened by control's credential endpoint. Nothing is stored; the
token dies with its unit, because control asks whether the unit still belongs to a resource that is not at rest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from clary.base.errors import AccessDenied


def mint_unit_token(master_key: str, unit_id: str, role_arn: str, role_id: str) -> str:
    """`payload.signature`, both base64url without padding. `role_id` tells a role from a later one of its name."""
    payload = _encode(json.dumps([unit_id, role_arn, role_id]).encode())
    return f"{payload}.{_sign(master_key, payload)}"


def open_unit_token(master_key: str, token: str) -> tuple[str, str, str]:
    """(unit id, role ARN, role id) of a genuine token; AccessDenied otherwise."""
    payload, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _sign(master_key, payload).encode()):
        raise AccessDenied("The unit token is not valid.")
    unit_id, role_arn, role_id = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return unit_id, role_arn, role_id


def _sign(master_key: str, payload: str) -> str:
    return _encode(hmac.digest(bytes.fromhex(master_key), b"unit-token/" + payload.encode(), hashlib.sha256))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
