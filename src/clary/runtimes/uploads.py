"""Brings folders of a job to S3: once at the end, or again and again while it runs (checkpoints, continuous outputs).

While the job runs only files that changed and then rested are uploaded, each from a private copy that was proven
whole: a reader of S3 never sees half of a file. What was uploaded is remembered in a record beside /opt/ml; losing
the last entries of it only means that the same bytes are stored again. Links are not followed.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clary.base import durable
from clary.base.crash import crash_here
from clary.runtimes import archives
from clary.runtimes.errors import StagingError
from clary.runtimes.sources import Objects, parse_s3_uri
from clary.runtimes.staging import shown

_LOOK_SECONDS = 3.0
_REST_SECONDS = 1.0
_RECORD_EVERY = 100  # the record is written whole each time
Signature = list[int]


def upload_folder(objects: Objects, folder: Path, uri: str, root: Path | None = None) -> int:
    """Store every file below `folder` under the prefix `uri`; returns how many."""
    bucket, prefix = parse_s3_uri(uri)
    count = 0
    for path, key in list_outputs(folder, prefix, root):
        objects.store(bucket, key, path)
        count += 1
    return count


def list_outputs(folder: Path, prefix: str, root: Path | None = None) -> Iterator[tuple[Path, str]]:
    """(file, key) of the plain files below a folder, in order. With `root`, the way to the folder is checked too."""
    archives.check_way(folder, root)
    base = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                continue
            key = base + str(path.relative_to(folder))
            if not key.isprintable() and "\udc80" <= max(key) <= "\udcff":
                raise StagingError(f"The output file {shown(key)} has a name that is not UTF-8.")
            yield path, key


@dataclass(frozen=True, slots=True)
class Synced:
    """A folder below `root` (the unit's /opt/ml) and the prefix that it is kept the same as.

    `record` is the file, out of the job's reach, that says what has been uploaded.
    """

    folder: Path
    uri: str
    root: Path
    record: Path

    def mark(self) -> None:
        """Everything in the folder now came from S3, and need not go there again."""
        found = {key: _signature(path.lstat()) for path, key in self._files()}
        durable.write_json(self.record, found)

    def is_due(self, now: datetime) -> bool:
        """Whether the last look is some seconds ago. How it ended does not matter: trouble must not be hurried."""
        try:
            return now.timestamp() - self.record.stat().st_mtime >= _LOOK_SECONDS
        except FileNotFoundError:
            return True

    def upload_rested(self, objects: Objects, now: datetime) -> int:
        """While the job runs: store changed files that nobody has written to for a moment; returns how many."""
        self._begin_look()
        count = 0
        known = self._known()
        copy = self.record.with_suffix(".copy")
        for path, key in self._files():
            signature = _copy_if_rested(self.root, path, copy, now.timestamp(), known.get(key))
            if signature is not None:
                count += 1
                self._store(objects, key, copy, known, signature, count)
        copy.unlink(missing_ok=True)
        if count:
            durable.write_json(self.record, known)
        crash_here("uploads.recorded")
        return count

    def upload_rest(self, objects: Objects) -> int:
        """When nothing of the job runs any more: store whatever is not yet there; returns how many."""
        count = 0
        known = self._known()
        for path, key in self._files():
            signature = _signature(path.lstat())
            if known.get(key) != signature:
                count += 1
                self._store(objects, key, path, known, signature, count)
        durable.write_json(self.record, known)
        return count

    def _begin_look(self) -> None:
        if self.record.exists():
            os.utime(self.record)
        else:
            durable.write_json(self.record, {})

    def _store(
        self,
        objects: Objects,
        key: str,
        source: Path,
        known: dict[str, Signature],
        signature: Signature,
        count: int,
    ) -> None:
        objects.store(parse_s3_uri(self.uri)[0], key, source)
        crash_here("uploads.stored")
        known[key] = signature
        if count % _RECORD_EVERY == 0:
            durable.write_json(self.record, known)

    def _files(self) -> Iterator[tuple[Path, str]]:
        return list_outputs(self.folder, parse_s3_uri(self.uri)[1], self.root)

    def _known(self) -> dict[str, Signature]:
        try:
            known: dict[str, Signature] = json.loads(self.record.read_bytes())
        except FileNotFoundError:
            return {}
        return known


def _signature(status: os.stat_result) -> Signature:
    """Other bytes have another signature: the job can set the time of the last change, but not the inode's."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _copy_if_rested(root: Path, path: Path, copy: Path, now: float, known: Signature | None) -> Signature | None:
    """Copy a changed file that is not being written; None (and no whole copy) otherwise.

    The job goes on meanwhile: it may take the file away, swap it or a folder for a link, or write to it.
    """
    try:
        descriptor = open_below(root, path)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        before = _signature(status)
        if not stat.S_ISREG(status.st_mode) or before == known or now - status.st_mtime < _REST_SECONDS:
            return None
        with copy.open("wb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
        return before if _signature(os.fstat(descriptor)) == before else None


def open_below(root: Path, path: Path) -> int:
    """Open a file step by step from `root`, so that no folder on the way can be a link. Raises OSError."""
    *folders, name = path.relative_to(root).parts
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)
