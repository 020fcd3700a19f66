"""The feed command: named pipes are made, a feeder goes aside, and this process becomes the user's program.

The program keeps its process id, its signals and its exit code. The feeder is nobody's child that the program could
wait for by accident, and leads a session of its own, so a SIGTERM to the program does not end the data early. It
ends when the program ends.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from clary_toolkit.errors import ToolkitError
from clary_toolkit.feeding.plan import Pipe, read_plan
from clary_toolkit.feeding.stream import epoch_bytes
from clary_toolkit.layout import OptMl
from clary_toolkit.outcome import write_failure

NOT_FOUND = 127


def main(arguments: Sequence[str]) -> int:
    program = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    layout = OptMl.from_variables(os.environ)
    try:
        pipes = read_plan(layout)
    except ToolkitError as error:
        print(f"clary-toolkit: {type(error).__name__}: {error.message}", file=sys.stderr, flush=True)
        write_failure(layout.failure, error)
        return error.exit_code
    for pipe in pipes:
        os.mkfifo(pipe.fifo(0))
    _go_aside(pipes, layout, os.getpid())
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what is ignored would stay so
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"clary-toolkit: {program[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return NOT_FOUND


def _go_aside(pipes: Sequence[Pipe], layout: OptMl, program: int) -> None:
    """Start the feeder as a grandchild, and wait for the child in between."""
    life = os.pidfd_open(program)  # closed for the program itself by its exec
    between = os.fork()
    if between:
        os.close(life)
        os.waitpid(between, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, lambda *_: _pass_on(program))
    for pipe in pipes:
        threading.Thread(target=_feed_or_kill, args=(pipe, layout, program), daemon=True).start()
    select.select([life], [], [])
    os._exit(0)


def _pass_on(program: int) -> None:
    """Whoever ends the unit may take this for its first process, once process ids have wrapped around."""
    with suppress(ProcessLookupError):
        os.killpg(os.getpgid(program), signal.SIGTERM)


def _feed_or_kill(pipe: Pipe, layout: OptMl, program: int) -> None:
    """A program must never take the half of its data for the whole: it is killed before the pipe is closed."""
    try:
        feed(pipe)
    except ToolkitError as error:
        _kill(layout, program, error)
    except OSError as error:
        _kill(layout, program, ToolkitError(f"the pipe {pipe.path} could not be fed: {error}"))


def _kill(layout: OptMl, program: int, error: ToolkitError) -> None:
    print(f"clary-toolkit: {type(error).__name__}: {error.message}", file=sys.stderr, flush=True)
    write_failure(layout.failure, error)
    with suppress(ProcessLookupError):
        os.kill(program, signal.SIGKILL)
    os._exit(1)


def feed(pipe: Pipe) -> None:
    """One epoch after the other, for as long as somebody opens the next pipe."""
    epoch = 0
    while True:
        try:
            descriptor = os.open(pipe.fifo(epoch), os.O_WRONLY)  # waits for a reader
        except FileNotFoundError:
            return  # the program has taken the pipe away: it wants no more
        with suppress(FileExistsError):
            os.mkfifo(pipe.fifo(epoch + 1))  # before the reader sees the end of this one
        with suppress(BrokenPipeError):  # it has read enough of this epoch
            for chunk in epoch_bytes(pipe.parts(epoch), wrap=pipe.wrap, unzip=pipe.unzip):
                _write(descriptor, chunk)
        with suppress(FileNotFoundError):
            pipe.fifo(epoch).unlink()
        os.close(descriptor)  # not so after an error: the reader must not see an end
        epoch += 1


def _write(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]
