"""The train command from start to exit code: configuration, source, packages, variables, the user's program."""

from __future__ import annotations

import importlib
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence

from clary_toolkit.child import Foreground, Result
from clary_toolkit.errors import ExecuteUserScriptError, ModeNotServed, ToolkitError, UserError
from clary_toolkit.layout import OptMl
from clary_toolkit.outcome import write_failure, write_success
from clary_toolkit.packages import Overlay, new_overlay
from clary_toolkit.pip import pip_variables
from clary_toolkit.training import tensorflow
from clary_toolkit.training.arguments import command_arguments
from clary_toolkit.training.configuration import TrainingConfiguration, read_configuration
from clary_toolkit.training.machine import this_machine
from clary_toolkit.training.source import (
    Kind,
    command_line,
    entry_kind,
    make_executable,
    packages_of,
    stage_source,
)
from clary_toolkit.training.torchrun import Launch, chosen_launch
from clary_toolkit.training.traceback_text import error_message, last_traceback, without_launcher
from clary_toolkit.training.variables import Machine, Program, script_variables

COMMAND_SHOWN = 250
# What trains when the request names no entry point. Imported by name: only these jobs need it.
ALGORITHMS = {"xgboost": "clary_toolkit.algorithms.xgboost_training"}
# What trains whatever the request names.
WITHOUT_SCRIPTS = {
    "kmeans": "clary_toolkit.algorithms.kmeans",
    "linear-learner": "clary_toolkit.algorithms.linear_learner",
    "pca": "clary_toolkit.algorithms.pca",
    "knn": "clary_toolkit.algorithms.knn",
    "randomcutforest": "clary_toolkit.algorithms.random_cut_forest",
}


def main(arguments: Sequence[str]) -> int:
    layout = OptMl.from_variables(os.environ)
    foreground = Foreground()
    foreground.take_signals()
    try:
        result = train(layout, foreground)
    except ToolkitError as error:
        print(f"clary-toolkit: {type(error).__name__}: {error.message}", file=sys.stderr, flush=True)
        if not foreground.stopping:
            write_failure(layout.failure, error)
        return 128 + signal.SIGTERM if foreground.stopping else error.exit_code
    except OSError as error:
        traceback.print_exc()
        write_failure(layout.failure, ToolkitError(f"{type(error).__name__}: {error}"))
        return error.errno or 1
    if result.returncode == 0:
        write_success(layout.success)
    # A program that was told to stop has not failed, whatever it makes of the signal.
    return 128 - result.returncode if result.returncode < 0 else result.returncode


def train(layout: OptMl, foreground: Foreground) -> Result:
    """Run the user's program. Raises ToolkitError unless it ended well or was told to stop."""
    configuration = read_configuration(layout)
    framework = os.environ.get("CLARY_FRAMEWORK", "")
    algorithm = WITHOUT_SCRIPTS.get(framework) or ("" if _entry_point(configuration) else ALGORITHMS.get(framework))
    if algorithm:
        importlib.import_module(algorithm).train(configuration, layout, foreground)
        return Result(0, "")
    if framework == tensorflow.FRAMEWORK:
        return _train_tensorflow(tensorflow.adapted(configuration), layout, foreground)
    return _train_script(configuration, {}, layout, foreground)


def _train_tensorflow(configuration: TrainingConfiguration, layout: OptMl, foreground: Foreground) -> Result:
    cluster = tensorflow.cluster_of(configuration)
    own = tensorflow.cluster_variables(cluster)
    with tensorflow.parameter_server(cluster, os.environ, foreground):
        result = _train_script(configuration, own, layout, foreground)
    if result.returncode == 0 and configuration.host == configuration.first_host:  # the others need not have one
        tensorflow.tell_of_model(layout)
    return result


def _train_script(
    configuration: TrainingConfiguration, own: Mapping[str, str], layout: OptMl, foreground: Foreground
) -> Result:
    """`own` are variables of the framework's."""
    program = _program(configuration, layout)
    for folder in (layout.model, layout.output_data, layout.output_intermediate):
        folder.mkdir(parents=True, exist_ok=True)
    stage_source(layout.code, os.environ.get("CLARY_SOURCE_ARCHIVE", ""), program.source)
    kind = entry_kind(layout.code, program)
    machine = this_machine()
    launch = chosen_launch(configuration, os.environ.get("CLARY_FRAMEWORK", ""), machine)
    if launch is not None and kind is Kind.COMMAND:
        raise UserError(f"torchrun starts Python programs only, not {program.entry_point!r}")
    overlay = new_overlay()
    for what in packages_of(kind, layout.code):
        overlay.install(what, foreground, layout.code)
    if kind is Kind.COMMAND:
        make_executable(layout.code / program.entry_point)
    variables = {**_variables(configuration, layout, program, overlay, machine), **own}
    return _run(kind, program, launch, variables, layout, foreground)


def _program(configuration: TrainingConfiguration, layout: OptMl) -> Program:
    reserved = configuration.reserved
    entry_point = _entry_point(configuration)
    if not entry_point:
        framework = os.environ.get("CLARY_FRAMEWORK", "this framework")
        raise ModeNotServed(
            f"algorithm mode is not served for {framework}: the request names no entry point "
            "(hyperparameter sagemaker_program)"
        )
    source = reserved.get("sagemaker_submit_directory") or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY")
    return Program(
        entry_point=str(entry_point),
        source=str(source or layout.code),
        arguments=command_arguments(configuration.user),
        framework_module=os.environ.get("SAGEMAKER_TRAINING_MODULE", ""),
        job_name=str(reserved.get("sagemaker_job_name") or os.environ.get("TRAINING_JOB_NAME", "")),
    )


def _entry_point(configuration: TrainingConfiguration) -> object:
    return configuration.reserved.get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM")


def _variables(
    configuration: TrainingConfiguration, layout: OptMl, program: Program, overlay: Overlay, machine: Machine
) -> dict[str, str]:
    variables = overlay.variables(pip_variables(overlay, dict(os.environ)))
    search = [str(layout.code), variables["PYTHONPATH"]]
    own = {"PYTHONPATH": os.pathsep.join(search), "PYTHONUNBUFFERED": "1"}
    return {**variables, **own, **script_variables(configuration, layout, program, machine)}


def _run(
    kind: Kind,
    program: Program,
    launch: Launch | None,
    variables: dict[str, str],
    layout: OptMl,
    foreground: Foreground,
) -> Result:
    command = command_line(kind, program)
    if launch is not None:
        command = launch.command(command)
        variables = {**launch.variables, **variables}
        print("clary-toolkit: torchrun", shlex.join(command[3:]), flush=True)
    try:
        result = foreground.run(command, variables, layout.code)
    except ValueError as error:  # a null character somewhere among them
        raise UserError(f"the hyperparameters cannot be handed to a program: {error}") from error
    if result.returncode != 0 and not foreground.stopping:
        raise _script_error(command, result)
    return result


def _script_error(command: Sequence[str], result: Result) -> ExecuteUserScriptError:
    code = result.returncode
    text = f"ExitCode {code}" if code > 0 else f"ExitCode {128 - code} ({_signal_note(-code)})"
    tail = without_launcher(result.tail)
    text += f'\nErrorMessage "{error_message(tail)[:300]}"'
    text += f'\nCommand "{shlex.join(command)[:COMMAND_SHOWN]}"'
    return ExecuteUserScriptError(text, last_traceback(tail) or tail, code)


def _signal_note(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    cause = ", often because memory ran out" if number == signal.SIGKILL else ""
    return f"killed by {name}{cause}"
