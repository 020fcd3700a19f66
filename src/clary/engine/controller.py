"""The port of a controller: how the loop asks one kind of resource to be brought nearer to what it should be."""

from __future__ import annotations

from typing import Protocol

from clary.store.resources import Resource


class Controller(Protocol):
    """One per kind. `reconcile` may be called at any time, any number of times, after any crash."""

    kind: str

    def reconcile(self, resource: Resource) -> float | None:
        """Take one step. Seconds until the next look, or None when the resource is at rest (or gone)."""

    def give_up(self, resource: Resource) -> None:
        """Looks have failed several times in a row, each with an error that nobody foresaw: end what can be ended.

        What is at its end, serves, or is not the loop's to end stays as it is and goes on being looked at.
        """

    def owns(self, unit_id: str) -> int | None:
        """The id of the resource that the unit belongs to, if it is of this kind."""
