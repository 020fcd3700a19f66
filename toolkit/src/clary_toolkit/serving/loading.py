"""From the user's files to a model in memory: source, packages, module, `model_fn`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from clary_toolkit.archives import extract
from clary_toolkit.child import Foreground
from clary_toolkit.errors import ModelServerError
from clary_toolkit.packages import new_overlay
from clary_toolkit.serving.calls import UserCodeFailed, call
from clary_toolkit.serving.context import Context
from clary_toolkit.serving.handlers import Handler, ModelHandlers
from clary_toolkit.serving.settings import Settings


def prepare_code(settings: Settings) -> Path:
    """The folder of the user's code, importable, with its requirements installed. Before any worker exists."""
    code = _code_folder(settings)
    _make_importable(code)
    if settings.framework == "tensorflow" and (code / "lib").is_dir():
        _make_importable(code / "lib")  # where that image looks for packages, and then for no others
    elif (code / "requirements.txt").is_file():
        overlay = new_overlay()
        overlay.install(["-r", "requirements.txt"], Foreground(), code)
        _make_importable(overlay.folder)
    return code


def load_module(code: Path, program: str, algorithm: str = "", stand_in: str = "") -> ModuleType:
    """Import the user's program by its file, so that no installed module of the same name is taken instead.

    `algorithm` is the module that serves when there is no such file, `stand_in` the one when there is no file at all.
    """
    path = code / program
    if algorithm and not path.is_file():
        return importlib.import_module(algorithm)
    if not path.is_file():
        names = sorted(each.name for each in code.iterdir()) if code.is_dir() else []
        if stand_in and not names:
            print(f"clary-toolkit: the model brings no {program}: the image's own handlers serve it", flush=True)
            return importlib.import_module(stand_in)
        held = f"it holds: {', '.join(names[:20])}" if names else "it is empty"
        raise ModelServerError(f"{program} is not in the model's code folder; {held}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ModelServerError(f"{program} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    _calling(f"importing {program}", spec.loader.exec_module, module)
    return module


def load_model(handlers: ModelHandlers, model_dir: str) -> Any:
    """Call the loading functions in their order."""
    context = Context(model_dir, {})
    if handlers.pre_model_fn is not None:
        _loading(handlers.pre_model_fn, context, model_dir)
    model = _loading(handlers.model_fn, context, model_dir)
    if handlers.model_warmup_fn is not None:
        _loading(handlers.model_warmup_fn, context, model_dir, model)
    return model


def _code_folder(settings: Settings) -> Path:
    if not settings.source_archive:
        return settings.layout.model / "code"
    scratch = os.environ.get("CLARY_SCRATCH") or tempfile.mkdtemp(prefix="clary-code-")
    code = Path(scratch) / "code"
    archive = Path(settings.source_archive)
    if not archive.is_file():
        raise ModelServerError(f"the source archive {archive} has not been brought into the container")
    extract(archive, code)
    return code


def _make_importable(folder: Path) -> None:
    """For this process, the workers forked from it and programs they start."""
    sys.path.insert(0, str(folder))
    rest = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{rest}" if rest else str(folder)
    importlib.invalidate_caches()


def _loading(handler: Handler, *arguments: Any) -> Any:
    try:
        return handler(*arguments)
    except UserCodeFailed as error:
        raise _startup_error(error) from error


def _calling(stage: str, function: Any, *arguments: Any) -> Any:
    try:
        return call(stage, function, *arguments)
    except UserCodeFailed as error:
        raise _startup_error(error) from error


def _startup_error(error: UserCodeFailed) -> ModelServerError:
    error.print_traceback()
    if isinstance(error.cause, SystemExit):
        return ModelServerError(f"{error.stage} ended the process with sys.exit({error.cause.code!r})")
    text = str(error)
    if isinstance(error.cause, ModuleNotFoundError) and error.cause.name:
        text += f" (add {error.cause.name.split('.')[0]} to code/requirements.txt)"
    return ModelServerError(text)
