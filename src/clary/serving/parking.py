"""The bounded queue of calls for which no replica is usable: first in, first out, per wish.

Calls that insist on one variant, or on the replica of a session, wait apart from the others, so that they hold
nobody up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from clary.serving.calls import Call


class Parking:
    """Waiting calls of one endpoint. Times are those of the event loop."""

    def __init__(self, places: int, seconds: float) -> None:
        self.places = places
        self.seconds = seconds
        self.occupied = 0
        self._queues: dict[tuple[str | None, str | None], deque[Call]] = {}

    def enter(self, call: Call, now: float) -> bool:
        """False when there is no place left. A call keeps its time when it comes back."""
        if self.occupied >= self.places:
            return False
        queue = self._queues.setdefault(call.wish, deque())
        if call.sent or call.parked_at:
            queue.appendleft(call)  # it has waited before, so it is older than those that wait here
        else:
            queue.append(call)
        call.parked_at = call.parked_at or now
        self.occupied += 1
        return True

    def release(self, place: Callable[[Call], bool]) -> None:
        """Offer waiting calls to `place`, oldest first, until it takes no more of that queue."""
        for wish, queue in list(self._queues.items()):
            while queue:
                if queue[0].receiver is not None and not place(queue[0]):
                    break
                queue.popleft()
                self.occupied -= 1
            if not queue:
                del self._queues[wish]

    def expired(self, now: float) -> list[Call]:
        """Take out the calls that have waited too long, and those that nobody waits for."""
        out: list[Call] = []
        for wish, queue in list(self._queues.items()):
            staying: deque[Call] = deque()
            for call in queue:
                over = call.receiver is None or now - call.parked_at > self.seconds
                (out if over else staying).append(call)
            self._queues[wish] = staying
        self.occupied -= len(out)
        return out

    def clear(self) -> list[Call]:
        calls = [call for queue in self._queues.values() for call in queue]
        self._queues.clear()
        self.occupied = 0
        return calls
