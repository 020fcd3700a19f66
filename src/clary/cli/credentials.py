"""Files with credentials, in the form that AWS SDKs read; for `clary account` and `clary user`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from clary.base.durable import write_bytes
from clary.base.layout import Layout

_PLAIN = re.compile(r"[A-Za-z0-9-]{1,100}")


def write_credentials(layout: Layout, name: str, access_key_id: str, secret: str) -> Path:
    """Write DATA/credentials/NAME, readable by its owner only. Names of users may hold what file names may not."""
    folder = layout.credentials
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    readable = name if _PLAIN.fullmatch(name) else re.sub(r"[^A-Za-z0-9-]", "-", name[:60])
    if readable != name:
        readable = f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    path = folder / readable
    text = f"[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n"
    write_bytes(path, text.encode(), mode=0o600)
    return path
