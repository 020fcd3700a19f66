"""Finding an earlier run of a step whose result may be taken instead: same pipeline, same step, same inputs.

Inputs are the same when they are written the same; with the setting `cache_contents`, the objects in S3 that they
lead to must have the same ETags as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from clary.base.errors import ApiError
from clary.definitions.caching import cache_key, input_addresses
from clary.definitions.document import Step
from clary.engine.pipelines.rows import KIND
from clary.engine.pipelines.steps.port import Sight
from clary.engine.role_objects import RoleObjects
from clary.engine.surroundings import Surroundings
from clary.runtimes.errors import StagingError
from clary.runtimes.sources import parse_s3_uri
from clary.store import resources
from clary.store.resources import Resource

_CANDIDATES = 100


def look_up(
    around: Surroundings,
    execution: Resource,
    step: Step,
    arguments: Any,
    objects: Callable[[], RoleObjects],
    now: datetime,
) -> tuple[str, Sight | None, str]:
    """(key of this run, the result of the newest run with the same key, why or why not)."""
    if step.cache is None:
        raise AssertionError("only steps with a policy are looked up")
    contents = None
    if around.settings.cache_contents:
        try:
            contents = _contents(objects(), input_addresses(step, arguments))
        except (ApiError, StagingError) as error:
            return "", None, f"miss: the inputs cannot be compared: {error}"
    key = cache_key(step, arguments, contents)
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


def _contents(objects: RoleObjects, addresses: list[str]) -> dict[str, str]:
    """For each address a hash over the keys and ETags of what lies below it."""
    return {
        address: hashlib.sha256(json.dumps(list(objects.contents(*parse_s3_uri(address)))).encode()).hexdigest()
        for address in addresses
    }
