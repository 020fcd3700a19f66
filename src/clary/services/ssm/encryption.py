"""SecureStrings at rest: AES-256-GCM with a key that follows from the installation's master key.

What is encrypted is bound to the parameter that it belongs to: a ciphertext that is moved to another name or account
in the database cannot be read there.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clary.base.errors import ApiError
from clary.services.context import Context

_NONCE_BYTES = 12
_PURPOSE = b"clary/ssm/secure-string/1"


def encrypt(context: Context, name: str, value: str) -> str:
    """base64 of nonce and ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(context).encrypt(nonce, value.encode(), _bound_to(context, name))
    return base64.b64encode(nonce + sealed).decode()


def decrypt(context: Context, name: str, text: str) -> str:
    raw = base64.b64decode(text)
    try:
        value = _cipher(context).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound_to(context, name))
    except InvalidTag as error:
        raise ApiError(
            f"The SecureString {name} was encrypted with another master key.", code="InvalidKeyId", status=400
        ) from error
    return value.decode()


def _cipher(context: Context) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return AESGCM(derive.derive(bytes.fromhex(context.installation.master_key)))


def _bound_to(context: Context, name: str) -> bytes:
    return f"{context.account}/{context.region}/{name}".encode()
