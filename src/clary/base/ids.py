"""Identifiers and secrets. The only place that draws random numbers for names."""

from __future__ import annotations

import os
import secrets

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def request_id() -> str:
    """A random UUID. Every invocation gets one, and the standard library takes three times as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def short_id(length: int = 12) -> str:
    """Lower-case letters and digits, safe in names, paths and S3 keys."""
    return "".join(secrets.choice(_LOWER) for _ in range(length))


def access_key_id(prefix: str = "AKIA") -> str:
    """20 characters; `AKIA` for long-term keys, `ASIA` for session keys, `AROA`/`AIDA` for principal ids."""
    return prefix + "".join(secrets.choice(_UPPER) for _ in range(16))


def secret_access_key() -> str:
    """40 characters, as AWS SDKs expect."""
    return secrets.token_urlsafe(30)


def account_id() -> str:
    """12 digits, never starting with zero."""
    return str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in range(11))


def master_key() -> str:
    """256 bits in hexadecimal, for tokens that Clary signs for itself."""
    return secrets.token_hex(32)
