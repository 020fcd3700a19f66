"""The six fields of cron(minutes hours day-of-month month day-of-week year), and the next time that fits them.

One of day-of-month and day-of-week is `?`. Local times that do not exist (clocks put forward) are left out; those
that exist twice count once.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_NEAREST = re.compile(r"(\d{1,2})W")
_FROM_END = re.compile(r"L-(\d{1,2})")
_LAST_OF = re.compile(r"([1-7]|[A-Z]{3})L")
_NTH_OF = re.compile(r"([1-7]|[A-Z]{3})#([1-5])")


@dataclass(frozen=True, slots=True)
class Cron:
    """Sorted values of the plain fields; the two day fields as their parts, because they depend on the month."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: str
    months: tuple[int, ...]
    week_days: str
    years: tuple[int, ...]

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first time behind `moment`, in UTC."""
        local = moment.astimezone(zone)
        today = local.date() - timedelta(days=1)  # around a change of clocks yesterday may still come
        for day in self._dates(today):
            for hour in self.hours:
                for minute in self.minutes:
                    naive = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - zone follows
                    due = naive.replace(tzinfo=zone).astimezone(UTC)
                    exists = due.astimezone(zone).replace(tzinfo=None) == naive
                    if exists and due > moment:
                        return due
        return None

    def _dates(self, first: date) -> Iterator[date]:
        for year in (year for year in self.years if year >= first.year):
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                for day in sorted(self._days(year, month)):
                    if (found := date(year, month, day)) >= first:
                        yield found

    def _days(self, year: int, month: int) -> set[int]:
        last = calendar.monthrange(year, month)[1]
        if self.week_days == "?":
            return {day for part in self.month_days.split(",") for day in _month_days(part, year, month, last)}
        return {day for part in self.week_days.split(",") for day in _week_days(part, year, month, last)}


def parse_cron(text: str) -> Cron:
    """The fields; ValueError when they are not what EventBridge takes."""
    fields = text.upper().split()
    if len(fields) != 6:
        raise ValueError("cron has six fields")
    minutes, hours, month_days, months, week_days, years = fields
    if (month_days == "?") == (week_days == "?"):
        raise ValueError("exactly one of day-of-month and day-of-week must be ?")
    for part in month_days.split(","):
        if month_days != "?":
            set(_month_days(part, 2000, 1, 31))
    for part in week_days.split(","):
        if week_days != "?":
            set(_week_days(part, 2000, 1, 31))
    return Cron(
        _values(minutes, 0, 59),
        _values(hours, 0, 23),
        month_days,
        _values(months, 1, 12, _MONTHS),
        week_days,
        _values(years, _FIRST_YEAR, _LAST_YEAR),
    )


def _values(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> tuple[int, ...]:
    return tuple(sorted({value for part in field.split(",") for value in _part(part, low, high, names or {})}))


def _part(part: str, low: int, high: int, names: Mapping[str, int]) -> range:
    """`*`, `5`, `1-5`, `*/10`, `3/10`, `1-30/5`."""
    span, slash, step_text = part.partition("/")
    step = _number(step_text, {}) if slash else 1
    if span == "*":
        first, last = low, high
    else:
        start, dash, end = span.partition("-")
        first = _number(start, names)
        last = _number(end, names) if dash else (high if slash else first)
    if not low <= first <= last <= high or step < 1:
        raise ValueError(f"{part} is not within {low}-{high}")
    return range(first, last + 1, step)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise ValueError(f"{text[:20]!r} is not a number")
    return int(text)


def _month_days(part: str, year: int, month: int, last: int) -> Iterator[int]:
    if part == "L":
        yield last
    elif part == "LW":
        yield _nearest_weekday(year, month, last, last)
    elif found := _FROM_END.fullmatch(part):
        if last - int(found[1]) >= 1:
            yield last - int(found[1])
    elif found := _NEAREST.fullmatch(part):
        if not 1 <= int(found[1]) <= 31:
            raise ValueError(f"{part} is not a day of a month")
        if int(found[1]) <= last:
            yield _nearest_weekday(year, month, int(found[1]), last)
    else:
        yield from (day for day in _part(part, 1, 31, {}) if day <= last)


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """The weekday nearest to the day, within the month."""
    weekday = date(year, month, day).weekday()
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _week_days(part: str, year: int, month: int, last: int) -> Iterator[int]:
    if part == "L":
        part = "7"
    if found := _LAST_OF.fullmatch(part):
        yield _with_weekday(year, month, last, _number(found[1], _DAYS))[-1]
    elif found := _NTH_OF.fullmatch(part):
        days = _with_weekday(year, month, last, _number(found[1], _DAYS))
        yield from days[int(found[2]) - 1 : int(found[2])]
    else:
        for weekday in _part(part, 1, 7, _DAYS):
            yield from _with_weekday(year, month, last, weekday)


def _with_weekday(year: int, month: int, last: int, weekday: int) -> range:
    """Days of the month with this weekday, where 1 is Sunday."""
    first = (weekday + 5) % 7  # Monday is 0 in Python
    start = 1 + (first - date(year, month, 1).weekday()) % 7
    return range(start, last + 1, 7)
