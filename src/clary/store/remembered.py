"""Values that were parsed out of documents before, so that they are not parsed again; one memory per open database.

A value belongs to a row's id and revision, which never mean two different documents: nothing here can be stale.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any

Values = Mapping[int, tuple[int, Any]]  # id: (revision, value)


class Remembered:
    """At most `most` values; the fields that were not used for the longest time are forgotten first."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._fields: OrderedDict[Hashable, dict[int, tuple[int, Any]]] = OrderedDict()

    def find(self, field: Hashable) -> Values:
        """Everything that is known of a field; it does not change any more."""
        with self._lock:
            if field not in self._fields:
                return {}
            self._fields.move_to_end(field)
            return self._fields[field]

    def keep(self, field: Hashable, values: Values) -> None:
        """Into a new dictionary each time: others may be reading the old one."""
        with self._lock:
            self._fields[field] = {**self._fields.pop(field, {}), **values}
            while self._fields and sum(map(len, self._fields.values())) > self._most:
                self._fields.popitem(last=False)
