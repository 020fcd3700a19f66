"""GetSearchSuggestions: names of properties that begin like what has been typed."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.search.kinds import find_kind
from clary.store import attachments, resources
from clary.store.resources import Query

_SAMPLE = 20
_MOST = 100


def get_search_suggestions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """What the kind has, and what its newest resources hold: keys of maps and tags, names of metrics."""
    kind = find_kind(request["Resource"])
    typed = ((request.get("SuggestionQuery") or {}).get("PropertyNameQuery") or {}).get("PropertyNameHint", "")
    names = kind.names()
    query = Query(context.account, context.region, kind.kind, descending=True, limit=_SAMPLE)
    with context.database.read() as tx:
        for row in resources.page(tx, query):
            for name, value in kind.render(tx, row).items():
                names |= {f"{name}.{inner}" for inner in _inner(value)}
        for held in attachments.tags(tx, query).values():
            names |= {f"Tags.{key}" for key in held}
    names |= {name.replace("FinalMetricDataList.", "Metrics.") for name in names}
    found = sorted(name for name in names if name.lower().startswith(typed.lower()))
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in found[:_MOST]]}


def _inner(value: Any) -> list[str]:
    if isinstance(value, dict):
        return list(value)
    listed = value if isinstance(value, list) else []
    return [each["MetricName"] for each in listed if isinstance(each, dict) and "MetricName" in each]
