"""`predictor.update_endpoint` of the SageMaker Python SDK: another instance count, with what was set meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sdk.conftest import Run

INFERENCE = """
def model_fn(folder):
    return 2.0

def predict_fn(data, model):
    return data * model
"""
CLIENT = """
import io, json, tarfile, time
import boto3, numpy, sagemaker
from sagemaker.sklearn import SKLearnModel

session = sagemaker.Session()
with tarfile.open("model.tar.gz", "w:gz") as archive:
    archive.addfile(tarfile.TarInfo("empty"), io.BytesIO())
model = SKLearnModel(
    session.upload_data("model.tar.gz", key_prefix="doubling"), sagemaker.get_execution_role(), "inference.py",
    framework_version="1.2-1", sagemaker_session=session,
)
predictor = model.deploy(1, "ml.m5.large")
name = predictor.endpoint_name
client = boto3.client("sagemaker")

def settled():
    while client.describe_endpoint(EndpointName=name)["EndpointStatus"] != "InService":
        time.sleep(0.1)
    return client.describe_endpoint(EndpointName=name)

wish = {"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 3.0}
client.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[wish])
scaled = settled()
predictor.update_endpoint(initial_instance_count=1, instance_type="ml.m5.xlarge", wait=False)
updated = settled()
print("\\n" + json.dumps({
    "answer": predictor.predict(numpy.array([[1.0, 2.0]])).tolist(),
    "scaled": [scaled["ProductionVariants"][0][key] for key in ("CurrentInstanceCount", "CurrentWeight")],
    "updated": [updated["ProductionVariants"][0][key] for key in ("CurrentInstanceCount", "CurrentWeight")],
    "reason": updated.get("FailureReason"),
    "same_config": scaled["EndpointConfigName"] == updated["EndpointConfigName"],
}))
"""


def test_an_endpoint_is_updated_from_its_predictor(run_client: Run, tmp_path: Path) -> None:
    (tmp_path / "inference.py").write_text(INFERENCE)
    (tmp_path / "client.py").write_text(CLIENT)
    told = json.loads(run_client(tmp_path / "client.py").splitlines()[-1])
    assert told == {
        "answer": [[2.0, 4.0]],
        "scaled": [2, 3.0],
        "updated": [1, 1.0],
        "reason": None,
        "same_config": False,
    }
