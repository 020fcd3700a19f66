"""The invocation under way, shared by the host's thread and those of the Runtime API.

    host      offer -> (the client takes it) -> await_answer
    client    take (waits) -> answer
One invocation at a time: what comes for another request id is refused.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from clary_toolkit.functions.conversation import Invocation


@dataclass(frozen=True)
class Answer:
    """What became of an invocation: the function's payload, or a document that describes the error."""

    payload: bytes
    failed: bool = False
    ended: bool = False  # the process is of no more use


@dataclass(frozen=True)
class Taken:
    """An invocation in the client's hands. `deadline` is in seconds since the epoch."""

    invocation: Invocation
    deadline: float


def failure(kind: str, request_id: str, message: str, *, ended: bool = True) -> Answer:
    """An error that the function did not word itself."""
    document = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return Answer(json.dumps(document).encode(), failed=True, ended=ended)


class Exchange:
    """One for each process of the function: a dead one's late words reach nobody."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offered: Invocation | None = None
        self._taken: Taken | None = None
        self._taken_at = 0.0
        self._answer: Answer | None = None
        self._start_failure: Answer | None = None
        self._closed = False
        self.exit_code: int | None = None
        self.ready = False

    # -- the host's side ---------------------------------------------------------------------------------------

    def offer(self, invocation: Invocation) -> None:
        with self._changed:
            self._offered, self._taken, self._answer = invocation, None, self._start_failure
            self._changed.notify_all()

    def await_answer(self, patience: float) -> Answer | None:
        """The answer; None when the time of the function, or its patience before it is ready, is over.

        `patience` is for the start; the function's own time runs from the moment it takes the invocation.
        """
        start = time.monotonic()
        with self._changed:
            while self._answer is None and self.exit_code is None:
                taken = self._taken
                left = start + patience - time.monotonic()
                if taken is not None:
                    left = self._taken_at + taken.invocation.timeout - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)
            return self._answer

    def left_untaken(self) -> bool:
        """Whether the process, which could be called before, has ended without a look at this invocation."""
        with self._changed:
            return self.exit_code is not None and self.ready and self._taken is None

    def seconds(self) -> float:
        """How long the function has had the invocation."""
        return time.monotonic() - self._taken_at if self._taken is not None else 0.0

    def note_exit(self, code: int) -> None:
        with self._changed:
            self.exit_code = code
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of every thread that waits here."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # -- the client's side -------------------------------------------------------------------------------------

    def take(self) -> Taken | None:
        """The next invocation, or None when there will be no more."""
        with self._changed:
            self.ready = True
            self._changed.wait_for(lambda: self._offered is not None or self._closed)
            if self._offered is None or self._closed:
                return None
            self._taken_at = time.monotonic()
            self._taken = Taken(self._offered, time.time() + self._offered.timeout)
            self._offered = None
            self._changed.notify_all()
            return self._taken

    def answer(self, request_id: str, answer: Answer) -> bool:
        """False when that invocation is not under way."""
        with self._changed:
            if self._taken is None or self._taken.invocation.request_id != request_id or self._answer is not None:
                return False
            self._answer = answer
            self._changed.notify_all()
            return True

    def fail_start(self, document: Any) -> None:
        """The function could not be loaded: what waits, or comes first, is answered with the reason."""
        with self._changed:
            self._start_failure = Answer(json.dumps(document).encode(), failed=True, ended=True)
            self._answer = self._answer or self._start_failure
            self._changed.notify_all()
