"""rate, at and cron: the documented examples, time zones and changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.events.expressions import next_after, parse_expression, says_one_hours

THURSDAY = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("rate(1 minute)", "2026-01-01T12:01:00"),
        ("rate(1 minutes)", "2026-01-01T12:01:00"),
        ("rate(5 hours)", "2026-01-01T17:00:00"),
        ("at(2026-02-03T04:05:06)", "2026-02-03T04:05:06"),
        ("cron(15 10 * * ? *)", "2026-01-02T10:15:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-01T18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-02-01T08:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T12:15:00"),
        ("cron(0/10 * ? * MON-FRI *)", "2026-01-01T12:10:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-01-05T09:00:00"),
        ("cron(0 9 ? * MON#5 *)", "2026-03-30T09:00:00"),
        ("cron(0 0 L * ? *)", "2026-01-31T00:00:00"),
        ("cron(0 0 L-2 * ? *)", "2026-01-29T00:00:00"),
        ("cron(0 0 LW * ? *)", "2026-01-30T00:00:00"),
        ("cron(0 0 3W * ? *)", "2026-01-02T00:00:00"),
        ("cron(0 0 1W * ? *)", "2026-02-02T00:00:00"),
        ("cron(0 0 ? * 6L *)", "2026-01-30T00:00:00"),
        ("cron(0 0 ? * L *)", "2026-01-03T00:00:00"),
        ("cron(30 6 ? JAN-MAR,DEC SUN,WED 2026-2030)", "2026-01-04T06:30:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29T00:00:00"),
        ("cron(0 0 1 1 ? 2030)", "2030-01-01T00:00:00"),
    ],
)
def test_next_time(expression: str, wanted: str) -> None:
    assert next_after(expression, THURSDAY) == datetime.fromisoformat(wanted).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", ["at(2025-12-31T00:00:00)", "cron(0 0 31 2 ? *)", "cron(0 0 * * ? 2020)"])
def test_never_again(expression: str) -> None:
    assert next_after(expression, THURSDAY) is None


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate(0 minutes)",
        "rate(2 minute)",
        "rate(999999999 days)",
        "at(2026-13-01T00:00:00)",
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(0 0 * * ?)",
        "cron(60 0 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 * 13 ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * MON#6 *)",
        "cron(5-1 0 * * ? *)",
        "cron(0/0 0 * * ? *)",
        "cron(0 0 32W * ? *)",
        "cron(0 0 * * ? 1900)",
        "cron(0 0 ? * XYZ *)",
    ],
)
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_expression(expression)


def test_zones_and_changes_of_clocks() -> None:
    zone = "Europe/Zurich"
    daily = "cron(30 2 * * ? *)"
    before = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    assert next_after(daily, before, zone) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)  # no 02:30 on the 29th
    autumn = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    first = next_after(daily, autumn, zone)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_after(daily, first, zone) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)  # 02:30 twice, fired once
    assert next_after("at(2026-07-01T09:00:00)", before, zone) == datetime(2026, 7, 1, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../etc/passwd", "", "/etc/localtime"])
def test_what_is_no_zone(zone: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        next_after("rate(1 minute)", THURSDAY, zone)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.sampled_from(["*", "0/7", "5", "1-10/3"]))  # noqa: DTZ001 - made UTC below
def test_minutes_are_neither_skipped_nor_repeated(moment: datetime, minutes: str) -> None:
    start = moment.replace(tzinfo=UTC)
    allowed = {"*": set(range(60)), "0/7": set(range(0, 60, 7)), "5": {5}, "1-10/3": {1, 4, 7, 10}}[minutes]
    wanted = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while wanted.minute not in allowed:
        wanted += timedelta(minutes=1)
    assert next_after(f"cron({minutes} * * * ? *)", start) == wanted


def test_a_rate_of_one_in_the_plural_is_told() -> None:
    assert [text for text in ("rate(1 hours)", "rate(1 hour)", "rate(11 hours)") if says_one_hours(text)] == [
        "rate(1 hours)"
    ]
