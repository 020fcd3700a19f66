"""Search over resources of every kind, and suggestions of property names."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.search import searching, suggestions

OPERATIONS: Mapping[str, Operation] = {
    "GetSearchSuggestions": Operation(suggestions.get_search_suggestions),
    "Search": Operation(searching.search),
}
