"""Lifecycle rules of buckets as decisions: which object, old version, marker or upload is due at a time.

A rule is the document that S3's API knows, as the services have checked it. Whoever applies rules (the engine) reads
and removes; nothing is read here. Ages count from midnight to midnight (UTC): what is put on Monday with an age of
one day is due when Wednesday begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules look at. `since` is when it was made, or, for an old version, when it was replaced."""

    key: str
    size: int
    since: datetime
    tags: Mapping[str, str]


def asks_tags(rules: Sequence[Rule]) -> bool:
    """Whether any rule looks at tags: reading them costs a query for each object."""
    return any(_conditions(rule)[1] for rule in rules)


def prefix_of(rule: Rule) -> str:
    return _conditions(rule)[0]


def object_due(rules: Sequence[Rule], subject: Subject, now: datetime) -> bool:
    """Whether a current object has reached its end."""
    for rule in _enabled(rules, "Expiration"):
        expiration = rule["Expiration"]
        if _applies(rule, subject) and (
            ("Days" in expiration and now >= _due(subject.since, expiration["Days"]))
            or ("Date" in expiration and now >= expiration["Date"])
        ):
            return True
    return False


def version_due(rules: Sequence[Rule], subject: Subject, newer: int, now: datetime) -> bool:
    """Whether an old version is due, of whose key `newer` old versions are newer than it."""
    return any(
        newer >= rule["NoncurrentVersionExpiration"].get("NewerNoncurrentVersions", 0)
        and now >= _due(subject.since, rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        and _applies(rule, subject)
        for rule in _enabled(rules, "NoncurrentVersionExpiration")
    )


def lone_marker_due(rules: Sequence[Rule], subject: Subject, now: datetime) -> bool:
    """Whether a delete marker with nothing left below it goes."""
    for rule in _enabled(rules, "Expiration"):
        expiration = rule["Expiration"]
        if subject.key.startswith(prefix_of(rule)) and (
            expiration.get("ExpiredObjectDeleteMarker")
            or ("Days" in expiration and now >= _due(subject.since, expiration["Days"]))
        ):
            return True
    return False


def upload_due(rules: Sequence[Rule], key: str, started_at: datetime, now: datetime) -> bool:
    """Whether an upload in parts has been left unfinished for too long."""
    return any(
        key.startswith(prefix_of(rule))
        and now >= _due(started_at, rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        for rule in _enabled(rules, "AbortIncompleteMultipartUpload")
    )


def _enabled(rules: Sequence[Rule], action: str) -> list[Rule]:
    return [rule for rule in rules if rule["Status"] == "Enabled" and action in rule]


def _due(since: datetime, days: int) -> datetime:
    """The first midnight at or after `days` days."""
    end = since + timedelta(days=days)
    midnight = end.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == end else midnight + timedelta(days=1)


def _applies(rule: Rule, subject: Subject) -> bool:
    prefix, tags, more_than, less_than = _conditions(rule)
    return (
        subject.key.startswith(prefix)
        and all(subject.tags.get(tag["Key"]) == tag["Value"] for tag in tags)
        and (more_than is None or subject.size > more_than)
        and (less_than is None or subject.size < less_than)
    )


def _conditions(rule: Rule) -> tuple[str, Sequence[Mapping[str, str]], int | None, int | None]:
    """Prefix, tags and bounds of the size."""
    given = rule.get("Filter") or {}
    within = given.get("And") or given
    tags = [given["Tag"]] if "Tag" in given else within.get("Tags") or []
    prefix = rule.get("Prefix") or within.get("Prefix") or ""
    return prefix, tags, within.get("ObjectSizeGreaterThan"), within.get("ObjectSizeLessThan")
