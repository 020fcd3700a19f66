"""ListMetrics: every metric of which a value is stored, 500 to a page."""

from __future__ import annotations

import json
from typing import Any

from clary.services.cloudwatch import errors
from clary.services.context import Context
from clary.store import metric_data
from clary.store.metric_data import Metric, Wanted
from clary.wire.paging import InvalidToken

_PAGE = 500
_ACTIVE_SECONDS = 3 * 3600
_OPERATION = "ListMetrics"


def list_metrics(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    own = request.get("OwningAccount", context.account) == context.account
    if request.get("IncludeLinkedAccounts") or not own:
        raise errors.not_served("ListMetrics over several accounts")
    filters = [(each["Name"], each.get("Value")) for each in request.get("Dimensions") or []]
    since = int(context.now.timestamp()) - _ACTIVE_SECONDS if request.get("RecentlyActive") else 0
    wanted = Wanted(request.get("Namespace"), request.get("MetricName"), filters, since)
    scope = json.dumps([context.account, context.region, wanted.namespace, wanted.name, filters, bool(since)])
    after = _position(context, scope, request.get("NextToken"))
    with context.database.read() as tx:
        found = metric_data.page(tx, context.account, context.region, wanted, after, _PAGE + 1)
    page: dict[str, Any] = {"Metrics": [described(metric) for _, metric in found[:_PAGE]]}
    if len(found) > _PAGE:
        page["NextToken"] = context.pager.encode(_OPERATION, scope, [found[_PAGE - 1][0]])
    return page


def described(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _position(context: Context, scope: str, token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(context.pager.decode(_OPERATION, scope, token)[0])
    except InvalidToken as error:
        raise errors.invalid("The value of the parameter NextToken is invalid.") from error
