"""GetSearchSuggestions: names of properties that begin like what has been typed."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.sagemaker.search.kinds import find_kind
from clary.store import resources
from clary.store.resources import Query

_SAMPLE = 20
_MOST = 100


def get_search_suggestions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """From the newest resources of the kind, one level into maps."""
    kind = find_kind(request["Resource"])
    typed = ((request.get("SuggestionQuery") or {}).get("PropertyNameQuery") or {}).get("PropertyNameHint", "")
    names = {"Tags", *kind.columns}
    with context.database.read() as tx:
        query = Query(context.account, context.region, kind.kind, descending=True, limit=_SAMPLE)
        for row in resources.page(tx, query):
            for name, value in kind.render(tx, row).items():
                names.add(name)
                if isinstance(value, dict):
                    names |= {f"{name}.{inner}" for inner in value}
    found = sorted(name for name in names if name.lower().startswith(typed.lower()))
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in found[:_MOST]]}
