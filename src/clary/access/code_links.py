"""Links to the code of functions: whoever has one may read one archive, for a few minutes.

Made by GetFunction, opened by control's own path for them. Nothing is stored: the link says what it opens and until
when, under a signature of the installation.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlencode

from clary.base.errors import AccessDenied

PATH = "/clary/code"
_LIFETIME = timedelta(minutes=10)


def code_link(master_key: str, endpoint: str, content: str, now: datetime) -> str:
    """The URL of a content of the store, at the address by which the caller reaches Clary."""
    until = int((now + _LIFETIME).timestamp())
    query = urlencode({"content": content, "until": until, "signature": _sign(master_key, content, until)})
    return f"{endpoint}{PATH}?{query}"


def open_code_link(master_key: str, fields: dict[str, str], now: datetime) -> str:
    """The content that the query of a link leads to; AccessDenied for a forged or an old one."""
    content, until = fields.get("content", ""), fields.get("until", "")
    if not (until.isascii() and until.isdigit() and len(until) < 16):
        raise AccessDenied("The link to the code is not valid.")
    if not hmac.compare_digest(fields.get("signature", "").encode(), _sign(master_key, content, int(until)).encode()):
        raise AccessDenied("The link to the code is not valid.")
    if now.timestamp() > int(until):
        raise AccessDenied("The link to the code has expired.")
    return content


def _sign(master_key: str, content: str, until: int) -> str:
    text = f"code-link/{until}/{content}"
    return hmac.digest(bytes.fromhex(master_key), text.encode(), hashlib.sha256).hex()
