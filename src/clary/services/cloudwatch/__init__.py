"""Amazon CloudWatch's metrics, with its dispatch table. Alarms and dashboards are not served.

What Clary itself reports is written by the engine (engine/endpoint_metrics.py, engine/metrics.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.cloudwatch import listing, putting, queries, statistics
from clary.services.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    "GetMetricData": Operation(queries.get_metric_data),
    "GetMetricStatistics": Operation(statistics.get_metric_statistics),
    "ListMetrics": Operation(listing.list_metrics),
    "PutMetricData": Operation(putting.put_metric_data),
}
