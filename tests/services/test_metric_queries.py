"""BatchGetMetrics in process: periods, statistics and axes, and refusals query by query."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from clary.services.context import Context
from clary.services.sagemaker import OPERATIONS as SAGEMAKER
from clary.services.sagemaker_metrics import OPERATIONS
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:experiment-trial-component/measured"
MINUTE = int(NOW.timestamp()) // 60 * 60


@pytest.fixture
def metrics(context: Context, permissions: Permissions) -> Client:
    Client("sagemaker", SAGEMAKER, context, permissions)("CreateTrialComponent", TrialComponentName="Measured")
    client = Client("sagemaker-metrics", OPERATIONS, context, permissions)
    data = [
        point(0, 3.0, Step=0),
        point(10, 1.0, Step=0),
        point(70, 2.0, Step=1),
        point(3700, 8.0, Step=2),
        point(3701, 100.0),
    ]
    assert client("BatchPutMetrics", TrialComponentName="measured", MetricData=data) == {}
    return client


def point(seconds: int, value: float, **more: Any) -> dict[str, Any]:
    at = datetime.fromtimestamp(MINUTE, NOW.tzinfo) + timedelta(seconds=seconds)
    return {"MetricName": "loss", "Timestamp": at, "Value": value, **more}


def ask(client: Client, **changes: Any) -> dict[str, Any]:
    query = {
        "MetricName": "loss",
        "ResourceArn": ARN,
        "MetricStat": "Avg",
        "Period": "OneMinute",
        "XAxisType": "Timestamp",
        **changes,
    }
    (result,) = client("BatchGetMetrics", MetricQueries=[query])["MetricQueryResults"]
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        ("Min", [1.0, 2.0, 8.0]),
        ("Max", [3.0, 2.0, 8.0]),
        ("Avg", [2.0, 2.0, 8.0]),
        ("Count", [2.0, 1.0, 1.0]),
        ("Last", [1.0, 2.0, 8.0]),
        ("StdDev", [1.0, 0.0, 0.0]),
    ],
)
def test_statistics_of_iterations(metrics: Client, statistic: str, values: list[float]) -> None:
    found = ask(metrics, MetricStat=statistic, Period="IterationNumber", XAxisType="IterationNumber")
    assert found == {"Status": "Complete", "XAxisValues": [0, 1, 2], "MetricValues": values}


def test_periods_begin_at_whole_minutes_and_hours(metrics: Client) -> None:
    by_minute = ask(metrics, MetricStat="Count")
    assert by_minute["XAxisValues"] == [MINUTE, MINUTE + 60, MINUTE + 3660]
    assert by_minute["MetricValues"] == [2.0, 1.0, 2.0]
    assert sum(ask(metrics, MetricStat="Count", Period="OneHour")["MetricValues"]) == 5.0
    assert ask(metrics, Start=MINUTE + 70, End=MINUTE + 3700)["MetricValues"] == [2.0, 8.0]
    assert ask(metrics, XAxisType="IterationNumber", MetricStat="Max")["XAxisValues"] == [0, 1, 2]
    assert ask(metrics, Period="IterationNumber")["XAxisValues"] == [MINUTE + 10, MINUTE + 70, MINUTE + 3700]


def test_what_cannot_be_answered_says_why(metrics: Client) -> None:
    assert ask(metrics, MetricName="unheard")["MetricValues"] == []
    for changes, message in (
        ({"ResourceArn": ARN.replace("measured", "nobody")}, "not a trial component"),
        ({"ResourceArn": ARN.replace("us-east-1", "eu-west-1")}, "another account or region"),
        ({"Start": 5, "End": 4}, "later than End"),
        ({"Start": -1}, "seconds since 1970"),
    ):
        found = ask(metrics, **changes)
        assert found["Status"] == "ValidationError"
        assert message in found["Message"]
    metrics.permissions.denied.append("sagemaker:BatchGetMetrics *")
    assert ask(metrics)["Status"] == "ValidationError"
