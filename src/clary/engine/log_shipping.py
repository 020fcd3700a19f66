"""Brings what units print into CloudWatch Logs: read offset and events are written in one transaction, so that a
crash leaves neither a gap nor a line twice."""

from __future__ import annotations

from collections.abc import Callable

from clary.engine.surroundings import Surroundings
from clary.store import logs
from clary.store.resources import Resource

_BATCH = 2000


def ship_log(
    around: Surroundings,
    owner: Resource,
    unit: str,
    group: str,
    stream: str,
    batches: int | None = None,
    written: Callable[[str], str] = logs.escape_controls,
) -> bool:
    """Append complete lines that the unit has printed since the last time; True when all of them are.

    `batches` limits one call: a unit may print faster than lines can be stored. `written` is how a line is kept: by
    default as SageMaker's log agent does, `#` and three octal digits for a control character, a tab becomes `#011`.
    """
    with around.database.read() as tx:
        offset = logs.read_cursor(tx, owner.account, owner.region, group, stream)
    while batches is None or batches > 0:
        batches = None if batches is None else batches - 1
        lines = around.runtime.read_log(unit, offset, _BATCH)
        if not lines:
            return True
        offset = lines[-1].offset
        with around.database.write() as tx:
            logs.append(
                tx,
                owner.account,
                owner.region,
                group,
                stream,
                [(line.timestamp_ms, written(line.text)) for line in lines],
                now=around.clock.now(),
                cursor=offset,
            )
    return False


def last_lines(around: Surroundings, unit: str, count: int = 80) -> list[str]:
    """The end of the unit's log, for FailureReason."""
    offset = 0
    lines: list[str] = []
    while batch := around.runtime.read_log(unit, offset, _BATCH):
        offset = batch[-1].offset
        lines = [*lines, *(line.text for line in batch)][-count:]
    return lines
