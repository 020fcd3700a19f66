"""Training on several instances at once: XGBoost's own collective, with a tracker on the first of them.

First all instances tell whether they have data; then those that have meet again and train, the others end.
"""

from __future__ import annotations

import importlib
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_FIRST_PORT = 9099
_ATTEMPTS = 120  # with a second between them: the instances do not start at the same moment


def wait_hostname_resolution(sm_hosts: Sequence[str]) -> None:
    """Until the names of all instances resolve, at most a minute. Raises OSError."""
    for host in sm_hosts:
        for left in range(60, -1, -1):
            try:
                socket.gethostbyname(host)
                break
            except OSError:
                if not left:
                    raise
                time.sleep(1)


def rabit_run(
    exec_fun: Callable[..., Any],
    args: Mapping[str, Any],
    include_in_training: bool,
    hosts: Sequence[str],
    current_host: str,
    first_port: int | None = None,
    second_port: int | None = None,
    max_connect_attempts: int | None = None,
    connect_retry_timeout: int = 3,
    update_rabit_args: bool = False,
) -> None:
    """Call `exec_fun` with `args` on every instance that is included, joined to the others, and end the process on
    those that are not. `update_rabit_args` adds `is_master`, true on one instance."""
    attempts = max_connect_attempts or _ATTEMPTS
    port = first_port or _FIRST_PORT
    included = _included(include_in_training, hosts, current_host, port, attempts)
    if not included:
        raise ValueError("No instance has data to train with.")
    if current_host not in included:
        sys.exit(0)
    known = {**args, **({"is_master": current_host == included[0]} if update_rabit_args else {})}
    with _joined(included, current_host, second_port or port + 1, attempts):
        exec_fun(**known)


def _included(mine: bool, hosts: Sequence[str], current_host: str, port: int, attempts: int) -> list[str]:
    if len(hosts) == 1:
        return list(hosts) if mine else []
    numpy, collective = importlib.import_module("numpy"), importlib.import_module("xgboost.collective")
    flags = numpy.zeros(len(hosts), "f4")
    flags[list(hosts).index(current_host)] = mine
    with _joined(hosts, current_host, port, attempts):
        flags = collective.allreduce(flags, collective.Op.SUM)
    return [host for host, flag in zip(hosts, flags) if flag]


@contextmanager
def _joined(hosts: Sequence[str], current_host: str, port: int, attempts: int) -> Iterator[None]:
    """Within, XGBoost computes together with the other instances."""
    if len(hosts) == 1:
        yield
        return
    address = (socket.gethostbyname(hosts[0]), port)
    tracker = _Tracker(len(hosts), address[0]) if current_host == hosts[0] else None
    if tracker is not None:
        _tell(address, tracker.arguments, len(hosts) - 1)
    arguments = tracker.arguments if tracker is not None else _told(address, attempts)
    with importlib.import_module("xgboost.collective").CommunicatorContext(**arguments):
        yield
    if tracker is not None:
        tracker.wait()


class _Tracker:
    """XGBoost's, which chooses a port by itself. Its methods have other names since version 2.1."""

    def __init__(self, count: int, address: str) -> None:
        self._tracker = importlib.import_module("xgboost.tracker").RabitTracker(n_workers=count, host_ip=address)
        self._is_new = hasattr(self._tracker, "worker_args")
        self._tracker.start(*(() if self._is_new else (count,)))
        self.arguments: dict[str, Any] = self._tracker.worker_args() if self._is_new else self._tracker.worker_envs()

    def wait(self) -> None:
        if self._is_new:
            self._tracker.wait_for()
        else:
            self._tracker.join()


def _tell(address: tuple[str, int], arguments: Mapping[str, Any], others: int) -> None:
    """Every other instance how to reach the tracker, whenever it asks."""
    with socket.create_server(address) as server:
        for _ in range(others):
            connection, _ = server.accept()
            with connection:
                connection.sendall(json.dumps(arguments).encode())


def _told(address: tuple[str, int], attempts: int) -> dict[str, Any]:
    for left in range(attempts - 1, -1, -1):
        try:
            with socket.create_connection(address) as connection, connection.makefile("rb") as answer:
                found: dict[str, Any] = json.loads(answer.read())
                return found
        except (OSError, ValueError):  # nobody there yet, or the answer broke off
            if not left:
                raise
            time.sleep(1)
    raise AssertionError("at least one attempt")
