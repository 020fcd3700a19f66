"""What objects and parts are made of: lists of extents of blobs, counted by their users.

Two objects may use one content (a copy), and two contents one blob (a part that was copied from a range). All
counting happens in the caller's transaction; functions that let go of a content return the blobs that nobody names
any more, to be deleted *after* the commit. An empty content is None: it has no bytes and no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, bindparam, delete, insert, select, update

from clary.base import ids
from clary.base.crash import crash_here
from clary.store.blobs import Blobs, Extent
from clary.store.database import Database, Transaction
from clary.store.metadata import METADATA

CONTENTS = Table(
    "contents",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("uses", Integer, nullable=False),
)

EXTENTS = Table(
    "extents",
    METADATA,
    Column("content", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("part", Integer, nullable=False),
    Column("blob", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Index(None, "blob"),
)

_BATCH = 500
_T = TypeVar("_T")


def add(tx: Transaction, extents: Sequence[Extent]) -> str | None:
    """A new content with one user; None for no bytes at all."""
    filled = [extent for extent in extents if extent.length]
    if not filled:
        return None
    content = ids.short_id(20)
    tx.execute(insert(CONTENTS).values(id=content, uses=1))
    rows = [
        {"content": content, "position": n, "part": e.part, "blob": e.blob, "start": e.start, "length": e.length}
        for n, e in enumerate(filled)
    ]
    tx.execute(insert(EXTENTS), rows)
    return content


def share(tx: Transaction, content: str | None) -> str | None:
    """One more user of a content; returns it."""
    if content is not None:
        tx.execute(update(CONTENTS).where(CONTENTS.c.id == content).values(uses=CONTENTS.c.uses + 1))
    return content


def extents(tx: Transaction, content: str | None) -> list[Extent]:
    """The extents of a content, in order."""
    if content is None:
        return []
    columns = (EXTENTS.c.blob, EXTENTS.c.start, EXTENTS.c.length, EXTENTS.c.part)
    rows = tx.execute(select(*columns).where(EXTENTS.c.content == content).order_by(EXTENTS.c.position))
    return [Extent(row.blob, row.start, row.length, row.part) for row in rows]


def cut(whole: Sequence[Extent], start: int, length: int) -> list[Extent]:
    """The extents that hold `length` bytes from `start` on."""
    pieces = []
    for extent in whole:
        if length <= 0:
            break
        if start < extent.length:
            size = min(extent.length - start, length)
            pieces.append(Extent(extent.blob, extent.start + start, size, extent.part))
            length -= size
            start = 0
        else:
            start -= extent.length
    return pieces


def release(tx: Transaction, contents: Iterable[str | None]) -> list[str]:
    """One user less for each of them. Returns blobs to delete after the commit."""
    uses = Counter(content for content in contents if content is not None)
    garbage: list[str] = []
    for batch in _batches(uses.items()):
        statement = (
            update(CONTENTS)
            .where(CONTENTS.c.id == bindparam("content"))
            .values(uses=CONTENTS.c.uses - bindparam("count"))
        )
        tx.execute(statement, [{"content": content, "count": count} for content, count in batch])
        garbage += _drop_unused(tx, [content for content, _ in batch])
    return garbage


def named_blobs(tx: Transaction, blobs: Iterable[str]) -> set[str]:
    """Those of the blobs that some content names."""
    found: set[str] = set()
    for batch in _batches(blobs):
        rows = tx.execute(select(EXTENTS.c.blob).where(EXTENTS.c.blob.in_(batch)).distinct())
        found.update(row.blob for row in rows)
    return found


def reclaim(database: Database, blobs: Blobs, *, older_than: float = 3600.0) -> int:
    """Delete files that no row names: leftovers of a crash. Returns how many.

    Everything younger than an hour may belong to a request that is under way; at the start of control, before
    anything is under way, pass `older_than=0`.
    """

    def known(names: Sequence[str]) -> set[str]:
        with database.read() as tx:
            return named_blobs(tx, names)

    return blobs.sweep(known, older_than=older_than)


def _drop_unused(tx: Transaction, contents: Sequence[str]) -> list[str]:
    rows = tx.execute(select(CONTENTS.c.id).where(CONTENTS.c.id.in_(contents), CONTENTS.c.uses <= 0))
    dead = [row.id for row in rows]
    if not dead:
        return []
    found = tx.execute(select(EXTENTS.c.blob).where(EXTENTS.c.content.in_(dead)).distinct())
    blobs = [row.blob for row in found]
    tx.execute(delete(EXTENTS).where(EXTENTS.c.content.in_(dead)))
    tx.execute(delete(CONTENTS).where(CONTENTS.c.id.in_(dead)))
    crash_here("contents.after_drop")
    still = named_blobs(tx, blobs)
    return [blob for blob in blobs if blob not in still]


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
