"""GetMetricData: up to 500 queries at once, each for a metric or an expression over other queries."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from clary.base.errors import ApiError
from clary.services.cloudwatch import errors, series
from clary.services.cloudwatch.arithmetic import Series, Surroundings, Value, compute
from clary.services.cloudwatch.expressions import parse
from clary.services.context import Context
from clary.store.database import Transaction
from clary.wire.paging import InvalidToken

_MOST_QUERIES = 500
_MOST_POINTS = 100_800
_MOST_COMPUTED = 1_000_000
_DEEPEST = 20
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_OPERATION = "GetMetricData"

Results = list[tuple[str, Series]]


def get_metric_data(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    queries = request["MetricDataQueries"]
    _check(context, request, queries)
    scope = _scope(context, request)
    offset = _offset(context, scope, request.get("NextToken"))
    try:
        with context.database.read() as tx:
            asked = _Queries(context, tx, request)
            results = [item for query in queries if query.get("ReturnData", True) for item in asked.results(query)]
    except RecursionError:
        raise errors.validation("The expressions have too many operators.") from None
    most = min(request.get("MaxDatapoints") or _MOST_POINTS, _MOST_POINTS)
    ascending = request.get("ScanBy") == "TimestampAscending"
    shown, more = _page(results, offset, most, ascending=ascending)
    answer: dict[str, Any] = {"MetricDataResults": shown, "Messages": []}
    if more:
        answer["NextToken"] = context.pager.encode(_OPERATION, scope, [offset + most])
    return answer


class _Queries:
    """The queries of one request. Each is computed once, when it is needed first."""

    def __init__(self, context: Context, tx: Transaction, request: Mapping[str, Any]) -> None:
        self._context = context
        self._tx = tx
        self._start, self._end = request["StartTime"], request["EndTime"]
        self._queries = {query["Id"]: query for query in request["MetricDataQueries"]}
        self._known: dict[str, Value] = {}
        self._under_way: list[str] = []
        self._rows_left = series.MOST_ROWS
        self._points_left = _MOST_COMPUTED
        self._around = Surroundings(self._find, self._metrics, *series.span(self._start, self._end, 60, aligned=True))

    def results(self, query: Mapping[str, Any]) -> Results:
        value = self._find(query["Id"])
        if isinstance(value, float):
            raise errors.validation(f"The expression of {query['Id']} must have time series as its result.")
        alone = isinstance(value, Series)
        found = _all_series(value)
        default = query["MetricStat"]["Metric"].get("MetricName") if "MetricStat" in query else query["Id"]
        label = query.get("Label") or default
        return [
            (query["Id"], Series(label if alone else one.label or label, one.period, one.points)) for one in found
        ]

    def _find(self, name: str) -> Value:
        if name in self._known:
            return self._known[name]
        if name not in self._queries:
            raise errors.validation(f"The expression names {name[:255]}, and no query has this id.")
        if name in self._under_way:
            raise errors.validation(f"The expression of {name} needs its own result.")
        if len(self._under_way) >= _DEEPEST:
            raise errors.validation("Expressions over expressions are nested too deeply.")
        self._under_way.append(name)
        query = self._queries[name]
        value: Value = self._stored(query) if "MetricStat" in query else self._computed(query)
        self._under_way.pop()
        self._points_left -= sum(len(one.points) for one in _all_series(value))
        if self._points_left < 0:
            raise errors.validation("The queries have too many data points for one request.")
        self._known[name] = value
        return value

    def _computed(self, query: Mapping[str, Any]) -> Value:
        try:
            return compute(parse(query["Expression"]), self._around)
        except ApiError as error:
            text = f"Error in expression '{query['Id']}': {error.message}"
            raise ApiError(text, code=error.code, status=error.status) from error

    def _metrics(self) -> dict[str, Series]:
        names = [name for name, query in self._queries.items() if "MetricStat" in query]
        return {name: value for name in names if isinstance(value := self._find(name), Series)}

    def _stored(self, query: Mapping[str, Any]) -> Series:
        stat = query["MetricStat"]
        period, unit = stat["Period"], stat.get("Unit")
        begin, end = series.span(self._start, self._end, period, aligned=True)
        metric = series.metric_of(stat["Metric"]["Namespace"], stat["Metric"])
        rows = series.stored_rows(self._context, self._tx, metric, period, begin, end, self._rows_left)
        self._rows_left -= len(rows)
        found = series.periods((row for row in rows if unit in (None, row.unit)), begin, period)
        values = {at: series.statistic(stat["Stat"], sums) for at, sums in found.items()}
        label = query.get("Label") or metric.name
        return Series(label, period, {at: value for at, value in values.items() if value is not None})


def _all_series(value: Value) -> tuple[Series, ...]:
    if isinstance(value, float):
        return ()
    return (value,) if isinstance(value, Series) else value


def _check(context: Context, request: Mapping[str, Any], queries: list[dict[str, Any]]) -> None:
    if request["StartTime"] >= request["EndTime"]:
        raise errors.validation("The parameter StartTime must be less than the parameter EndTime.")
    if not 0 < len(queries) <= _MOST_QUERIES:
        raise errors.validation(f"The collection MetricDataQueries must have a size between 1 and {_MOST_QUERIES}.")
    if len({query["Id"] for query in queries}) < len(queries):
        raise errors.validation("The values for parameter id in MetricDataQueries are not unique.")
    for number, query in enumerate(queries, 1):
        _check_query(context, f"MetricDataQueries.member.{number}", query)


def _check_query(context: Context, where: str, query: Mapping[str, Any]) -> None:
    if not _ID.fullmatch(query["Id"]):
        raise errors.validation(
            f"The value {query['Id']} for parameter {where}.Id is not matching the expected pattern {_ID.pattern}."
        )
    if ("MetricStat" in query) == ("Expression" in query):
        raise errors.validation(
            f"Exactly one of the parameters {where}.MetricStat and {where}.Expression must be given."
        )
    if query.get("AccountId", context.account) != context.account:
        raise errors.not_served("GetMetricData over several accounts")
    if "${" in query.get("Label", ""):
        raise errors.not_served("A label with variables")
    if "MetricStat" in query:
        metric = query["MetricStat"]["Metric"]
        if not metric.get("Namespace") or not metric.get("MetricName"):
            raise errors.validation(
                f"The parameters {where}.MetricStat.Metric.Namespace and MetricName are required."
            )
        series.check_period(query["MetricStat"]["Period"], f"{where}.MetricStat.Period", errors.validation)
        series.check_statistic(query["MetricStat"]["Stat"], f"{where}.MetricStat.Stat", errors.validation)


def _page(results: Results, offset: int, most: int, *, ascending: bool) -> tuple[list[dict[str, Any]], bool]:
    """The points from `offset` on, counted over all results; whether there are more."""
    shown, passed = [], 0
    for name, found in results:
        moments = sorted(found.points, reverse=not ascending)
        part = moments[max(0, offset - passed) : max(0, offset + most - passed)]
        passed += len(moments)
        if not part and (moments or offset):
            continue
        shown.append(
            {
                "Id": name,
                "Label": found.label,
                "Timestamps": [datetime.fromtimestamp(at, UTC) for at in part],
                "Values": [found.points[at] for at in part],
                "StatusCode": "Complete" if passed <= offset + most else "PartialData",
            }
        )
    return shown, passed > offset + most


def _scope(context: Context, request: Mapping[str, Any]) -> str:
    text = json.dumps({name: value for name, value in request.items() if name != "NextToken"}, default=str)
    return f"{context.account}/{context.region}/{hashlib.sha256(text.encode()).hexdigest()}"


def _offset(context: Context, scope: str, token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(context.pager.decode(_OPERATION, scope, token)[0])
    except InvalidToken as error:
        raise ApiError(
            "The next token is not valid for this request.", code="InvalidNextToken", status=400
        ) from error
