"""All tables of the database; importing this module registers every one of them in METADATA."""

from __future__ import annotations

from clary.store import (
    associations,
    audit,
    buckets,
    contents,
    deliveries,
    key_uses,
    lineage,
    log_records,
    metric_data,
    metric_series,
    objects,
    outbox,
    parameters,
    queue_records,
    resources,
    tags,
    tuning_trials,
    uploads,
    work,
)
from clary.store.metadata import METADATA

TABLES = (
    resources.RESOURCES,
    work.WORK,
    tags.TAGS,
    buckets.BUCKETS,
    buckets.NOTIFICATIONS,
    buckets.SETTINGS,
    objects.OBJECTS,
    objects.VERSIONS,
    contents.CONTENTS,
    contents.EXTENTS,
    uploads.UPLOADS,
    uploads.PARTS,
    audit.AUDIT,
    key_uses.KEY_USES,
    log_records.GROUPS,
    log_records.STREAMS,
    log_records.EVENTS,
    outbox.OUTBOX,
    deliveries.DELIVERIES,
    queue_records.MESSAGES,
    queue_records.GROUPS,
    queue_records.DEDUPLICATIONS,
    tuning_trials.TRIALS,
    parameters.PARAMETERS,
    parameters.VERSIONS,
    associations.ASSOCIATIONS,
    metric_series.POINTS,
    metric_series.SUMMARIES,
    lineage.EDGES,
    lineage.SOURCES,
    metric_data.METRICS,
    metric_data.DATA,
    metric_data.REPORTS,
)

__all__ = ["METADATA", "TABLES"]
