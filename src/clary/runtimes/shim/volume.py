"""How much a unit has written."""

from __future__ import annotations

import os
import time

POLL_VOLUME, VOLUME_SHARE, VOLUME_SLICE = 1.0, 100, 1000


class Volume:
    """How much lies in the unit's folders, measured again and again, for at most a hundredth of the time.

    What was staged (inputs) is measured on its own: it may be many files, and only what it grows by counts. Large
    trees are walked a slice at a time, so that the log and the limits are not kept waiting.
    """

    def __init__(self, folders: list[str], staged: list[str]) -> None:
        self.staged = set(staged)
        self.trees = [Tree(folder, self.staged, counts_from_zero=True) for folder in folders]
        self.trees += [Tree(folder, self.staged, counts_from_zero=False) for folder in staged]
        self.used = 0

    def measure(self) -> float:
        """Do a slice of what is due; returns when to come again."""
        now = time.monotonic()
        for tree in self.trees:
            if tree.due <= now:
                tree.measure(now)
                break
        self.used = sum(tree.grown for tree in self.trees)
        return min(tree.due for tree in self.trees)


class Tree:
    """One folder of a volume. `grown` is from its last whole measurement."""

    def __init__(self, path: str, apart: set[str], counts_from_zero: bool) -> None:
        self.path, self.apart = path, apart
        self.base = 0 if counts_from_zero else None
        self.grown = 0
        self.due = time.monotonic()
        self.rest: list[str] = []  # folders that this measurement has not come to
        self.total, self.cost = 0, 0.0
        self.linked: set[tuple[int, int]] = set()

    def measure(self, began: float) -> None:
        if not self.rest:
            self.rest, self.total, self.cost = [self.path], 0, 0.0
            self.linked.clear()
        entries = 0
        while self.rest and entries < VOLUME_SLICE:
            entries += self._measure_folder(self.rest.pop())
        now = time.monotonic()
        self.cost += now - began
        if self.rest:
            self.due = now + VOLUME_SHARE * (now - began)
            return
        self.base = self.total if self.base is None else self.base
        self.grown = max(0, self.total - self.base)
        self.due = now + max(POLL_VOLUME, VOLUME_SHARE * self.cost)

    def _measure_folder(self, folder: str) -> int:
        """Returns how many entries there were. The job may be changing any of it."""
        count = 1
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    self._measure_entry(entry)
        except OSError:
            pass
        return count

    def _measure_entry(self, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return
        if entry.is_dir(follow_symlinks=False):
            if entry.path not in self.apart:
                self.rest.append(entry.path)
            return
        if entry.is_symlink():
            return
        if status.st_nlink > 1:
            if (status.st_dev, status.st_ino) in self.linked:
                return
            self.linked.add((status.st_dev, status.st_ino))
        self.total += status.st_blocks * 512  # what lies on the disk: holes do not
