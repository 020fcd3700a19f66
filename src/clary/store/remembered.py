"""What was read before, so that it is not read or parsed again; one memory of each kind per open database.

Values of `Remembered` belong to a row's id and revision, which never mean two different documents: they cannot be
stale. `Facts` hold until a transaction that says `forget` has committed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
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


class Facts:
    """At most `most` facts by name; those that were not asked for the longest time are forgotten first."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._facts: OrderedDict[Hashable, Any] = OrderedDict()
        self._changes = 0

    def get(self, name: Hashable, load: Callable[[], Any]) -> Any:
        """The fact, from `load` if it is not known. What was loaded while something changed is not kept."""
        with self._lock:
            if name in self._facts:
                self._facts.move_to_end(name)
                return self._facts[name]
            before = self._changes
        fact = load()
        with self._lock:
            if before == self._changes:
                self._facts[name] = fact
                if len(self._facts) > self._most:
                    self._facts.popitem(last=False)
        return fact

    def forget(self, names: Iterable[Hashable]) -> None:
        with self._lock:
            self._changes += 1
            for name in names:
                self._facts.pop(name, None)
