"""Where the requirements.txt of a job or model server lies, and the layer that has its packages already.

Only where the toolkit or the SDK's own script will install that file, or else packages would come that nobody has
asked for. The toolkit installs nothing when the variable names the content of its file: then all of it is on the
module search path from the start. Called when everything else of a unit is staged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.engine.surroundings import Surroundings
from clary.runtimes import archives
from clary.runtimes.archives import ArchiveLimits
from clary.runtimes.errors import ArchiveError
from clary.runtimes.layers import Layer
from clary.runtimes.port import UnitSpec
from clary.runtimes.process import LOG_NOTES
from clary.runtimes.requirements import LONGEST, plain_lines, tell_sources

VARIABLE = "CLARY_REQUIREMENTS"
FILE = "requirements.txt"
ARCHIVE = "sourcedir.tar.gz"
_INSTALLS = re.compile(rb"install\S{0,40} (?:-r )?requirements\.txt(?:\s|$)")
_SHOWN = 30
# Sources are small; what lies behind so much data is left to the job.
_LIMITS = ArchiveLimits(total_bytes=64 * 1024**2)


def with_packages_of_training(
    around: Surroundings, spec: UnitSpec, request: Mapping[str, Any], archive: Path | None
) -> UnitSpec:
    """The unit with a layer of packages, where there is one. `archive` is what the toolkit unpacks."""
    if request["AlgorithmSpecification"].get("ContainerEntrypoint"):
        data = spec.opt_ml / "input" / "data"
        return _with_layer(
            around, spec, _read(data / "code") if _installs(data / "sm_drivers" / "sm_train.sh") else None
        )
    named = (request.get("HyperParameters") or {}).get("sagemaker_program")
    program = named or spec.variables.get("SAGEMAKER_PROGRAM")
    by_python = str(program).strip('"').endswith(".py")  # for other programs nothing is installed
    return _with_layer(around, spec, _read_packed(archive) if archive and by_python else None)


def with_packages_of_processing(around: Surroundings, spec: UnitSpec) -> UnitSpec:
    """The same for the script of the SDK's FrameworkProcessor, which unpacks the source."""
    place = spec.opt_ml / "processing" / "input"
    archive = place / "code" / ARCHIVE
    installs = _installs(place / "entrypoint" / "runproc.sh") and archive.is_file()
    return _with_layer(around, spec, _read_packed(archive) if installs else None)


def with_packages_of_model(around: Surroundings, spec: UnitSpec) -> UnitSpec:
    """The same for a model server: its code came as an archive of its own, or inside of the model."""
    archive, code = spec.opt_ml / "input" / "source" / ARCHIVE, spec.opt_ml / "model" / "code"
    if spec.variables.get("CLARY_FRAMEWORK") == "tensorflow" and (archive.is_file() or (code / "lib").is_dir()):
        return _with_layer(around, spec, None)  # packages in `lib` stand in place of the file
    return _with_layer(around, spec, _read_packed(archive) if archive.is_file() else _read(code))


def _with_layer(around: Surroundings, spec: UnitSpec, content: bytes | None) -> UnitSpec:
    spec = replace(spec, variables={name: value for name, value in spec.variables.items() if name != VARIABLE})
    if around.layers is None or content is None or spec.front or not spec.network or tell_sources(spec.variables):
        return spec
    lines = plain_lines(content)
    layer = around.layers.find(spec.environment, lines) if lines else None
    if layer is None:
        return spec
    notes = "\n".join(filter(None, (spec.variables.get(LOG_NOTES), _told(layer))))
    variables = {**spec.variables, LOG_NOTES: notes, VARIABLE: hashlib.sha256(content).hexdigest()}
    return replace(spec, front=layer.path, variables=variables)


def _told(layer: Layer) -> str:
    shown = ", ".join(layer.packages[:_SHOWN]) or "nothing"
    more = f" and {len(layer.packages) - _SHOWN} more" if len(layer.packages) > _SHOWN else ""
    return f"{FILE}: {shown}{more} beside the environment, as of {layer.asked_at:%F %R} UTC"


def _installs(script: Path) -> bool:
    content = _read(script.parent, script.name)
    return content is not None and _INSTALLS.search(content) is not None


def _read_packed(archive: Path) -> bytes | None:
    try:
        return archives.read_file(archive, FILE, LONGEST, _LIMITS)
    except (ArchiveError, OSError):
        return None  # the toolkit meets the same, and says so


def _read(folder: Path, name: str = FILE) -> bytes | None:
    path = folder / name
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST:
        return None
    return path.read_bytes()
