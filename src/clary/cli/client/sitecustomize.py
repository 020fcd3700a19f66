"""Runs first in every Python of a shell that `clary env` prepared, and changes some modules of the SDKs as they load.

`clary env` copies this file into a folder of its own on PYTHONPATH; nothing imports it from here. It waits for the
modules, so that a program without them pays nothing, and uses the standard library only.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
_PAUSE = 0.5


def _find_sts_here(loaders: ModuleType) -> None:
    """Both SDKs take the address of STS from botocore's endpoint data; the folder beside this one has another."""
    loaders.__dict__["Loader"].CUSTOMER_DATA_PATH = str(_HERE.parent / "models")


def _keep_telemetry_home(telemetry: ModuleType) -> None:
    """The SDKs report each call to a bucket of AWS. Their own switch for that, a configuration file, makes the SDK
    check the file's whole schema some sixty times while it builds a pipeline: a third of a second each.
    """
    telemetry.__dict__["_send_telemetry_request"] = lambda *_args, **_keywords: None


def _look_soon(session: ModuleType) -> None:
    """The SDKs sleep 5 to 30 seconds before each look at an endpoint or a job, the first one too. A look costs
    nothing here, and the first one is answered when there is something to tell.
    """
    names = session.__dict__
    wait = names.get("_wait_until")
    if wait is not None:
        names["_wait_until"] = lambda look, poll=5: wait(look, min(poll, _PAUSE))
    trained = names.get("_wait_until_training_done")
    if trained is not None:
        names["_wait_until_training_done"] = lambda look, known, poll=5: trained(look, known, min(poll, _PAUSE))
    if "EP_LOGGER_POLL" in names:
        names["EP_LOGGER_POLL"] = _PAUSE


def _forget_legacy_addresses(names: ModuleType) -> None:
    """Version 1 of the AWS CLI sends `aws sqs` to a host of AWS whatever AWS_ENDPOINT_URL says."""
    names.__dict__.get("SSL_COMMON_NAMES", {}).clear()


_CHANGES: dict[str, Callable[[ModuleType], None]] = {
    "botocore.loaders": _find_sts_here,
    "awscli.customizations.overridesslcommonname": _forget_legacy_addresses,
    "sagemaker.telemetry.telemetry_logging": _keep_telemetry_home,  # SDK v2
    "sagemaker.session": _look_soon,
    "sagemaker.core.telemetry.telemetry_logging": _keep_telemetry_home,  # SDK v3
    "sagemaker.core.helper.session_helper": _look_soon,
    "sagemaker.core.common_utils": _look_soon,
}


class _Watch(importlib.abc.MetaPathFinder):
    """Finds nothing itself: lets the others find a module and changes it once it is loaded."""

    def __init__(self) -> None:
        self._waiting = dict(_CHANGES)

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        change = self._waiting.pop(fullname, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            change(module)

        spec.loader.__dict__["exec_module"] = exec_module
        return spec


def _run_next_sitecustomize() -> None:
    """Another sitecustomize further down the path would have run if this one were not in front of it."""
    rest = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _Watch())
_run_next_sitecustomize()
