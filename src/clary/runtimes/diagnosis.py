"""Says why a unit failed: FailureReason from its end, its failure file and its last lines.

The text begins with a class that SDKs look at (AlgorithmError, ClientError, InternalServerError, CapacityError),
names the cause and what to try, and fills up with the last lines of the log. Pure but for reading the failure
file. Called by the engine.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
from collections.abc import Sequence
from pathlib import Path

from clary.base.errors import ApiError, ClaryError
from clary.runtimes.errors import RuntimeFailure
from clary.runtimes.port import Phase, UnitState

LIMIT = 1024
_MORE_IN_LOG = "The server's log has the details (logs/control.log in the data folder)."
OWN_ERROR = f"InternalServerError: an error inside Clary, not one of yours. {_MORE_IN_LOG}"
_MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([^']+)'")
_FILE = re.compile(r"(?:FileNotFoundError: (?:\[Errno 2\] )?[^':]*:? ?|can't open file )'([^']+)'")
_MEMORY = re.compile(r"^(?:\S*MemoryError\b|.*Unable to allocate .* for an array)")
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Failure|NotFound)\b(?::.*)?$")
# Exceptions that only tell of another one, whose text is further up.
_SECOND_HAND = re.compile(r".*\.ChildFailedError:|subprocess\.CalledProcessError: .*'pip', 'install'")
_RANK = re.compile(r"^\[rank\d+\]: ?")
_PIP = re.compile(r"^ERROR: (?=Could not|No matching|Cannot install|ResolutionImpossible|Failed)")
_EXIT_CODE = re.compile(r"exit ?code", re.IGNORECASE)  # of the script: the one that says more than the unit's own
_OWN = ("clary: isolation ", "clary: WARNING: ")
_CUSTOMER = "CustomerError: "  # what the built-in algorithms write when hyperparameters or data are to blame
# How the toolkit tells of the last error of a script that trains or serves; for these it installs requirements.txt.
_MODULE_OF_SCRIPT = re.compile(rf'^(?:ErrorMessage "|ModelServerError: .*?){_MODULE.pattern}', re.MULTILINE)
_TOOLKIT = "clary-toolkit: "
# What the scripts that version 3 of the SDK runs a job by write to the failure file, whatever happened, and what they
# leave behind the last line of the user's program.
_SAYS_NOTHING = re.compile(
    r"Training Execution failed\. For more details, see CloudWatch logs"
    r"|Traceback [^\n]*\n *File \"[^\n\"]*/sm_drivers/"
)
_WRAPPED = re.compile(
    r"Command failed with exit code \d+\. Traceback: |E\d{4} .*/elastic/multiprocessing/api\.py:\d+\] failed"
)
_NO_MPI = re.compile(r"No module named 'paramiko'|No such file or directory: 'mpirun'")
_TRACE = re.compile(r"\++ |An error occurred with exit code \d+$|TrainingJob - \S+'$")
_MORE_MEMORY = "Use a larger instance type, or raise CLARY_MAX_UNIT_MEMORY_MB if it is set."


def failure_reason(state: UnitState, last_lines: Sequence[str], opt_ml: Path | None = None) -> str:
    """FailureReason of a unit that ended badly, at most 1024 characters."""
    lines = [line for line in last_lines if line.strip() and not line.startswith(_OWN)]
    failure = read_failure_file(opt_ml) if opt_ml is not None else ""
    trainer = _SAYS_NOTHING.match(failure) is not None
    if trainer:
        failure, lines = "", _of_the_program(lines)
    head = _head(state, lines, failure, trainer=trainer)
    return _fill(head, [] if failure else lines)


def _of_the_program(lines: Sequence[str]) -> list[str]:
    """Without what the SDK's own scripts and the launcher say."""
    wrapped = next((place for place, line in enumerate(lines) if _WRAPPED.match(line)), len(lines))
    return [line for line in lines[:wrapped] if not _TRACE.match(line)]


def explain(error: Exception) -> str:
    """FailureReason when a unit could not be started, or its output not be stored.

    Errors that nobody raised for a reader say nothing of themselves here: their text may name paths and internals.
    """
    if isinstance(error, RuntimeFailure):
        return error.reason
    if isinstance(error, ApiError):
        blame = "ClientError" if error.status < 500 else "InternalServerError"
        return f"{blame}: {error.message}"[:LIMIT]
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "InternalServerError: the disk of the machine is full. Free some space and start the job again."
    if isinstance(error, OSError) and error.strerror:
        return f"InternalServerError: the machine refused ({error.strerror}). {_MORE_IN_LOG}"
    if isinstance(error, ClaryError):
        return f"InternalServerError: {str(error) or type(error).__name__}"[:LIMIT]
    return OWN_ERROR


def read_failure_file(opt_ml: Path) -> str:
    """What the job says itself in output/failure; links are not followed out of the job's folder."""
    if (opt_ml / "output").is_symlink():
        return ""
    try:
        descriptor = os.open(opt_ml / "output" / "failure", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return file.read(4 * LIMIT).decode("utf-8", "replace").strip()[:LIMIT]


def _head(state: UnitState, lines: Sequence[str], failure: str, *, trainer: bool) -> str:
    known = _known_end(state)
    if known:
        return known
    if failure.startswith(_CUSTOMER):
        return f"ClientError: {failure[len(_CUSTOMER) :]}, {_code(state)}"
    if failure:
        return _told(failure, "" if _EXIT_CODE.search(failure) else f", {_code(state)}")
    if state.exit_code == 0:
        return (
            f"AlgorithmError: the server ended by itself, {_code(state)}. It must go on running to answer requests."
        )
    cause, advice = _cause(lines, trainer=trainer)
    if not cause and (state.exit_code or 0) > 128:
        cause, advice = _signalled((state.exit_code or 0) - 128)
    return f"AlgorithmError: {cause or 'the process failed'}, {_code(state)}.{' ' + advice if advice else ''}"


def _told(failure: str, code: str) -> str:
    """What the job says itself. A script's missing module comes with advice, for which the text makes room."""
    found = _MODULE_OF_SCRIPT.search(failure)
    advice = f"\n{_advice_on_module(found[1], script=True)}" if found else ""
    room = LIMIT - len("AlgorithmError: ") - len(code) - len(advice)
    return f"AlgorithmError: {failure[:room] if advice else failure}{code}{advice}"


def _known_end(state: UnitState) -> str:
    """What the runtime itself knows, whatever the log says."""
    code = _code(state)
    if state.phase == Phase.LOST:
        return (
            "InternalServerError: the process that watched the job was killed, and the job with it (the machine "
            "may have been restarted or have run out of memory). Start it again."
        )
    if state.out_of_memory or state.out_of_space:
        return _over_limit(state, code)
    if state.stopped_by == "deadline":
        return f"AlgorithmError: the job ran longer than MaxRuntimeInSeconds allows and was stopped, {code}."
    if state.exit_code == 125:
        return f"InternalServerError: the job could not be isolated from the machine, {code}. Try `clary doctor`."
    if state.exit_code in (126, 127):
        return f"ClientError: the program of the job cannot be run, {code}. Check the entry point."
    return ""


def _over_limit(state: UnitState, code: str) -> str:
    if state.out_of_memory:
        return f"AlgorithmError: out of memory: the job used more than it may and was killed, {code}. {_MORE_MEMORY}"
    return (
        "ClientError: No space left on device: the job wrote more than VolumeSizeInGB allows and was killed, "
        f"{code}. Raise VolumeSizeInGB (volume_size in the SDK), or write less to /opt/ml and /tmp."
    )


def _cause(lines: Sequence[str], *, trainer: bool) -> tuple[str, str]:
    """(what went wrong, what to try) from the last exception in the log."""
    if trainer and any(_NO_MPI.search(line) for line in lines):
        return "distribution by MPI is not served", "Torchrun() in place of MPI() is."
    for line in reversed(lines):
        if found := _MODULE.search(line):
            script = any(each.startswith(_TOOLKIT) for each in lines)
            advice = _advice_on_module(found[1], script=script, trainer=trainer)
            return f"the module {found[1]} is missing (ModuleNotFoundError)", advice
        if found := _FILE.search(line):
            return f"the file {found[1]} is missing (FileNotFoundError)", _advice_on_file(found[1])
        if _MEMORY.match(line):
            return f"out of memory ({line.strip()[:200]})", _MORE_MEMORY
        if told := _told_by(line):
            return told, ""
    return "", ""


def _told_by(line: str) -> str:
    """What an exception says, or pip when it gives up; empty for any other line."""
    if found := _PIP.match(line):
        return f"pip: {line[found.end() :].strip()[:400]}"
    raised = _RANK.sub("", line)
    return raised.strip()[:400] if _EXCEPTION.match(raised) and not _SECOND_HAND.match(raised) else ""


def _advice_on_module(module: str, *, script: bool, trainer: bool = False) -> str:
    """`script`: one that trains or serves. A command of the user's own installs itself what it needs."""
    package = module.partition(".")[0]
    if trainer:
        return f"Put the package that provides {package} in the file that SourceCode(requirements=...) names."
    if script:
        return f"Put the package that provides {package} in requirements.txt beside the script."
    return f"Choose an image whose environment has {package}, or let the program install it before."


def _advice_on_file(path: str) -> str:
    found = re.match(r"/opt/ml/input/data/([^/]+)", path)
    if found:
        return f"Check that the channel {found[1]} exists and what its S3Uri holds."
    if path.startswith("/opt/ml/model"):
        return "Check what model.tar.gz holds: its files must lie at the top, not in a folder of their own."
    return "Check the path and what the code archive holds."


def _signalled(number: int) -> tuple[str, str]:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number == signal.SIGKILL:
        return "the process was killed (SIGKILL), not by Clary, and no lack of memory was seen", ""
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT):
        advice = "Native code crashed: check that the packages in requirements.txt fit to each other."
        return f"the process crashed ({name})", advice
    return f"the process was ended by {name}", ""


def _code(state: UnitState) -> str:
    return f"exit code: {'unknown' if state.exit_code is None else state.exit_code}"


def _fill(head: str, lines: Sequence[str]) -> str:
    """As many of the last lines as there is room for; the last one may be cut."""
    text = head[:LIMIT]
    label = " Last lines of the log:"
    room = LIMIT - len(text) - len(label)
    kept: list[str] = []
    for line in reversed(lines):
        if room < 40:
            break
        kept.insert(0, line.rstrip()[: room - 1])
        room -= len(kept[0]) + 1
    return text + (label + "".join(f"\n{line}" for line in kept) if kept else "")
