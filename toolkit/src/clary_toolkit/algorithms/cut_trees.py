"""A random cut forest: trees of random cuts through samples of the data, and how unusual a row is among them. Pure.

After Guha, Mishra, Roy and Schrijvers, "Robust Random Cut Forest Based Anomaly Detection On Streams" (2016). A cut
divides the box around a node's rows: the dimension by chance in proportion to the box's sides, the place evenly. A
row that would soon be cut off from the rest gets a high score; one that lies deep among others a score below one.

All trees share flat arrays, so that a step down is one step for every row in every tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clary_toolkit.algorithms.tables import numpy

_NUMBERS_AT_ONCE = 4_000_000
_LEAF = -1


@dataclass(frozen=True)
class Forest:
    """Node by node: `dimension` (-1 in a leaf) and `place` of the cut, the children, the number of rows (`mass`) and
    the box around them. `roots` are the trees' first nodes."""

    dimension: Any
    place: Any
    left: Any
    right: Any
    mass: Any
    low: Any
    high: Any
    roots: Any

    def scores(self, rows: Any) -> Any:
        """One number for each row."""
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(self.roots) * rows.shape[1]))
        parts = [self._scores(rows[start : start + at_once]) for start in range(0, len(rows), at_once)]
        return numpy.concatenate(parts) if parts else numpy.zeros(0)

    def _scores(self, rows: Any) -> Any:
        """Down all trees at once. `share` is the chance that a row has not been cut off above."""
        count = len(self.roots)
        row = numpy.repeat(numpy.arange(len(rows)), count)
        node, share = numpy.tile(self.roots, len(rows)), numpy.ones(len(rows) * count)
        tree_mass = self.mass[node].astype("f8")
        total, depth = numpy.zeros(len(rows)), 0
        while len(node):
            cut_off = self._cut_off(rows[row], node)
            leaf = self.dimension[node] == _LEAF
            gained = share * cut_off / (depth + 1)
            share = share * (1 - cut_off)
            mass = self.mass[node]
            inside = (1 - mass / (2 * tree_mass)) / (depth + numpy.log2(mass + 1.0))
            gained = numpy.where(leaf, gained + share * inside, gained)
            total += numpy.bincount(row, gained * numpy.log2(tree_mass + 1), len(rows))
            on = ~leaf & (share > 0)
            row, node, share, tree_mass = row[on], node[on], share[on], tree_mass[on]
            goes_left = rows[row, self.dimension[node]] <= self.place[node]
            node = numpy.where(goes_left, self.left[node], self.right[node])
            depth += 1
        return total / count

    def _cut_off(self, points: Any, node: Any) -> Any:
        """The chance that the first cut of the box around node and point lies between them."""
        low, high = self.low[node], self.high[node]
        outside = numpy.maximum(low - points, 0).sum(axis=1) + numpy.maximum(points - high, 0).sum(axis=1)
        whole = (high - low).sum(axis=1) + outside
        return numpy.where(whole > 0, outside / numpy.where(whole > 0, whole, 1), 0.0)


def grow(rows: Any, trees: int, sample: int, random: Any) -> Forest:
    """`rows` is a matrix of floating-point numbers."""
    growth = _Growth(rows, random)
    for _ in range(trees):
        chosen = random.choice(len(rows), sample, replace=False) if sample < len(rows) else numpy.arange(len(rows))
        growth.add_tree(chosen)
    return growth.forest()


class _Growth:
    """Nodes as they come; a node's children are made after it."""

    def __init__(self, rows: Any, random: Any) -> None:
        self._rows, self._random = rows, random
        self._nodes: list[tuple[int, float, int]] = []  # dimension, place, mass
        self._boxes: list[tuple[Any, Any]] = []
        self._children: list[list[int]] = []
        self._roots: list[int] = []

    def add_tree(self, chosen: Any) -> None:
        self._roots.append(len(self._nodes))
        waiting = [(chosen, -1)]
        while waiting:
            members, parent = waiting.pop()
            own = len(self._nodes)
            if parent >= 0:
                self._children[parent].append(own)
            goes_left = self._add_node(members)
            if goes_left is not None:
                waiting += [(members[~goes_left], own), (members[goes_left], own)]

    def forest(self) -> Forest:
        dimension, place, mass = (numpy.array(column) for column in zip(*self._nodes))
        left, right = numpy.array([pair or [0, 0] for pair in self._children]).T
        low, high = (numpy.stack(side) for side in zip(*self._boxes))
        return Forest(dimension, place, left, right, mass, low, high, numpy.array(self._roots))

    def _add_node(self, members: Any) -> Any:
        """Which of the members go to the left; None for a leaf, whose members are all the same."""
        points = self._rows[members]
        low, high = points.min(axis=0), points.max(axis=0)
        self._boxes.append((low, high))
        self._children.append([])
        reach = (high - low).cumsum(dtype="f8")
        if not reach[-1] > 0:
            self._nodes.append((_LEAF, 0.0, len(members)))
            return None
        dimension = int(numpy.searchsorted(reach, self._random.uniform(0, reach[-1]), side="right"))
        dimension = min(dimension, int(numpy.flatnonzero(high > low)[-1]))
        place = self._random.uniform(low[dimension], high[dimension])
        goes_left = points[:, dimension] <= place
        if goes_left.all():  # rounded up to the box's end
            place = low[dimension]
            goes_left = points[:, dimension] <= place
        self._nodes.append((dimension, float(place), len(members)))
        return goes_left
