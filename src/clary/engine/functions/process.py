"""One process of a function as a unit of the runtime: its code unpacked, its variables, its limits."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.base import ids
from clary.base.errors import ApiError
from clary.engine.functions.languages import notes
from clary.engine.surroundings import Surroundings
from clary.engine.units import unit_id
from clary.engine.variables import platform_variables
from clary.runtimes import zip_archives
from clary.runtimes.errors import ArchiveError
from clary.runtimes.port import Limits, UnitSpec
from clary.runtimes.process import LOG_NOTES
from clary.store import contents
from clary.store.blobs import BlobMissing
from clary.store.functions import CodeReplaced, FunctionCall
from clary.store.resources import Resource

LETTER = "f"
ROOT = "/opt/ml/function"
_HOST_MEMORY = 96 * 1024**2  # what is beside the function in its unit
_MEMORY_PER_PROCESSOR = 1769
_GRACE_SECONDS = 2.0


@dataclass(slots=True)
class Process:
    """`key` is function, version and revision: calls of the same key may be served by the same process.

    `busy`, `retired` and `used_at` (monotonic) belong to the fleet and change under its lock.
    """

    unit: str
    key: tuple[int, str, str]
    function: Resource
    socket: Path
    group: str
    stream: str
    busy: bool = True
    retired: bool = False
    used_at: float = 0.0


def new_process(around: Surroundings, call: FunctionCall) -> Process:
    """A name and a log stream; nothing is started yet."""
    token = ids.short_id(32)
    unit = unit_id(LETTER, call.function.id, call.revision[:8], token[:8])
    day = around.clock.now().strftime("%Y/%m/%d")
    logging = call.document["configuration"].get("LoggingConfig") or {}
    return Process(
        unit=unit,
        key=(call.function.id, call.version, call.revision),
        function=call.function,
        socket=around.settings.layout.unit_socket(unit),
        group=logging.get("LogGroup") or f"/aws/lambda/{call.function.name}",
        stream=f"{day}/[{call.version}]{token}",
    )


def start(around: Surroundings, process: Process, call: FunctionCall) -> None:
    """Unpack and launch. Raises ApiError for archives that cannot be unpacked, RuntimeFailure and OSError."""
    configuration = call.document["configuration"]
    environment = around.environments.prepare_functions()
    opt_ml = around.runtime.unit_folder(process.unit) / "opt-ml"
    _unpack(around, call, opt_ml)
    memory = configuration["MemorySize"]
    around.runtime.launch(
        UnitSpec(
            unit_id=process.unit,
            argv=["python", "-m", "clary_toolkit", "function"],
            variables=_variables(around, process, call),
            environment=environment.path,
            opt_ml=opt_ml,
            working_directory=ROOT,
            socket=process.socket,
            limits=Limits(
                memory_bytes=memory * 1024**2 + _HOST_MEMORY,
                cpus=max(1, math.ceil(memory / _MEMORY_PER_PROCESSOR)),
                grace_seconds=_GRACE_SECONDS,
            ),
        )
    )


def _unpack(around: Surroundings, call: FunctionCall, opt_ml: Path) -> None:
    shutil.rmtree(opt_ml, ignore_errors=True)
    opt_ml.mkdir(parents=True)
    with around.database.read() as tx:
        extents = contents.extents(tx, call.document["code"]["content"])
    archive = opt_ml / "code.zip"
    if not extents:
        raise CodeReplaced(f"The code of {call.arn} has been replaced.")
    try:
        around.blobs.export(extents, archive)
        zip_archives.extract(archive, opt_ml / "function")
    except BlobMissing as error:
        raise CodeReplaced(f"The code of {call.arn} has been replaced.") from error
    except ArchiveError as error:
        raise ApiError(str(error), code="InvalidZipFileException", status=502) from error
    finally:
        archive.unlink(missing_ok=True)


def _variables(around: Surroundings, process: Process, call: FunctionCall) -> dict[str, str]:
    configuration: dict[str, Any] = call.document["configuration"]
    runtime, role = configuration["Runtime"], configuration["Role"]
    return {
        **platform_variables(around, process.unit, call.function.region, role),
        **(configuration.get("Environment") or {}).get("Variables", {}),
        LOG_NOTES: "\n".join(notes(runtime)),
        "CLARY_FUNCTION_RUNTIME": runtime,
        "_HANDLER": configuration["Handler"],
        "LAMBDA_TASK_ROOT": ROOT,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": call.function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": call.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": process.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": process.stream,
        "TZ": configuration.get("Environment", {}).get("Variables", {}).get("TZ", ":UTC"),
    }
