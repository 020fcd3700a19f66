"""Lines of Clary's own in the logs of jobs and endpoints, from before there is a unit that could print.

A stream belongs to one attempt. What stands in it is what was told: a note that begins a stream is written once,
also over crashes, and one that ends it only where something was told before.
"""

from __future__ import annotations

from clary.base.clock import to_epoch_ms
from clary.engine.surroundings import Surroundings
from clary.runtimes.environments import BeingBuilt
from clary.store import logs
from clary.store.database import Transaction
from clary.store.resources import Resource


def note_build(around: Surroundings, owner: Resource, group: str, stream: str, built: BeingBuilt) -> None:
    """That an environment is being built, and of what."""
    text = f"clary: building the environment of {' and '.join(built.labels)}, which is done once"
    _note(around, owner, group, stream, text, begun=False)


def note_failure(around: Surroundings, owner: Resource, group: str, stream: str, reason: str) -> None:
    """Why nothing follows; where nothing was told either, FailureReason says it alone."""
    _note(around, owner, group, stream, f"clary: could not start: {reason}", begun=True)


def note_setback(around: Surroundings, owner: Resource, group: str, stream: str, reason: str) -> None:
    """Why what served is not back yet."""
    _append(around, owner, group, stream, f"clary: could not start, and will be tried again: {reason}")


def _note(around: Surroundings, owner: Resource, group: str, stream: str, text: str, *, begun: bool) -> None:
    with around.database.read() as tx:
        if _has_begun(tx, owner, group, stream) != begun:
            return
    _append(around, owner, group, stream, text)


def _append(around: Surroundings, owner: Resource, group: str, stream: str, text: str) -> None:
    now = around.clock.now()
    with around.database.write() as tx:
        logs.append(
            tx, owner.account, owner.region, group, stream, [(to_epoch_ms(now), logs.escape_controls(text))], now=now
        )


def _has_begun(tx: Transaction, owner: Resource, group: str, stream: str) -> bool:
    found = logs.find_group(tx, owner.account, owner.region, group)
    return found is not None and logs.find_stream(tx, found, stream) is not None
