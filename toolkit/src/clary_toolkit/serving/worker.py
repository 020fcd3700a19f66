"""One process of the model server: load in the main thread, listen, answer one invocation after the other.

User code runs in the main thread and the network in a second one, not user code inline in the event loop.
Measured with a one-row scikit-learn pipeline (predict alone 0.25 ms), server on one core, medians of quiet runs:
inline 0.33 ms at one client and 3,200 requests/s at 64, two threads 0.40 ms and 2,700 requests/s. That is the
price of a /ping and a stop request that are answered while a predict takes seconds. A shorter switch interval of
the interpreter and collecting answers before waking the loop both gained nothing.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from clary_toolkit.errors import ModelServerError, RequestError
from clary_toolkit.serving.calls import UserCodeFailed
from clary_toolkit.serving.connection import Connection
from clary_toolkit.serving.content import JSON
from clary_toolkit.serving.handlers import handlers_of
from clary_toolkit.serving.invocation import Invocations, Request, log_broken_off
from clary_toolkit.serving.loading import load_model, load_module
from clary_toolkit.serving.network import STOP_SIGNALS, Network
from clary_toolkit.serving.parts import Parts
from clary_toolkit.serving.settings import Settings


def run_worker(settings: Settings, code: Path, listener: socket.socket, path: Path | None) -> None:
    """Returns when a stop request has been obeyed. Raises ModelServerError when the model cannot be loaded."""
    module = load_module(code, settings.program, settings.algorithm, settings.stand_in)
    handlers = handlers_of(module, settings.framework)
    model_dir = str(settings.layout.model)
    accept = settings.default_accept or str(getattr(module, "DEFAULT_ACCEPT", JSON))
    content_type = str(getattr(module, "DEFAULT_CONTENT_TYPE", JSON))
    invocations = Invocations(handlers, load_model(handlers, model_dir), model_dir, accept, content_type)
    network = Network(listener, path, settings)
    # Only now: until here a stop request simply ends the process, and user code cannot take the signals back. Who has
    # an answer already and asks for the end before the signals are taken waits until they are.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        network.start()
    except OSError as error:
        raise ModelServerError(f"cannot listen: {error}") from error
    network.take_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _answer_until_drained(network, invocations)
    network.join()


def _answer_until_drained(network: Network, invocations: Invocations) -> None:
    while True:
        job = network.jobs.get()
        if job is None:
            return
        connection, request = job
        if connection.open:  # nobody computes for a client that has gone
            answer = invocations.answer(request)
            network.answer(connection, answer)
            if answer.parts is not None:
                _send_parts(network, connection, request, answer.parts)


def _send_parts(network: Network, connection: Connection, request: Request, parts: Parts) -> None:
    """Each part is sent as soon as the user's code has made it; no further one is made for a client that has gone."""
    complete = False
    try:
        try:
            complete = all(network.send_part(connection, part) for part in parts)
        finally:
            parts.close()
    except (UserCodeFailed, RequestError) as error:
        log_broken_off(request, error)
        complete = False
    network.end_parts(connection, complete=complete)
