"""Steps that a selective execution does not run: their results are taken from an earlier execution."""

from __future__ import annotations

from clary.definitions.document import Definition
from clary.definitions.order import upstream
from clary.engine.pipelines.rows import StepRows, read_rows
from clary.engine.surroundings import Surroundings
from clary.store import resources
from clary.store.resources import Resource

_MOST_SOURCES = 20


def reuse_steps(around: Surroundings, execution: Resource, definition: Definition, rows: StepRows) -> None:
    """Before the first step starts: a row for each step that the selected ones rest on and that had succeeded."""
    selective = execution.document.get("selective")
    if not selective or not selective["source"] or rows.states():
        return
    needs = {name: step.needs | step.after for name, step in definition.steps.items()}
    wanted = upstream(selective["steps"], needs) - set(selective["steps"])
    found = _read_sources(around, selective["source"])
    rows.reuse([found[name] for name in definition.steps if name in wanted and _is_usable(found.get(name))])


def _is_usable(row: Resource | None) -> bool:
    return row is not None and row.status == "Succeeded"


def _read_sources(around: Surroundings, arn: str | None) -> dict[str, Resource]:
    """Rows of the source by name; it may be a selective execution itself, and then of its sources, too."""
    found: dict[str, Resource] = {}
    for _ in range(_MOST_SOURCES):
        with around.database.read() as tx:
            source = resources.find_by_arn(tx, arn) if arn else None
        if source is None:
            break
        found = {**{row.name: row for row in read_rows(around, source)}, **found}
        arn = (source.document.get("selective") or {}).get("source")
    return found
