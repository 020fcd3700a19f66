"""Single values of many rows of resources, without reading their whole documents: what Search looks at.

A field is a column (`status`) or a pointer into the document (`/request/HyperParameters`). Values of documents are
remembered by the row's id and revision; so a second search over the same rows parses nothing again, and a changed row
is simply read anew. For read transactions only: what is rolled back must not be remembered. On another database than
SQLite the column of documents must be of its JSON type for the pointers to be asked for like this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, Select, select, type_coerce

from clary.store import resources
from clary.store.database import Transaction
from clary.store.metadata import Document
from clary.store.remembered import Values
from clary.store.resources import RESOURCES, Query

_AT_ONCE = 500
# In the index by which the rows are found; everything else is remembered.
_ALWAYS_READ = frozenset({"status", "updated_at"})


def read(tx: Transaction, query: Query, fields: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Id, and values in the order of `fields`, of every row that the query means, in no particular order."""
    columns = [name for name in fields if name in _ALWAYS_READ]
    table = RESOURCES.c
    chosen: Select[Any] = select(table.id, table.revision, *(table[name] for name in columns))
    rows: Sequence[Sequence[Any]] = tx.execute(chosen.where(*resources.filters(query))).all()
    revisions = {row[0]: row[1] for row in rows}
    found: list[list[Any]] = []
    for name in fields:
        if name in columns:
            position = columns.index(name) + 2
            found.append([row[position] for row in rows])
        else:
            values = _values(tx, query, name, revisions)
            found.append([values[row[0]][1] for row in rows])
    return zip(revisions, zip(*found, strict=True) if found else ((),) * len(rows), strict=True)


def _values(tx: Transaction, query: Query, pointer: str, revisions: dict[int, int]) -> Values:
    """By id: revision and value. Two threads may read the same; they find the same."""
    field = (query.account, query.region, query.kind, pointer)
    known = tx.remembered.find(field)
    missing = [each for each, revision in revisions.items() if known.get(each, (0,))[0] != revision]
    if not missing:
        return known
    read_now = _from_documents(tx, pointer, missing)
    tx.remembered.keep(field, read_now)
    return {**known, **read_now}


def _from_documents(tx: Transaction, pointer: str, ids: list[int]) -> dict[int, tuple[int, Any]]:
    found: dict[int, tuple[int, Any]] = {}
    statement = _extract(pointer)
    for begin in range(0, len(ids), _AT_ONCE):
        chosen = statement.where(RESOURCES.c.id.in_(ids[begin : begin + _AT_ONCE]))
        rows: Sequence[Sequence[Any]] = tx.execute(chosen).all()
        found |= {row[0]: (row[1], row[2]) for row in rows}
    return found


def _extract(pointer: str) -> Select[Any]:
    if not pointer.startswith("/"):
        return select(RESOURCES.c.id, RESOURCES.c.revision, RESOURCES.c[pointer])
    path = tuple(pointer.split("/")[1:])
    value = type_coerce(RESOURCES.c.document, JSON)[path]
    return select(RESOURCES.c.id, RESOURCES.c.revision, type_coerce(value, Document))
