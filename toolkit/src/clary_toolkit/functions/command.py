"""`python -m clary_toolkit function`: host one process of a Lambda function.

Listens on the socket in CLARY_SERVER_SOCKET. The function is given by the variables that Lambda itself uses
(_HANDLER, LAMBDA_TASK_ROOT, AWS_LAMBDA_FUNCTION_*) and CLARY_FUNCTION_RUNTIME. One invocation at a time; a process
that failed, or ran out of time, is killed, and the next invocation gets a new one.
"""

from __future__ import annotations

import base64
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from clary_toolkit.functions.conversation import Invocation, read_invocation, write_answer
from clary_toolkit.functions.exchange import Answer, Exchange, failure
from clary_toolkit.functions.output import Output
from clary_toolkit.functions.program import NoInterpreter, Program, command_of, describe_exit, function_variables
from clary_toolkit.functions.runtime_api import RuntimeApi

_START_SECONDS = 60.0


def main(arguments: Sequence[str]) -> int:
    host = Host(dict(os.environ))

    def end(*_: object) -> None:
        host.kill()
        sys.stdout.flush()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    listener = _listen(Path(os.environ["CLARY_SERVER_SOCKET"]))
    host.start()
    while True:
        connection, _ = listener.accept()
        with suppress(ConnectionError):  # the caller has gone: there is nobody to tell
            _serve(host, connection)


def _serve(host: Host, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as source, connection.makefile("wb") as target:
        invocation = read_invocation(source)
        if invocation is None:
            return
        answer, tail = host.perform(invocation)
        outcome, log = "error" if answer.failed else "ok", base64.b64encode(tail).decode()
        write_answer(target, answer.payload, outcome=outcome, log=log, spent=host.spent)


def _listen(path: Path) -> socket.socket:
    """The socket appears under its name when it can be connected to."""
    path.unlink(missing_ok=True)
    young = path.with_name(f"{path.name}.new")
    young.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(young))
    listener.listen(8)
    young.rename(path)
    return listener


class Host:
    """The function's process and its invocations."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables
        self._runtime = variables["CLARY_FUNCTION_RUNTIME"]
        self._folder = variables["LAMBDA_TASK_ROOT"]
        self._version = variables["AWS_LAMBDA_FUNCTION_VERSION"]
        self._memory = variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self._output = Output()
        self._program: Program | None = None
        # The kernel has killed the function, as it does when memory is short: the unit may be next.
        self.spent = False
        self._api = RuntimeApi(self._current)

    def start(self) -> None:
        self._output.start()
        self._api.start()
        # Loading the code while nobody waits yet; a failure is told to the first who asks.
        with suppress(NoInterpreter, OSError):
            self._program = self._new_program()

    def kill(self) -> None:
        """End the function's process, whatever it is doing."""
        if self._program is not None:
            self._program.kill()

    def stop(self) -> None:
        self.kill()
        self._api.stop()
        self._output.close()

    def perform(self, invocation: Invocation) -> tuple[Answer, bytes]:
        """The answer and the last of what was printed."""
        self._output.begin(f"START RequestId: {invocation.request_id} Version: {self._version}")
        began = time.monotonic()
        try:
            program, answer = self._ask(self._program or self._new_program(), invocation)
            if answer is None and program.exchange.left_untaken():  # it died in between: nothing was called yet
                program, answer = self._ask(self._new_program(), invocation)
        except (NoInterpreter, OSError) as error:
            return self._report(
                invocation, failure("Runtime.InvalidEntrypoint", invocation.request_id, str(error)), 0
            )
        answer = answer or self._no_answer(invocation, program.exchange)
        took = program.exchange.seconds() or time.monotonic() - began
        peak = program.peak_memory()
        self._output.drain()
        if answer.ended:
            program.kill()
            self._program = None
            self._output.drain()
        return self._report(invocation, answer, took, peak)

    def _ask(self, program: Program, invocation: Invocation) -> tuple[Program, Answer | None]:
        self._program = program
        program.exchange.offer(invocation)
        return program, program.exchange.await_answer(max(_START_SECONDS, invocation.timeout))

    def _no_answer(self, invocation: Invocation, exchange: Exchange) -> Answer:
        if exchange.exit_code is not None:
            text = describe_exit(exchange.exit_code)
            self.spent = exchange.exit_code == -signal.SIGKILL
            self._output.drain()
            self._output.write(f"RequestId: {invocation.request_id} Error: {text}")
            return failure("Runtime.ExitError", invocation.request_id, text)
        text = f"Task timed out after {invocation.timeout:.2f} seconds"
        self._output.drain()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._output.write(f"{stamp} {invocation.request_id} {text}")
        return failure("Sandbox.Timedout", invocation.request_id, text)

    def _report(self, invocation: Invocation, answer: Answer, took: float, peak: int = 0) -> tuple[Answer, bytes]:
        milliseconds = took * 1000
        self._output.write(f"END RequestId: {invocation.request_id}")
        self._output.write(
            f"REPORT RequestId: {invocation.request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {self._memory} MB\t"
            f"Max Memory Used: {peak} MB"
        )
        return answer, self._output.tail()

    def _new_program(self) -> Program:
        variables = {**function_variables(self._variables), "AWS_LAMBDA_RUNTIME_API": self._api.address}
        command = command_of(self._runtime, variables["_HANDLER"])
        return Program(command, variables, self._folder, self._output.write_end)

    def _current(self) -> tuple[Exchange, int] | None:
        program = self._program
        return None if program is None else (program.exchange, program.session)
