"""FailureReason, row by row: how a unit ended -> what the user reads."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from clary.base.errors import AccessDenied, ApiError, ConfigurationError, ValidationException
from clary.runtimes.diagnosis import explain, failure_reason
from clary.runtimes.errors import ArchiveError, InsufficientCapacity
from clary.runtimes.port import Phase, UnitState


def ended(code: int = 1, signal: int | None = None, **changes: object) -> UnitState:
    return UnitState("u", Phase.EXITED, exit_code=code, signal=signal, **changes)  # type: ignore[arg-type] # as given


TRACEBACK = ["Traceback (most recent call last):", '  File "/opt/ml/code/train.py", line 3, in <module>']

ROWS = {
    "module": (
        ended(),
        [*TRACEBACK, "    import seaborn.colors", "ModuleNotFoundError: No module named 'seaborn.colors'"],
        "AlgorithmError: the module seaborn.colors is missing (ModuleNotFoundError), exit code: 1. "
        "Choose an image whose environment has seaborn, or let the program install it before. Last",
    ),
    "module of a script that serves": (
        ended(),
        [
            "clary-toolkit: the model server could not start: importing inference.py raised "
            "ModuleNotFoundError: No module named 'a'"
        ],
        "AlgorithmError: the module a is missing (ModuleNotFoundError), exit code: 1. "
        "Put the package that provides a in requirements.txt beside the script. Last lines of the log:\n",
    ),
    "file in a channel": (
        ended(),
        ["FileNotFoundError: [Errno 2] No such file or directory: '/opt/ml/input/data/train/x.csv'"],
        "AlgorithmError: the file /opt/ml/input/data/train/x.csv is missing (FileNotFoundError), exit code: 1. "
        "Check that the channel train exists and what its S3Uri holds.",
    ),
    "file of the model": (
        ended(),
        ["FileNotFoundError: [Errno 2] No such file or directory: '/opt/ml/model/model.joblib'"],
        "AlgorithmError: the file /opt/ml/model/model.joblib is missing (FileNotFoundError), exit code: 1. "
        "Check what model.tar.gz holds",
    ),
    "script": (
        ended(2),
        ["/opt/clary/bin/python: can't open file '/opt/ml/code/nope.py': [Errno 2] No such file or directory"],
        "AlgorithmError: the file /opt/ml/code/nope.py is missing (FileNotFoundError), exit code: 2. Check the path",
    ),
    "exception": (
        ended(),
        [*TRACEBACK, "ValueError: could not convert string to float: 'x'", "(logged afterwards)"],
        "AlgorithmError: ValueError: could not convert string to float: 'x', exit code: 1. Last lines",
    ),
    "exception with a module": (
        ended(),
        ["sklearn.exceptions.NotFittedError: This model is not fitted yet."],
        "AlgorithmError: sklearn.exceptions.NotFittedError: This model is not fitted yet., exit code: 1.",
    ),
    "the last exception counts": (
        ended(),
        ["ModuleNotFoundError: No module named 'optional'", "carrying on", "KeyError: 'label'"],
        "AlgorithmError: KeyError: 'label', exit code: 1.",
    ),
    "no words": (ended(5), [], "AlgorithmError: the process failed, exit code: 5."),
    "killed for memory": (
        ended(137, 9, out_of_memory=True),
        ["loading"],
        "AlgorithmError: out of memory: the job used more than it may and was killed, exit code: 137. "
        "Use a larger instance type",
    ),
    "memory refused": (
        ended(),
        ["numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.5 TiB for an array with shape (1000000,)"],
        "AlgorithmError: out of memory (numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.5 TiB",
    ),
    "killed from outside": (
        ended(137, 9),
        ["epoch 1"],
        "AlgorithmError: the process was killed (SIGKILL), not by Clary, and no lack of memory was seen, exit",
    ),
    "a child of the shell was killed": (
        ended(137),
        ["Killed"],
        "AlgorithmError: the process was killed (SIGKILL)",
    ),
    "crashed": (
        ended(139, 11),
        [],
        "AlgorithmError: the process crashed (SIGSEGV), exit code: 139. Native code crashed",
    ),
    "ended by a signal": (ended(143, 15), [], "AlgorithmError: the process was ended by SIGTERM, exit code: 143."),
    "deadline": (
        ended(143, 15, stopped_by="deadline"),
        [],
        "AlgorithmError: the job ran longer than MaxRuntimeInSeconds allows and was stopped, exit code: 143.",
    ),
    "no such program": (
        ended(127),
        ["clary: cannot start train: [Errno 2] No such file or directory"],
        "ClientError: the program of the job cannot be run, exit code: 127. Check the entry point.",
    ),
    "no isolation": (
        ended(125),
        ["bwrap: Can't bind mount"],
        "InternalServerError: the job could not be isolated from the machine, exit code: 125. Try `clary doctor`.",
    ),
    "a server that went away": (ended(0), ["bye"], "AlgorithmError: the server ended by itself, exit code: 0."),
    "lost": (
        UnitState("u", Phase.LOST),
        ["epoch 7"],
        "InternalServerError: the process that watched the job was killed",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_reasons(name: str) -> None:
    state, lines, expected = ROWS[name]
    reason = failure_reason(state, lines)
    assert reason.startswith(expected)
    assert len(reason) <= 1024
    for line in lines:
        assert line in reason


def test_the_last_lines_fill_the_room(tmp_path: Path) -> None:
    lines = [f"line {i} {'x' * 90}" for i in range(100)]
    reason = failure_reason(ended(), lines, tmp_path)
    assert 800 < len(reason) <= 1024
    assert reason.endswith("\n".join(lines[-8:]))
    assert "line 50 " not in reason


def test_a_single_long_line_is_cut() -> None:
    reason = failure_reason(ended(), ["y" * 5000])
    assert len(reason) == 1024


def test_clarys_own_lines_do_not_take_the_room() -> None:
    lines = ["clary: isolation plain, python 3.11.7", "clary: WARNING: jobs run without", "the reason"]
    assert failure_reason(ended(), lines).endswith("Last lines of the log:\nthe reason")


def test_what_the_job_says_itself_comes_first(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("no convergence after 100 steps")
    reason = failure_reason(ended(), ["Traceback", "ValueError: x"], tmp_path)
    assert reason == "AlgorithmError: no convergence after 100 steps, exit code: 1"
    (tmp_path / "output" / "failure").write_text("z" * 5000)
    assert len(failure_reason(ended(), [], tmp_path)) == 1024
    assert "out of memory" in failure_reason(ended(137, 9, out_of_memory=True), [], tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "ExecuteUserScriptError: ExitCode 1\n"
        "ErrorMessage \"ModuleNotFoundError: No module named 'sea.born'\"\nCommand x",
        "ModelServerError: importing inference.py raised ModuleNotFoundError: No module named 'sea.born'",
    ],
)
def test_a_module_that_a_script_misses_comes_with_advice(tmp_path: Path, text: str) -> None:
    (tmp_path / "output").mkdir()
    for more in ("", "\n" + "x" * 2000):
        (tmp_path / "output" / "failure").write_text(text + more)
        reason = failure_reason(ended(), [], tmp_path)
        assert reason.startswith(f"AlgorithmError: {text}")
        assert reason.endswith("\nPut the package that provides sea in requirements.txt beside the script.")
        assert len(reason) <= 1024


def test_a_module_that_was_not_the_last_error_brings_no_advice(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    text = (
        "ExecuteUserScriptError: ExitCode 1\nErrorMessage \"KeyError: 'x'\"\nModuleNotFoundError: No module named 'a'"
    )
    (tmp_path / "output" / "failure").write_text(text)
    assert "requirements.txt" not in failure_reason(ended(), [], tmp_path)


def test_what_the_script_of_version_3_says_of_every_failure_is_no_reason(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text(
        "Training Execution failed. For more details, see CloudWatch logs at 'aws/sagemaker/TrainingJobs'.\n"
        "TrainingJob - j\n"
    )
    trace = [
        "+++ handle_error",
        "An error occurred with exit code 1",
        "+++ echo 'Training Execution failed.",
        "TrainingJob - j'",
        "+++ exit 1",
    ]
    missing = [*TRACEBACK, "ModuleNotFoundError: No module named 'seaborn'"]
    reason = failure_reason(ended(), [*missing, *trace], tmp_path)
    assert reason.startswith("AlgorithmError: the module seaborn is missing (ModuleNotFoundError), exit code: 1. Put")
    assert "SourceCode(requirements=...)" in reason
    assert reason.endswith("\n".join(missing))
    reason = failure_reason(ended(), ["ModuleNotFoundError: No module named 'paramiko'", *trace], tmp_path)
    assert reason.startswith("AlgorithmError: distribution by MPI is not served, exit code: 1. Torchrun()")


def test_what_version_3_says_of_its_own_launchers_is_no_reason(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    wrapped = [
        '  File "/opt/ml/input/data/sm_drivers/common/utils.py", line 193, in execute_commands',
        "    raise subprocess.CalledProcessError(exitcode, commands)",
        "subprocess.CalledProcessError: Command '['torchrun', 'train.py']' returned non-zero exit status 1.",
    ]
    head = "Traceback (most recent call last):"
    (tmp_path / "output" / "failure").write_text("\n".join([head, *wrapped]))
    after = [f"Command failed with exit code 1. Traceback: {head}", *wrapped, "+++ handle_error"]
    launcher = [
        "E1121 17:12:16.427000 14 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1)",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:",
    ]
    for own in (["ValueError: no label"], ["[rank0]: ValueError: no label", *launcher]):
        reason = failure_reason(ended(), [*TRACEBACK, *own, *after], tmp_path)
        assert reason.startswith("AlgorithmError: ValueError: no label, exit code: 1. Last lines")
        assert reason.endswith(f"\n{own[0]}")


def test_why_pip_failed_is_what_pip_says() -> None:
    called = "subprocess.CalledProcessError: Command '['python', '-m', 'pip', 'install', '-r', 'r.txt']' returned ..."
    lines = [
        "ERROR: Could not find a version ...",
        "ERROR: No matching distribution found for a==9",
        *TRACEBACK,
        called,
    ]
    reason = failure_reason(ended(), lines)
    assert reason.startswith("AlgorithmError: pip: No matching distribution found for a==9, exit code: 1. Last lines")


def test_a_failure_file_that_is_a_trap(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    output = tmp_path / "opt-ml" / "output"
    output.mkdir(parents=True)
    (output / "failure").symlink_to(tmp_path / "secret")
    assert "secret" not in failure_reason(ended(), [], tmp_path / "opt-ml")
    (output / "failure").unlink()
    os.mkfifo(output / "failure")
    assert failure_reason(ended(), [], tmp_path / "opt-ml").startswith("AlgorithmError: the process failed")
    (output / "failure").unlink()
    (output / "failure").write_bytes(b"caf\xff")
    assert "caf\ufffd" in failure_reason(ended(), [], tmp_path / "opt-ml")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            ArchiveError("names with .. are not accepted", "../x"),
            "ClientError: archive member '../x': names with .. are",
        ),
        (InsufficientCapacity("no GPU"), "CapacityError: no GPU"),
        (AccessDenied("not allowed to read"), "ClientError: not allowed to read"),
        (ValidationException("no role"), "ClientError: no role"),
        (ApiError("ours"), "InternalServerError: ours"),
        (OSError(errno.ENOSPC, "No space left on device"), "InternalServerError: the disk of the machine is full."),
        (OSError(errno.EIO, "Input/output error"), "InternalServerError: the machine refused (Input/output error)."),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), "InternalServerError: the machine refused"),
        (KeyError("/srv/clary/x"), "InternalServerError: an error inside Clary"),
        (ConfigurationError(""), "InternalServerError: ConfigurationError"),
    ],
)
def test_why_a_unit_could_not_start(error: Exception, expected: str) -> None:
    assert explain(error).startswith(expected)
    assert len(explain(error)) <= 1024
    assert "/srv" not in explain(error)
