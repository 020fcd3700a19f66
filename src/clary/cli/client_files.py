"""What SDKs need to find Clary from a shell: a CA bundle, and where STS is.

Both SageMaker SDKs build their STS address from botocore's endpoint data and ignore AWS_ENDPOINT_URL. So the shell
gets a PYTHONPATH entry whose `sitecustomize` points botocore's customer data folder at a copy of that data in which
STS is Clary. It holds for that shell only; nothing in the user's home is touched.
"""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from clary.base.durable import write_bytes
from clary.base.layout import Layout
from clary.wire.endpoints import endpoint_data_with_sts_at

_SITECUSTOMIZE = '''\
"""Made by `clary env`: lets botocore read its endpoint data from the folder beside this file."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_MODELS = _HERE.parent / "models"


class _Loaders(importlib.abc.MetaPathFinder):
    """Waits for `botocore.loaders`, so that programs without botocore pay nothing."""

    def find_spec(self, name, path=None, target=None):
        if name != "botocore.loaders":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            module.Loader.CUSTOMER_DATA_PATH = str(_MODELS)

        spec.loader.exec_module = exec_module
        return spec


def _run_next_sitecustomize():
    """Another sitecustomize further down the path would have run if this one were not in front of it."""
    rest = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _Loaders())
_run_next_sitecustomize()
'''

_SDK_CONFIG = """\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


def write_client_files(layout: Layout, https_url: str) -> None:
    """(Re)write the folder; cheap enough to do at every `clary env`."""
    python, models = layout.client / "python", layout.client / "models"
    for folder in (python, models):
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(python / "sitecustomize.py", _SITECUSTOMIZE.encode())
    data = endpoint_data_with_sts_at(urlsplit(https_url).netloc)
    write_bytes(models / "endpoints.json", json.dumps(data).encode())
    write_bytes(layout.client / "ca-bundle.pem", _system_authorities() + (layout.tls / "ca.pem").read_bytes())
    write_bytes(layout.client / "sagemaker-config.yaml", _SDK_CONFIG.encode())


def _system_authorities() -> bytes:
    """The machine's own authorities, so that other HTTPS hosts keep working in that shell."""
    path = ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() + b"\n" if path and Path(path).is_file() else b""
