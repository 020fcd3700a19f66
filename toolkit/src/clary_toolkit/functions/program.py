"""The function's own process: the interface client of its language with the function's code."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from clary_toolkit.functions.exchange import Exchange

_NODE_CLIENT = Path(__file__).with_name("node_client.mjs")
_OWN = frozenset({"CLARY_SERVER_SOCKET", "CLARY_FUNCTION_RUNTIME", "SAGEMAKER_BASE_DIR"})


class NoInterpreter(Exception):
    """The program that runs this language is not there."""


def command_of(runtime: str, handler: str) -> list[str]:
    """How to start the interface client."""
    if runtime.startswith("python"):
        return [sys.executable, "-m", "awslambdaric", handler]
    node = shutil.which("node")
    if node is None:
        raise NoInterpreter(f"{runtime} needs the program node, which is not on this machine.")
    return [node, str(_NODE_CLIENT), handler]


class Program:
    """One started process, with an exchange of its own. Everything it starts in its session ends with it."""

    def __init__(self, command: list[str], variables: Mapping[str, str], folder: str, output: int) -> None:
        self.exchange = Exchange()
        self._process = subprocess.Popen(
            command,
            env=dict(variables),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    @property
    def session(self) -> int:
        return self._process.pid

    def peak_memory(self) -> int:
        """Most memory it has used, in MiB; 0 when it has ended."""
        with suppress(OSError):
            for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
        return 0

    def kill(self) -> None:
        self.exchange.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _watch(self) -> None:
        self.exchange.note_exit(self._process.wait())


def describe_exit(code: int) -> str:
    """As Lambda words it."""
    if code < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"


def function_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The function sees what Lambda gives it; what steers this host is not for it."""
    return {name: value for name, value in variables.items() if name not in _OWN}
