"""PutMetricData, ListMetrics, GetMetricStatistics and GetMetricData in process."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from clary.services import cloudwatch
from clary.services.context import Context
from clary.store import metric_data
from tests.services.calling import NOW, Client, Permissions

BASE = NOW.replace(second=0, microsecond=0) - timedelta(minutes=10)
DIMENSIONS = [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    return Client("cloudwatch", cloudwatch.OPERATIONS, context, permissions)


def put(client: Client, name: str = "m", minute: float = 0, namespace: str = "n", **datum: Any) -> None:
    described = {"MetricName": name, "Timestamp": BASE + timedelta(minutes=minute), **datum}
    client("PutMetricData", Namespace=namespace, MetricData=[described])


def statistics(client: Client, period: int = 60, **changes: Any) -> list[dict[str, Any]]:
    asked = {
        "Namespace": "n",
        "MetricName": "m",
        "StartTime": BASE,
        "EndTime": BASE + timedelta(minutes=10),
        "Period": period,
        "Statistics": ["Sum", "SampleCount", "Average", "Minimum", "Maximum"],
        **changes,
    }
    return client("GetMetricStatistics", **asked)["Datapoints"]


def metric_data_of(client: Client, *queries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    times = {"StartTime": BASE, "EndTime": BASE + timedelta(minutes=10)}
    return client("GetMetricData", MetricDataQueries=list(queries), **{**times, **changes})


def stat(name: str, query_id: str = "", how: str = "Sum", **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "n", "MetricName": name}
    return {"Id": query_id or name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": how}, **more}


def test_values_are_summed_up_by_their_minute(client: Client) -> None:
    for seconds, value in ((5, 1.0), (59, 4.0), (60, 10.0)):
        put(client, minute=seconds / 60, Value=value)
    put(client, minute=1, Values=[2.0, 3.0], Counts=[1.0, 2.0])
    put(client, minute=1, StatisticValues={"SampleCount": 2, "Sum": 7, "Minimum": 1, "Maximum": 6})
    first, second = statistics(client)
    assert first == {
        "Timestamp": BASE,
        "Unit": "None",
        "Sum": 5.0,
        "SampleCount": 2.0,
        "Average": 2.5,
        "Minimum": 1.0,
        "Maximum": 4.0,
    }
    assert (second["Sum"], second["SampleCount"], second["Minimum"], second["Maximum"]) == (25.0, 6.0, 1.0, 10.0)
    (together,) = statistics(client, 300)
    assert (together["Sum"], together["Timestamp"]) == (30.0, BASE)


def test_a_start_within_a_minute_counts_from_its_beginning(client: Client) -> None:
    put(client, minute=0.1, Value=1.0)
    (point,) = statistics(client, StartTime=BASE + timedelta(seconds=55))
    assert point["Timestamp"] == BASE
    assert statistics(client, EndTime=BASE, StartTime=BASE - timedelta(hours=1)) == []


def test_high_resolution_is_found_by_the_second(client: Client) -> None:
    for second in (0, 1, 1, 6):
        put(client, minute=second / 60, Value=1.0, StorageResolution=1)
    put(client, minute=0, Value=100.0)
    fine = statistics(client, 1, EndTime=BASE + timedelta(minutes=1))
    assert [(point["Timestamp"].second, point["Sum"]) for point in fine] == [(0, 1.0), (1, 2.0), (6, 1.0)]
    assert [point["Sum"] for point in statistics(client, 5, EndTime=BASE + timedelta(minutes=1))] == [3.0, 1.0]
    assert statistics(client)[0]["Sum"] == 104.0


def test_percentiles_come_from_values_and_are_near_when_these_are_many(client: Client) -> None:
    for begin in range(1, 1001, 100):
        put(client, Values=[float(value) for value in range(begin, begin + 100)])
    (point,) = statistics(client, ExtendedStatistics=["p50", "p99", "p100"], Statistics=[])
    values = point["ExtendedStatistics"]
    assert values["p50"] == pytest.approx(500, rel=0.02)
    assert values["p99"] == pytest.approx(990, rel=0.02)
    assert values["p100"] <= 1000
    put(client, StatisticValues={"SampleCount": 2, "Sum": 7, "Minimum": 1, "Maximum": 6})
    (point,) = statistics(client, ExtendedStatistics=["p50"], Statistics=[])
    assert point["ExtendedStatistics"] == {}, "nobody knows"
    few = metric_data_of(client, stat("m", how="p90"))
    assert few["MetricDataResults"][0]["Values"] == []


def test_units_and_dimensions_make_different_metrics(client: Client) -> None:
    put(client, Value=1.0, Unit="Seconds")
    put(client, Value=2.0, Unit="Count")
    put(client, Value=4.0, Dimensions=DIMENSIONS)
    assert [(p["Unit"], p["Sum"]) for p in statistics(client)] == [("Count", 2.0), ("Seconds", 1.0)]
    assert [p["Sum"] for p in statistics(client, Unit="Seconds")] == [1.0]
    assert statistics(client, Unit="Bytes") == []
    assert [p["Sum"] for p in statistics(client, Dimensions=DIMENSIONS[::-1])] == [4.0]
    assert statistics(client, Dimensions=DIMENSIONS[:1]) == []
    assert metric_data_of(client, stat("m"))["MetricDataResults"][0]["Values"] == [3.0], "of all units"


def test_lists_are_filtered_and_paged(client: Client) -> None:
    put(client, Value=1.0, Dimensions=DIMENSIONS)
    put(client, Value=1.0, Dimensions=[{"Name": "a", "Value": '1"],["b","2'}])
    put(client, "other", -500, Value=1.0, Dimensions=[{"Name": "A", "Value": "1"}])
    put(client, "other", namespace="elsewhere", Value=1.0)

    def names(**filters: Any) -> list[tuple[str, str, int]]:
        found = client("ListMetrics", **filters)["Metrics"]
        return [(each["Namespace"], each["MetricName"], len(each["Dimensions"])) for each in found]

    assert len(names()) == 4
    assert names(Namespace="n", MetricName="other") == [("n", "other", 1)]
    assert names(Dimensions=[{"Name": "b", "Value": "2"}]) == [("n", "m", 2)]
    assert names(Dimensions=[{"Name": "a"}]) == [("n", "m", 2), ("n", "m", 1)]
    assert names(Namespace="n", RecentlyActive="PT3H") == [("n", "m", 2), ("n", "m", 1)]
    assert client.at(account="444455556666")("ListMetrics")["Metrics"] == []
    many = [{"MetricName": f"x{number}", "Value": 1.0} for number in range(1000)]
    client("PutMetricData", Namespace="many", MetricData=many)
    first = client("ListMetrics", Namespace="many")
    second = client("ListMetrics", Namespace="many", NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert len({each["MetricName"] for page in (first, second) for each in page["Metrics"]}) == 1000
    client.fails("ListMetrics", "InvalidParameterValueException", Namespace="n", NextToken=first["NextToken"])


BAD_DATA = [
    ({}, "MissingRequiredParameterException", "At least one"),
    ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombinationException", "mutually exclusive"),
    ({"Value": float("nan")}, "InvalidParameterValueException", "nan"),
    ({"Value": 1e200}, "InvalidParameterValueException", "is invalid"),
    ({"Values": [1.0] * 151}, "InvalidParameterValueException", "greater than 150"),
    ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValueException", "same size"),
    ({"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValueException", "greater than 0"),
    ({"Value": 1.0, "StorageResolution": 30}, "InvalidParameterValueException", "StorageResolution"),
    ({"Value": 1.0, "Timestamp": NOW - timedelta(days=15)}, "InvalidParameterValueException", "two weeks"),
    ({"Value": 1.0, "Timestamp": NOW + timedelta(hours=3)}, "InvalidParameterValueException", "two hours"),
    ({"Value": 1.0, "Dimensions": DIMENSIONS * 2}, "InvalidParameterValueException", "more than once"),
    (
        {"StatisticValues": {"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1}},
        "InvalidParameterValueException",
        "SampleCount",
    ),
]


@pytest.mark.parametrize(("datum", "code", "words"), BAD_DATA)
def test_bad_values_are_refused_and_none_of_the_others_is_taken(
    client: Client, datum: dict[str, Any], code: str, words: str
) -> None:
    data = [{"MetricName": "good", "Value": 1.0}, {"MetricName": "m", **datum}]
    assert words in client.fails("PutMetricData", code, Namespace="n", MetricData=data).message
    assert client("ListMetrics")["Metrics"] == []


def test_requests_that_make_no_sense_are_refused(client: Client) -> None:
    taken = {"Namespace": "AWS/SageMaker", "MetricData": [{"MetricName": "m", "Value": 1.0}]}
    client.fails("PutMetricData", "InvalidParameterValueException", **taken)
    client.fails("PutMetricData", "MissingRequiredParameterException", Namespace="n")
    asked = {"Namespace": "n", "MetricName": "m", "StartTime": BASE, "EndTime": NOW, "Period": 60}
    operation = "GetMetricStatistics"
    neither = client.fails(operation, "InvalidParameterCombinationException", **asked)
    assert neither.message.startswith("At least one of the parameters Statistics and ExtendedStatistics")
    both = {**asked, "Statistics": ["Sum"], "ExtendedStatistics": ["p50"]}
    assert "mutually exclusive" in client.fails(operation, "InvalidParameterCombinationException", **both).message
    client.fails(operation, "InvalidParameterValueException", **{**asked, "Statistics": ["Sum"], "Period": 61})
    client.fails(operation, "NotImplemented", **asked, ExtendedStatistics=["tm90"])
    client.fails(operation, "InvalidParameterValueException", **asked, ExtendedStatistics=["p101"])
    client.fails(operation, "InvalidParameterValueException", **asked, ExtendedStatistics=["Average"])
    early = {**asked, "Statistics": ["Sum"], "EndTime": BASE}
    client.fails(operation, "InvalidParameterCombinationException", **early)
    long = {**asked, "Statistics": ["Sum"], "StartTime": BASE - timedelta(days=2)}
    error = client.fails(operation, "InvalidParameterCombinationException", **long)
    assert "exceeds the limit of 1,440" in error.message


def test_queries_with_a_bad_period_or_statistic_are_validation_errors(client: Client) -> None:
    times = {"StartTime": BASE, "EndTime": NOW}
    fine, bad = stat("m"), stat("k", how="Median")
    error = client.fails("GetMetricData", "ValidationError", MetricDataQueries=[fine, bad], **times)
    assert error.message == (
        "The value Median for parameter MetricDataQueries.member.2.MetricStat.Stat is not a valid statistic."
    )
    bad = {"Id": "k", "MetricStat": {**stat("k")["MetricStat"], "Period": 45}}
    error = client.fails("GetMetricData", "ValidationError", MetricDataQueries=[bad], **times)
    assert error.message.startswith("The parameter MetricDataQueries.member.1.MetricStat.Period must be")


def test_queries_page_and_sort(client: Client) -> None:
    for minute in range(4):
        put(client, minute=minute, Value=float(minute))
        put(client, "k", minute=minute, Value=1.0)
    answer = metric_data_of(client, stat("m"), stat("k", Label="shown"), stat("none"))
    newest, labelled, empty = answer["MetricDataResults"]
    assert newest["Values"] == [3.0, 2.0, 1.0, 0.0]
    assert newest["Timestamps"][0] == BASE + timedelta(minutes=3)
    assert (newest["Label"], labelled["Label"], empty["Values"]) == ("m", "shown", [])
    seen: list[tuple[str, datetime, float]] = []
    more: dict[str, Any] = {"MaxDatapoints": 3, "ScanBy": "TimestampAscending"}
    queries = [stat("m"), stat("k")]
    for _ in range(3):
        page = metric_data_of(client, *queries, **more)
        for result in page["MetricDataResults"]:
            values = zip(result["Timestamps"], result["Values"], strict=True)
            seen += [(result["Id"], at, value) for at, value in values]
        if "NextToken" not in page:
            break
        more["NextToken"] = page["NextToken"]
    assert [value for _, _, value in seen] == [0.0, 1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0]
    times = {"StartTime": BASE, "EndTime": NOW, "NextToken": more["NextToken"]}
    client.fails("GetMetricData", "InvalidNextToken", MetricDataQueries=queries, **times)


EXPRESSIONS = [
    ("m * 2 - k", [19.0, 39.0, 59.0]),
    ("-(m + 1) ^ 2 / 2 * -1", [-60.5, -220.5, -480.5]),
    ("2 ^ 3 ^ 0 + m - m", [2.0, 2.0, 2.0]),
    ("m / k", [10.0, 20.0, 30.0]),
    ("m / (k - 1)", []),
    ("SUM(METRICS())", [12.0, 22.0, 32.0, 1.0]),
    ("SUM([m, k])", [11.0, 21.0, 31.0]),
    ('MAX(METRICS("m"))', [10.0, 20.0, 30.0]),
    ('AVG(METRICS("*"))', [4.0, 22.0 / 3, 32.0 / 3, 1.0]),
    ("m - MIN(m)", [0.0, 10.0, 20.0]),
    ("FILL(late, 0)", [0.0, 0.0, 0.0, 1.0] + [0.0] * 6),
    ("DIFF(m)", [10.0, 10.0]),
    ("RATE(m)", [1 / 6, 1 / 6]),
    ("RUNNING_SUM(m)", [10.0, 30.0, 60.0]),
    ("CEIL(m / 7) + FLOOR(0.9) + ABS(-1)", [3.0, 4.0, 6.0]),
    ("m / PERIOD(m)", [1 / 6, 1 / 3, 0.5]),
]


@pytest.mark.parametrize(("expression", "values"), EXPRESSIONS)
def test_expressions_over_series(client: Client, expression: str, values: list[float]) -> None:
    for minute in range(3):
        put(client, minute=minute, Value=10.0 * (minute + 1))
        put(client, "k", minute=minute, Value=1.0)
        put(client, "x", minute=minute, Value=1.0)
    put(client, "late", minute=3, Value=1.0)
    hidden = [{**stat(name, how), "ReturnData": False} for name, how in (("m", "m"), ("k", "k"), ("late", "late"))]
    extra = [{**stat("x", "x"), "ReturnData": False}] if "METRICS()" in expression or '*")' in expression else []
    asked = [*hidden, *extra, {"Id": "e", "Expression": expression}]
    (result,) = metric_data_of(client, *asked, ScanBy="TimestampAscending")["MetricDataResults"]
    assert result["Values"] == pytest.approx(values)
    assert result["Label"] == "e"


def test_gaps_are_filled(client: Client) -> None:
    for minute, value in ((1, 10.0), (4, 40.0)):
        put(client, minute=minute, Value=value)
    queries = [stat("m"), {"Id": "r", "Expression": "FILL(m, REPEAT)"}, {"Id": "l", "Expression": "FILL(m, LINEAR)"}]
    _, repeated, line = metric_data_of(client, *queries, ScanBy="TimestampAscending")["MetricDataResults"]
    assert repeated["Values"] == [10.0] * 3 + [40.0] * 6
    assert line["Values"] == pytest.approx([10.0, 20.0, 30.0, 40.0])


BAD_EXPRESSIONS = [
    ("nobody + 1", "ValidationError", "names nobody"),
    ("e + 1", "ValidationError", "own result"),
    ("1 + 1", "ValidationError", "time series as its result"),
    ("m +", "ValidationError", "ends too early"),
    ("m ? k", "ValidationError", "not known: ?."),
    ("m  > 1", "NotImplemented", "operator > in an expression is not served"),
    ("(m, m)", "ValidationError", "cannot be read"),
    ("m)", "ValidationError", "cannot be read"),
    ("SUM(m", "ValidationError", "ends too early"),
    ("(" * 200 + "m" + ")" * 200, "ValidationError", "nested"),
    ("METRICS() + METRICS()", "ValidationError", "Two lists"),
    ("SEARCH('{AWS/SageMaker} Invocations', 'Sum')", "NotImplemented", "function SEARCH"),
    ("ANOMALY_DETECTION_BAND(m)", "NotImplemented", "ANOMALY_DETECTION_BAND"),
    ("m" + " ^ 1" * 1000, "ValidationError", "too many operators"),
    ("m" + "+1" * 1000, "ValidationError", "too many operators"),
    ("9 ^ 9 ^ 9 ^ 9 + m", "ValidationError", "no value"),
]


@pytest.mark.parametrize(("expression", "code", "words"), BAD_EXPRESSIONS)
def test_bad_expressions_say_what_is_wrong(client: Client, expression: str, code: str, words: str) -> None:
    put(client, Value=1.0)
    times = {"StartTime": BASE, "EndTime": NOW}
    queries = [stat("m"), {"Id": "e", "Expression": expression}]
    error = client.fails("GetMetricData", code, MetricDataQueries=queries, **times)
    assert words in error.message


def test_many_points_at_once_are_refused(client: Client) -> None:
    put(client, Value=1.0)
    queries = [stat("m"), {"Id": "e", "Expression": "FILL(m, 0)"}]
    times = {"StartTime": BASE - timedelta(days=900), "EndTime": NOW}
    error = client.fails("GetMetricData", "ValidationError", MetricDataQueries=queries, **times)
    assert "too many periods" in error.message
    chain = [{"Id": f"e{n}", "Expression": f"e{n + 1} + 1"} for n in range(400)]
    error = client.fails("GetMetricData", "ValidationError", MetricDataQueries=chain, **times)
    assert "too deeply" in error.message


def test_old_values_and_their_metrics_go(client: Client, context: Context) -> None:
    put(client, Value=1.0, StorageResolution=1)
    put(client, "old", minute=-10_000, Value=1.0)
    later = {"days": 90, "most": 1000}

    def expire(days: float, **changes: int) -> int:
        with context.database.write() as tx:
            return metric_data.expire(tx, NOW + timedelta(days=days), **{**later, **changes})

    assert expire(0) == 0
    assert expire(0.2) == 1, "the second, not its minute"
    assert expire(84) == 1
    assert [each["MetricName"] for each in client("ListMetrics")["Metrics"]] == ["m"]
    put(client, "new", Value=1.0)
    assert expire(84, most=1) == 1
    assert statistics(client) == []
