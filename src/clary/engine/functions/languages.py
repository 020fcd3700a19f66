"""What runs a function's runtime identifier on this machine, and what differs from what was asked for."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from functools import cache

from clary.base.errors import ApiError

# Where units look for programs; what lies elsewhere on the machine they do not see.
_SEARCH = "/usr/local/bin:/usr/bin:/bin"
_PYTHON = re.compile(r"python3\.([89]|1[0-4])")  # 3.8 is what the SageMaker SDK asks for by itself
_NODE = re.compile(r"nodejs(18|20|22|24)\.x")
SERVED = "python3.8 to python3.14 and nodejs18.x to nodejs24.x"


def check_runtime(runtime: str) -> None:
    """Raise InvalidParameterValueException unless functions of this runtime can run here."""
    if _NODE.fullmatch(runtime):
        missing = [name for name in ("node", "npm") if shutil.which(name, path=_SEARCH) is None]
        if missing:
            raise _invalid(
                f"The runtime {runtime} needs {' and '.join(missing)} on this machine (in {_SEARCH}); "
                "install Node.js and try again."
            )
    elif not _PYTHON.fullmatch(runtime):
        raise _invalid(f"The runtime {runtime} is not served by this version of Clary; it runs {SERVED}.")


def notes(runtime: str) -> list[str]:
    """For the log: which version really runs, where it is not the one that was asked for."""
    wanted = runtime.removeprefix("python").removeprefix("nodejs").removesuffix(".x")
    if runtime.startswith("python"):
        here = ".".join(platform.python_version_tuple()[:2])
        return [] if wanted == here else [f"runtime {runtime}: Python {here} runs it, the one of this installation"]
    here = node_version()
    return (
        []
        if here.split(".")[0] == wanted
        else [f"runtime {runtime}: Node.js {here} runs it, the one of this machine"]
    )


@cache
def node_version() -> str:
    """For example 20.20.2; empty when it cannot be told."""
    program = shutil.which("node", path=_SEARCH)
    if program is None:
        return ""
    result = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    return result.stdout.strip().removeprefix("v")


def _invalid(message: str) -> ApiError:
    return ApiError(message, code="InvalidParameterValueException", status=400)
