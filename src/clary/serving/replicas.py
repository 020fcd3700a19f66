"""One model server as this process sees it: its connections, how busy it is, whether it can be used.

    usable --connect refused, answer broken off, or three time-outs in a row--> ejected
    ejected --GET /ping answered 200, or a new snapshot--> usable
    any --no longer in the snapshot--> retired: takes nothing new, ends when its last call has ended

An idle connection that ends does not eject. Idle connections are used oldest first, so that all of them stay
fresh; one is opened ahead of the first call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from clary.base import snapshots
from clary.serving.calls import Body, Call
from clary.serving.connection import Connection, Parsing
from clary.serving.sessions import tag_of

MOST_IN_FLIGHT = 256
_CONNECT_SECONDS = 2.0
_PING_SECONDS = 2.0
_FIRST_PROBE_SECONDS = 0.05
_LONGEST_PROBE_PAUSE = 1.0
_STALL_SECONDS = 1.0
_IDLE_SECONDS = 30.0
_TIMEOUTS_UNTIL_EJECTION = 3


class Keeper(Protocol):
    """The fleet that a replica works for."""

    def answered(self, call: Call, status: int, connection: Connection) -> None: ...

    def answer_began(self, call: Call, connection: Connection) -> None: ...

    def given_up(self, call: Call) -> None:
        """Nobody waited any more while the call was with a model server."""

    def broke_off(self, call: Call, connection: Connection) -> None: ...

    def timed_out(self, call: Call) -> None: ...

    def place_again(self, call: Call) -> None:
        """The call was never sent; it may go anywhere."""

    def has_room(self) -> None:
        """This replica can take a call (more)."""


class Ping:
    """The exchange of a probe."""

    request = b"GET /ping HTTP/1.1\r\nHost: model\r\nContent-Length: 0\r\n\r\n"
    streamed = False
    body: Body | None = None
    patience = _PING_SECONDS

    def __init__(self, deadline: float, result: asyncio.Future[bool]) -> None:
        self.deadline = deadline
        self.result = result

    def settle(self, ready: bool) -> None:
        if not self.result.done():
            self.result.set_result(ready)


class Replica:
    """Connections to one model server. Everything happens on one event loop; no locks."""

    def __init__(
        self, record: snapshots.Replica, variant: str, keeper: Keeper, parsing: Parsing, largest_answer: int
    ) -> None:
        self.record = record
        self.tag = tag_of(record)
        self.variant = variant
        self._ejected = False
        self._retired = False
        self.usable = True
        self.stalled = False
        self._keeper = keeper
        self._parsing = parsing
        self._largest_answer = largest_answer
        self._loop = asyncio.get_running_loop()
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._waiting: deque[Call] = deque()
        self._connecting = 0
        self._timeouts = 0
        self._progress_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def outstanding(self) -> int:
        return len(self._busy) + len(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._busy) + len(self._waiting) >= MOST_IN_FLIGHT

    def send(self, call: Call) -> None:
        """Send now, or as soon as a connection is there."""
        call.replica = self
        if self._idle:
            self._start(self._idle.popleft(), call)
        else:
            self._waiting.append(call)
            if self._connecting < len(self._waiting):
                self._spawn_connect()

    def open_ahead(self) -> None:
        self._spawn_connect()

    def readmit(self) -> None:
        """The engine lists the replica as ready in a new snapshot: try it again."""
        if self._ejected:
            self._ejected = False
            self.usable = not self._retired
            self._keeper.has_room()

    def retire(self) -> None:
        """Take nothing new; calls that were not sent yet go elsewhere, those that were come to their end."""
        self._retired = True
        self.usable = False
        while self._idle:
            self._idle.popleft().close()
        self._bounce()

    def close(self) -> None:
        """End everything at once (the process ends)."""
        self._retired = True
        self.usable = False
        for task in self._tasks:
            task.cancel()
        for connection in [*self._idle, *self._busy]:
            connection.close()

    def sweep(self, now: float) -> None:
        """Look at the clock: late answers, stalls, connections that were idle for long."""
        late = [c for c in self._busy if c.exchange is not None and c.exchange.deadline <= now]
        for connection in late:
            self._time_out(connection)
        while self._waiting and self._waiting[0].deadline <= now:
            self._keeper.timed_out(self._waiting.popleft())
        self.stalled = bool(self._busy) and now - self._progress_at > _STALL_SECONDS
        while len(self._idle) > 1 and now - self._idle[0].idle_since > _IDLE_SECONDS:
            self._idle.popleft().close()

    # Owner of connections

    def answer_started(self) -> None:
        self._progress_at = self._loop.time()
        self.stalled = False

    def answer_began(self, connection: Connection, exchange: Any) -> None:
        if isinstance(exchange, Call):
            self._keeper.answer_began(exchange, connection)

    def answer_part(self, exchange: Any, data: bytes) -> None:
        self.answer_started()
        if isinstance(exchange, Call) and exchange.receiver is not None:
            exchange.receiver.part(data)

    def answer_complete(self, connection: Connection, exchange: Any, status: int) -> None:
        self._busy.discard(connection)
        self._timeouts = 0
        if isinstance(exchange, Ping):
            exchange.settle(status == 200)
        else:
            self._keeper.answered(exchange, status, connection)
        if connection.open:
            self._release(connection)
        else:
            self._keeper.has_room()

    def broke_off(self, connection: Connection, exchange: Any) -> None:
        self._busy.discard(connection)
        if isinstance(exchange, Ping):
            exchange.settle(False)
        elif connection.began:
            self._keeper.broke_off(exchange, connection)  # it may be the answer that failed, not the server
        else:
            # Of a dying server the listening socket may outlive the connections for a moment: what is sent again at
            # once would break off a second time. So it must answer a ping first.
            self._eject()
            self._keeper.broke_off(exchange, connection)

    def given_up(self, connection: Connection, exchange: Any) -> None:
        self._busy.discard(connection)
        if isinstance(exchange, Call):
            self._keeper.given_up(exchange)
        self._keeper.has_room()

    def closed(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    # Inside

    def _start(self, connection: Connection, call: Call) -> None:
        if not self._busy:
            self._progress_at = self._loop.time()
        call.sent += 1
        call.connection = connection
        self._busy.add(connection)
        connection.send(call)

    def _release(self, connection: Connection) -> None:
        """A connection has nothing to do."""
        while self._waiting and not self._retired:
            call = self._waiting.popleft()
            if call.receiver is not None:
                self._start(connection, call)
                return
        if self._retired:
            connection.close()
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        self._keeper.has_room()

    def _time_out(self, connection: Connection) -> None:
        exchange = connection.exchange
        self._busy.discard(connection)
        connection.close()
        if isinstance(exchange, Ping):
            exchange.settle(False)
        elif isinstance(exchange, Call):
            self._timeouts += 1
            self._keeper.timed_out(exchange)
            if self._timeouts >= _TIMEOUTS_UNTIL_EJECTION:
                self._eject()

    def _eject(self) -> None:
        if self.usable:
            self._ejected = True
            self.usable = False
            self._spawn(self._probe())
        self._bounce()

    def _bounce(self) -> None:
        calls, self._waiting = self._waiting, deque()
        for call in calls:
            self._keeper.place_again(call)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _spawn_connect(self) -> None:
        self._connecting += 1
        self._spawn(self._connect_for_waiting())

    async def _connect_for_waiting(self) -> None:
        try:
            connection = await self._connect()
        except (OSError, ValueError):
            self._eject()
        else:
            self._release(connection)
        finally:
            self._connecting -= 1

    async def _connect(self) -> Connection:
        """A new connection; OSError (TimeoutError included) when there is no server."""
        kind, _, path = self.record.address.partition(":")
        async with asyncio.timeout(_CONNECT_SECONDS):
            while True:
                try:
                    if kind == "unix":
                        _, connection = await self._loop.create_unix_connection(self._new_connection, path)
                    else:
                        host, _, port = self.record.address.rpartition(":")
                        _, connection = await self._loop.create_connection(
                            self._new_connection, host.strip("[]"), int(port)
                        )
                except BlockingIOError:
                    await asyncio.sleep(0.01)  # the server is there, its queue of new connections is full
                else:
                    return connection

    def _new_connection(self) -> Connection:
        return Connection(self, self._parsing, self._largest_answer)

    async def _probe(self) -> None:
        pause = _FIRST_PROBE_SECONDS
        while self._ejected and not self._retired:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PROBE_PAUSE)
            if await self._answers_ping():
                self._timeouts = 0
                self.readmit()

    async def _answers_ping(self) -> bool:
        try:
            connection = await self._connect()
        except (OSError, ValueError):
            return False
        ping = Ping(self._loop.time() + _PING_SECONDS, self._loop.create_future())
        self._busy.add(connection)
        connection.send(ping)
        return await ping.result
