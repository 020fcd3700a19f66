"""Where the requirements.txt of a job or model server lies, and the layer that has its packages already.

The toolkit installs what it finds in that very file, unless the variable names the file's content: then all of it is
on the module search path from the start. Called when everything else of a unit is staged.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from clary.engine.surroundings import Surroundings
from clary.runtimes import archives
from clary.runtimes.archives import ArchiveLimits
from clary.runtimes.errors import ArchiveError
from clary.runtimes.port import UnitSpec
from clary.runtimes.process import LOG_NOTES
from clary.runtimes.requirements import LONGEST, plain_lines, tell_sources

VARIABLE = "CLARY_REQUIREMENTS"
FILE = "requirements.txt"
# Sources are small; what lies behind so much data is left to the job.
_LIMITS = ArchiveLimits(total_bytes=64 * 1024**2)


def with_packages(around: Surroundings, spec: UnitSpec, source: Path | None, folder: Path | None = None) -> UnitSpec:
    """The unit with a layer of packages, where there is one. `source` is the archive that the toolkit unpacks,
    `folder` the code that lies there already."""
    spec = replace(spec, variables={name: value for name, value in spec.variables.items() if name != VARIABLE})
    content = _content(source, folder)
    if around.layers is None or content is None or spec.front or not spec.network or tell_sources(spec.variables):
        return spec
    lines = plain_lines(content)
    layer = around.layers.find(spec.environment, lines) if lines else None
    if layer is None:
        return spec
    told = (
        f"{FILE}: {', '.join(layer.packages) or 'nothing'} beside the environment, as of {layer.asked_at:%F %R} UTC"
    )
    notes = "\n".join(filter(None, (spec.variables.get(LOG_NOTES), told)))
    variables = {**spec.variables, LOG_NOTES: notes, VARIABLE: hashlib.sha256(content).hexdigest()}
    return replace(spec, front=layer.path, variables=variables)


def with_packages_of_model(around: Surroundings, spec: UnitSpec) -> UnitSpec:
    """The same for a model server: its code came as an archive of its own, or inside of the model."""
    source = spec.opt_ml / "input" / "source" / "sourcedir.tar.gz"
    return with_packages(around, spec, source if source.is_file() else None, spec.opt_ml / "model" / "code")


def _content(source: Path | None, folder: Path | None) -> bytes | None:
    try:
        if source is not None:
            return archives.read_file(source, FILE, LONGEST, _LIMITS)
        path = folder / FILE if folder is not None else None
        if path is None or path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST:
            return None
        return path.read_bytes()
    except (ArchiveError, OSError):
        return None  # the toolkit meets the same, and says so
