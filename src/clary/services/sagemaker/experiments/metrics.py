"""Summaries of the metrics of a trial component, as DescribeTrialComponent and Search show them."""

from __future__ import annotations

from typing import Any

from clary.store.metric_series import Summary

_COLUMNS = {"MetricName": "name", "Max": "max", "Min": "min", "Last": "last", "Count": "count", "Avg": "mean"}
_MEMBERS = (*_COLUMNS, "TimeStamp", "StdDev")


def summary_member(arn: str, summary: Summary) -> dict[str, Any]:
    return {
        "MetricName": summary.name,
        "SourceArn": arn,
        "TimeStamp": summary.at,
        "Max": summary.max,
        "Min": summary.min,
        "Last": summary.last,
        "Count": summary.count,
        "Avg": summary.mean,
        "StdDev": summary.deviation,
    }


def named_members(names: set[str]) -> dict[str, str] | None:
    """The members of these names (in any case) and the columns that hold them; None when one is made of several."""
    wanted = {member for member in _MEMBERS if member.lower() in names}
    simple = {member: _COLUMNS[member] for member in wanted if member in _COLUMNS}
    return simple if len(simple) == len(wanted) else None


def of_job(arn: str, listed: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The last values that the log of a job has shown, as summaries of one point each."""
    return [
        {
            "MetricName": metric["MetricName"],
            "SourceArn": arn,
            "TimeStamp": metric["Timestamp"],
            **dict.fromkeys(("Max", "Min", "Last", "Avg"), metric["Value"]),
            "Count": 1,
            "StdDev": 0.0,
        }
        for metric in listed or []
    ]
