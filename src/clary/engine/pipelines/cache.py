"""Finding an earlier run of a step whose result may be taken instead: same pipeline, same step, same inputs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clary.definitions.caching import cache_key
from clary.definitions.document import Step
from clary.engine.pipelines.rows import KIND
from clary.engine.pipelines.steps.port import Sight
from clary.engine.surroundings import Surroundings
from clary.store import resources
from clary.store.resources import Resource

_CANDIDATES = 100


def look_up(
    around: Surroundings, execution: Resource, step: Step, arguments: Any, now: datetime
) -> tuple[str, Sight | None, str]:
    """(key of this run, the result of the newest run with the same key, why or why not)."""
    key = cache_key(step, arguments)
    if step.cache is None:
        raise AssertionError("only steps with a policy are looked up")
    with around.database.read() as tx:
        rows = resources.newest_below(tx, execution, execution.parent, KIND, step.name, _CANDIDATES)
    same = [row for row in rows if row.status == "Succeeded" and row.document.get("cache_key") == key]
    if not same:
        return key, None, "miss: no successful run with the same inputs"
    found = same[0]
    ended = found.document.get("cached_at") or found.document["ended"]
    if step.cache.expires is not None and now - ended > step.cache.expires:
        return (
            key,
            None,
            f"miss: the newest run with the same inputs ended at {ended:%Y-%m-%dT%H:%M:%SZ}, too long ago",
        )
    source = (found.document.get("cache") or {}).get("SourcePipelineExecutionArn") or found.parent
    entries = {"cache": {"SourcePipelineExecutionArn": source}, "cached_at": ended}
    sight = Sight("Succeeded", found.document.get("metadata"), found.document.get("properties"), entries=entries)
    return key, sight, f"hit: {source}"
