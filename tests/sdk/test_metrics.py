"""Metrics with the SageMaker Python SDK: a training job's course as a data frame, and what the script itself puts."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sdk.conftest import Run

TRAIN = """
import boto3
for epoch in range(3):
    print(f"epoch={epoch} loss={3 - epoch};", flush=True)
boto3.client("cloudwatch").put_metric_data(
    Namespace="mine", MetricData=[{"MetricName": "rows", "Value": 7.0, "Unit": "Count"}]
)
"""
CLIENT = """
import datetime, json, boto3, sagemaker
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.sklearn import SKLearn

definitions = [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}, {"Name": "absent", "Regex": "absent=([0-9]+)"}]
estimator = SKLearn(
    "train.py", framework_version="1.2-1", instance_type="ml.m5.large", role=sagemaker.get_execution_role(),
    metric_definitions=definitions,
)
estimator.fit(logs=False)
name = estimator.latest_training_job.name
frame = estimator.training_job_analytics.dataframe()
fine = TrainingJobAnalytics(name, ["loss"], period=1).dataframe()
cloudwatch = boto3.client("cloudwatch")
now = datetime.datetime.now(datetime.timezone.utc)
stat = {"Metric": {"Namespace": "mine", "MetricName": "rows"}, "Period": 60, "Stat": "Sum"}
(rows,) = cloudwatch.get_metric_data(
    MetricDataQueries=[{"Id": "rows", "MetricStat": stat}],
    StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(minutes=1),
)["MetricDataResults"]
print(json.dumps({
    "names": list(frame["metric_name"]),
    "loss": list(frame["value"]),
    "fine": list(fine["value"]),
    "rows": rows["Values"],
}))
"""


def test_the_course_of_a_training_job_is_a_data_frame(run_client: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "client.py").write_text(CLIENT)
    told = json.loads(run_client(tmp_path / "client.py").splitlines()[-1])
    assert set(told["names"]) == {"loss"}
    assert all(1 <= value <= 3 for value in told["loss"] + told["fine"])
    assert told["rows"] == [7.0]
