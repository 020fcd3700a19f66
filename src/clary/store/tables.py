"""All tables of the database; importing this module registers every one of them in METADATA."""

from __future__ import annotations

from clary.store import resources, tags, work
from clary.store.metadata import METADATA

TABLES = (resources.RESOURCES, work.WORK, tags.TAGS)

__all__ = ["METADATA", "TABLES"]
