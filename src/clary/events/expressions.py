"""Schedule expressions: rate(5 minutes), at(2030-01-31T09:00:00) and cron(...), whose fields are in `cron`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clary.events.cron import Cron, parse_cron

_RATE = re.compile(r"rate\((\d{1,9}) (minute|minutes|hour|hours|day|days)\)")
_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_CRON = re.compile(r"cron\(([^()]{1,200})\)")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,64}(/[A-Za-z0-9_+\-]{1,64}){0,3}")


class Expression(Protocol):
    """A parsed schedule expression."""

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first time behind `moment`, None when there is none any more."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so often; counted from whenever it last was."""

    interval: timedelta

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        return moment + self.interval


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a time of the zone."""

    local: datetime

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        due = self.local.replace(tzinfo=zone).astimezone(UTC)
        return due if due > moment else None


def parse_expression(text: str) -> Rate | At | Cron:
    """The expression; ValueError when it is none. Schedules may also say `rate(1 hours)`: see `says_one_hours`."""
    if found := _RATE.fullmatch(text):
        return _rate(int(found[1]), found[2])
    if found := _AT.fullmatch(text):
        return At(datetime.fromisoformat(found[1]))
    if found := _CRON.fullmatch(text):
        return parse_cron(found[1])
    raise ValueError(f"not a schedule expression: {text[:100]}")


def says_one_hours(text: str) -> bool:
    """Whether it is a rate of one in the plural, which EventBridge Scheduler takes, and a rule does not."""
    found = _RATE.fullmatch(text)
    return found is not None and int(found[1]) == 1 and found[2].endswith("s")


def find_zone(name: str) -> ZoneInfo:
    """The time zone; ValueError when there is none of this name."""
    try:
        if not _ZONE.fullmatch(name):
            raise ValueError(f"not a time zone: {name[:100]}")
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(f"not a time zone: {name[:100]}") from None


def next_after(expression: str, moment: datetime, zone: str = "UTC") -> datetime | None:
    """The first time behind `moment` at which the expression is due."""
    return parse_expression(expression).next_after(moment, find_zone(zone))


def _rate(value: int, unit: str) -> Rate:
    if value < 1 or (value > 1 and not unit.endswith("s")):
        raise ValueError("a rate is 1 minute, 2 minutes, 1 hour, ...")
    try:
        interval = timedelta(**{unit.rstrip("s") + "s": value})
        datetime(2000, 1, 1, tzinfo=UTC) + interval
    except OverflowError:
        raise ValueError("a rate must be less than some thousand years") from None
    return Rate(interval)
