"""Dispatcher and deliverer as one thing to start and stop."""

from __future__ import annotations

from clary.engine.events.deliverer import Deliverer
from clary.engine.events.dispatcher import Dispatcher
from clary.engine.events.targets.target import Tools
from clary.engine.surroundings import Surroundings


class Telling:
    """Owned by the engine."""

    def __init__(self, around: Surroundings) -> None:
        tools = Tools(around.database, around.calls, around.settings, around.clock)
        self._dispatcher = Dispatcher(around.database, around.clock)
        self._deliverer = Deliverer(tools)

    def start(self) -> None:
        self._dispatcher.start()
        self._deliverer.start()

    def stop(self) -> None:
        """What is under way is finished; everything else is in the store."""
        self._dispatcher.stop()
        self._deliverer.stop()
