"""kill -9 of control while the capacity of an endpoint changes, and what its metrics say of that time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.chaos.test_control import kill_control
from tests.server import ECHO_MODEL, Server, deploy, eventually, invoke, settled


def test_a_change_of_capacity_outlives_control(server: Server) -> None:
    """What was invoked while control was dead is counted afterwards, once."""
    deploy(server, "growing", code=f"import time\ntime.sleep(2)\n{ECHO_MODEL}")
    wish = {"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 5.0}
    server.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="growing", DesiredWeightsAndCapacities=[wish]
    )
    calls = 0
    for _ in range(2):
        kill_control(server)
        for _ in range(10):
            invoke(server, "growing", "x")
            calls += 1
    endpoint = settled(server, "growing")
    (variant,) = endpoint["ProductionVariants"]
    assert "FailureReason" not in endpoint
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 5.0)
    eventually(lambda: invocations(server) >= calls)
    assert invocations(server) == calls


def invocations(server: Server) -> float:
    now = datetime.now(UTC)
    points = server.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": "growing"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)
