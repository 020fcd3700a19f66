"""How invocations of one variant went since the last look, for CloudWatch. Fleets add to it, the door takes it.

A call costs two appends; what they amount to is found out for many calls together.
"""

from __future__ import annotations

from clary.base.invocation_reports import Latencies

_MANY = 500


class Measures:
    __slots__ = ("_models", "_overheads", "client_errors", "model", "model_errors", "overhead", "server_errors")

    def __init__(self) -> None:
        self.client_errors = 0
        self.server_errors = 0
        self.model_errors = 0
        self.model = Latencies()
        self.overhead = Latencies()
        self._models: list[float] = []
        self._overheads: list[float] = []

    @property
    def empty(self) -> bool:
        return not self._models and not self.model.count

    def add(self, model: float, overhead: float) -> None:
        """Seconds at the container, and seconds before that."""
        self._models.append(model)
        self._overheads.append(overhead)
        if len(self._models) >= _MANY:
            self.settle()

    def settle(self) -> None:
        if self._models:
            self.model.add(self._models)
            self.overhead.add(self._overheads)
            self._models.clear()
            self._overheads.clear()
