"""The event loop in its own thread: listens, keeps the connections, hands invocations to the main thread, drains.

Why two threads: user code may be slow and must have the main thread (libraries install signal handlers, bind
objects to their thread), while /ping and a stop request must be answered meanwhile. Answering inline in the
loop would be a little faster; `worker` has the figures.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import importlib.util
import json
import queue
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

from clary_toolkit.serving.connection import Connection
from clary_toolkit.serving.content import JSON
from clary_toolkit.serving.invocation import Answer, Request
from clary_toolkit.serving.settings import Settings

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
BACKLOG = 2048
# After a stop request: how long connections without a request stay open for one that is already on its way,
# how long a request may take to arrive completely, and how long the listener is kept although nobody is connected.
IDLE_GRACE = 0.5
RECEIVE_GRACE = 3.0

SETTLE = 0.05
ALLOWED = {"/ping": "GET, HEAD", "/execution-parameters": "GET, HEAD", "/invocations": "POST"}

Job = tuple[Connection, Request]


class Network:
    """One listening socket and its connections. `jobs` yields invocations, then None when drained."""

    def __init__(self, listener: socket.socket, path: Path | None, settings: Settings) -> None:
        """`path` is the unix socket's, to be removed when draining begins; None leaves it to somebody else."""
        self.draining = False
        self.max_payload = settings.max_payload
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._listener, self._path = listener, path
        self._parameters = Answer(200, json.dumps(settings.execution_parameters()).encode(), JSON)
        self._connections: set[Connection] = set()
        self._answers: collections.deque[tuple[Connection, Answer]] = collections.deque()
        self._sending = False
        self._signals, self.wakeup = socket.socketpair()
        self._started = threading.Event()
        self._refusal: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    # From the main thread

    def start(self) -> None:
        """Returns when connections are accepted. Raises OSError when the socket cannot be listened on."""
        self._thread.start()
        self._started.wait()
        if self._refusal is not None:
            raise self._refusal

    def answer(self, connection: Connection, answer: Answer) -> None:
        self._answers.append((connection, answer))
        if not self._sending:  # one wake-up serves all answers that are there when the loop gets its turn
            self._sending = True
            self._loop.call_soon_threadsafe(self._send_answers)

    def send_part(self, connection: Connection, part: bytes) -> bool:
        """Returns when the client has room for more; False when it has gone."""
        return asyncio.run_coroutine_threadsafe(connection.send_part(part), self._loop).result()

    def end_parts(self, connection: Connection, *, complete: bool) -> None:
        asyncio.run_coroutine_threadsafe(connection.end_parts(complete=complete), self._loop).result()

    def take_signals(self) -> None:
        """Let SIGTERM and SIGINT drain; the wake-up descriptor reaches the loop even while user code is busy."""
        for each in (self._signals, self.wakeup):
            each.setblocking(False)
        signal.set_wakeup_fd(self.wakeup.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)

    def join(self) -> None:
        self._thread.join()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Says the same once more, for user code that has taken the wake-up descriptor for itself.
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._drain)

    # What connections call

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self.draining:
            self._finish_if_empty()

    def handle(self, connection: Connection, request: Request) -> None:
        if request.path == "/invocations" and request.method == "POST":
            self.jobs.put((connection, request))
        else:
            connection.answer(self._own_answer(request))

    def _own_answer(self, request: Request) -> Answer:
        allowed = ALLOWED.get(request.path)
        if allowed is None:
            return Answer.text(404, f"there is no {request.path} here")
        if request.method not in allowed.split(", "):
            refusal = Answer.text(405, f"{request.path} does not allow {request.method}")
            return replace(refusal, headers={"allow": allowed})
        if request.path == "/execution-parameters":
            return self._parameters
        return Answer.text(503, "stopping") if self.draining else Answer(200)

    # In the loop's thread

    def _run(self) -> None:
        self._loop = new_event_loop()
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._refusal = error
        finally:
            self._started.set()
            self._loop.close()
            self.jobs.put(None)

    async def _serve(self) -> None:
        self._drained = asyncio.Event()
        loop = asyncio.get_running_loop()
        if self._listener.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(self._connection, sock=self._listener, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(self._connection, sock=self._listener, backlog=BACKLOG)
        loop.add_reader(self._signals.fileno(), self._read_signals)
        self._started.set()
        await self._drained.wait()
        loop.remove_reader(self._signals.fileno())

    def _connection(self) -> Connection:
        return Connection(self)

    def _send_answers(self) -> None:
        self._sending = False  # before looking, so that an answer appended from now on wakes again
        while self._answers:
            connection, answer = self._answers.popleft()
            connection.answer(answer)

    def _read_signals(self) -> None:
        numbers = self._signals.recv(64)
        if not set(numbers).isdisjoint(STOP_SIGNALS):
            self._drain()

    def _drain(self) -> None:
        if self.draining:
            return
        self.draining = True
        if self._path is not None:
            # Whoever connects from now on goes elsewhere; who is connecting already is still served.
            self._path.unlink(missing_ok=True)
        self._loop.call_later(SETTLE, self._finish_if_empty)
        self._loop.call_later(IDLE_GRACE, self._close_idle)
        self._loop.call_later(RECEIVE_GRACE, self._close_receiving)
        self._settled = self._loop.time() + SETTLE / 2

    def _close_idle(self) -> None:
        self._server.close()
        self._close_where(lambda connection: connection.idle)

    def _close_receiving(self) -> None:
        self._close_where(lambda connection: not connection.answering)

    def _close_where(self, chosen: Callable[[Connection], bool]) -> None:
        for connection in [each for each in self._connections if chosen(each)]:
            connection.close()
        self._finish_if_empty()

    def _finish_if_empty(self) -> None:
        if not self._connections and self._loop.time() >= self._settled:
            self._server.close()
            self._drained.set()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it exists: it is only made for Linux and macOS."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    return loop
