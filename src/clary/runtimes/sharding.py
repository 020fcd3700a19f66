"""Which instance gets which objects, and in which order. Pure, and the same for the same arguments everywhere.

Called by staging; also by whoever splits the work of several instances.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def shard(objects: Sequence[T], index: int, count: int) -> list[T]:
    """The share of instance `index` (from 0) of `count`: every object goes to exactly one, sizes differ by one."""
    if not 0 <= index < count:
        raise ValueError(f"there is no instance {index} of {count}")
    return list(objects[index::count])


def shuffled(objects: Sequence[T], seed: int, epoch: int = 0) -> list[T]:
    """The objects in an order that only seed, epoch and their number decide (the toolkit's pipes do the same)."""
    places = sorted(range(len(objects)), key=lambda place: _rank(seed, epoch, place))
    return [objects[place] for place in places]


def _rank(seed: int, epoch: int, place: int) -> bytes:
    return hashlib.sha256(f"{seed}/{epoch}/{place}".encode()).digest()
