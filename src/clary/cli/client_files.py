"""What SDKs need to find Clary from a shell: a CA bundle, and where STS is.

Both SageMaker SDKs build their STS address from botocore's endpoint data and ignore AWS_ENDPOINT_URL. So the shell
gets a PYTHONPATH entry whose `sitecustomize` points botocore's customer data folder at a copy of that data in which
STS is Clary, and keeps the SDKs' telemetry from leaving (client/sitecustomize.py). It holds for that shell only;
nothing in the user's home is touched.
"""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from clary.base.durable import write_bytes
from clary.base.layout import Layout
from clary.wire.endpoints import endpoint_data_with_sts_at

_START = Path(__file__).parent / "client" / "sitecustomize.py"


def write_client_files(layout: Layout, https_url: str) -> None:
    """(Re)write the folder; cheap enough to do at every `clary env`."""
    python, models = layout.client / "python", layout.client / "models"
    for folder in (python, models):
        folder.mkdir(parents=True, exist_ok=True)
    data = endpoint_data_with_sts_at(urlsplit(https_url).netloc)
    _keep(python / "sitecustomize.py", _START.read_bytes())
    _keep(models / "endpoints.json", json.dumps(data).encode())
    _keep(layout.client / "ca-bundle.pem", _system_authorities() + (layout.tls / "ca.pem").read_bytes())


def _keep(path: Path, content: bytes) -> None:
    """Written only where it differs: a shell is to find its way to Clary also while the disk is full."""
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)


def _system_authorities() -> bytes:
    """The machine's own authorities, so that other HTTPS hosts keep working in that shell."""
    path = ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() + b"\n" if path and Path(path).is_file() else b""
