"""What an event brings along when a rule passes it on to another bus: its id, and how many rules have done so.

The engine writes it into the trace header of the PutEvents call that it makes, the service reads it there. It is
believed only from calls that Clary makes to itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_HOPS = 16
"""A longer way is taken for a circle."""

_FORM = re.compile(r"Self=([A-Za-z0-9-]{1,64});Hops=([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Passage:
    """`hops` is 0 for what comes from outside of all buses."""

    event_id: str
    hops: int

    def written(self) -> str:
        return f"Self={self.event_id};Hops={self.hops}"


def read_passage(text: str) -> Passage | None:
    """None when it is something else, such as the trace header of a user."""
    found = _FORM.fullmatch(text)
    return Passage(found[1], int(found[2])) if found else None
