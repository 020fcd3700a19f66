"""CloudWatch's metrics over the wire: three protocols, compressed bodies, and the condition key of namespaces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.control.in_process import ENDPOINT, HOME, Control


def client_of(control: Control, protocol: str, key: str = f"AKIA{HOME}ROOT") -> Any:
    session = botocore.session.Session()
    model = session.get_component("data_loader").load_service_model("cloudwatch", "service-2")
    model["metadata"] |= {"protocol": protocol, "protocols": [protocol]}
    if protocol == "query":  # as clients are that know of no other
        del model["metadata"]["awsQueryCompatible"]
    client = session.create_client(
        "cloudwatch",
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    control.attach(client)
    return client


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_every_protocol_puts_and_gets(control: Control, protocol: str) -> None:
    client = client_of(control, protocol)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    dimension = {"Name": "Job", "Value": "a & <b>"}
    data = [{"MetricName": f"m{number}", "Dimensions": [dimension], "Value": number / 2} for number in range(300)]
    encodings: list[str] = []
    client.meta.events.register(
        "before-send.cloudwatch", lambda request, **_: encodings.append(request.headers.get("Content-Encoding"))
    )
    client.put_metric_data(Namespace=protocol, MetricData=data)
    assert [str(each) for each in encodings] in (["gzip"], ["b'gzip'"])
    found = client.list_metrics(Namespace=protocol, Dimensions=[dimension], MetricName="m7")["Metrics"]
    assert found == [{"Namespace": protocol, "MetricName": "m7", "Dimensions": [dimension]}]
    times = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
    asked = {"Namespace": protocol, "MetricName": "m7", "Dimensions": [dimension], "Period": 60, **times}
    (point,) = client.get_metric_statistics(**asked, Statistics=["Average"])["Datapoints"]
    assert (point["Average"], point["Unit"]) == (3.5, "None")
    (point,) = client.get_metric_statistics(**asked, ExtendedStatistics=["p50"])["Datapoints"]
    assert point["ExtendedStatistics"] == {"p50": 3.5}
    stat = {"Metric": found[0], "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "m", "MetricStat": stat, "ReturnData": False},
        {"Id": "e", "Expression": "m * 2", "Label": "twice"},
    ]
    (result,) = client.get_metric_data(MetricDataQueries=queries, **times)["MetricDataResults"]
    assert (result["Label"], result["Values"], result["StatusCode"]) == ("twice", [7.0], "Complete")
    with pytest.raises(ClientError) as refused:
        client.put_metric_data(Namespace="AWS/mine", MetricData=data[:1])
    assert refused.value.response["Error"]["Code"] in ("InvalidParameterValue", "InvalidParameterValueException")
    with pytest.raises(ClientError, match="cloudwatch:PutMetricAlarm is not served"):
        client.put_metric_alarm(AlarmName="a", ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1)


def test_a_form_may_put_as_many_metrics_as_aws_takes(control: Control) -> None:
    client = client_of(control, "query")
    dimensions = [{"Name": f"d{number}", "Value": "v"} for number in range(6)]
    data = [{"MetricName": f"m{number}", "Dimensions": dimensions, "Value": 1.0} for number in range(1000)]
    client.put_metric_data(Namespace="thousand", MetricData=data)
    assert client.list_metrics(Namespace="thousand", MetricName="m999")["Metrics"][0]["Dimensions"] == dimensions


def test_a_policy_may_name_the_namespace(control: Control) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "mine"}},
    }
    control.add_user(HOME, "writer", {"Version": "2012-10-17", "Statement": [statement]})
    client = client_of(control, "json", "AKIAwriter")
    data = [{"MetricName": "m", "Value": 1.0}]
    client.put_metric_data(Namespace="mine", MetricData=data)
    for call, request in (("put_metric_data", {"Namespace": "yours", "MetricData": data}), ("list_metrics", {})):
        with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:") as refused:
            getattr(client, call)(**request)
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
