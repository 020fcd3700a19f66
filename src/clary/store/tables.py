"""All tables of the database; importing this module registers every one of them in METADATA."""

from __future__ import annotations

from clary.store import buckets, contents, logs, objects, resources, tags, uploads, work
from clary.store.metadata import METADATA

TABLES = (
    resources.RESOURCES,
    work.WORK,
    tags.TAGS,
    buckets.BUCKETS,
    objects.OBJECTS,
    contents.CONTENTS,
    contents.EXTENTS,
    uploads.UPLOADS,
    uploads.PARTS,
    logs.GROUPS,
    logs.STREAMS,
    logs.EVENTS,
)

__all__ = ["METADATA", "TABLES"]
