"""The tour, and the SDK's own ways of training, processing, deploying and predicting."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from clary import examples
from tests.server import Server

TOUR = Path(examples.__file__).parent / "quickstart" / "tour.py"

PROGRAM = '''
import time
from pathlib import Path

import pandas as pd
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.processing import FrameworkProcessor, ProcessingOutput, ScriptProcessor
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.xgboost import XGBoost

session = sagemaker.Session()
role = sagemaker.get_execution_role(session)
print("role", role)
print("account", session.account_id(), session.default_bucket())

Path("train.py").write_text("""
import joblib, os, pandas as pd
from sklearn.linear_model import LinearRegression
def model_fn(d):
    return joblib.load(d + "/m.joblib")
if __name__ == "__main__":
    t = pd.read_csv(os.environ["SM_CHANNEL_TRAIN"] + "/t.csv", header=None)
    joblib.dump(LinearRegression().fit(t[[1, 2]], t[0]), os.environ["SM_MODEL_DIR"] + "/m.joblib")
    print("fitted", len(t), "rows")
""")
pd.DataFrame({"y": [0, 2, 4, 7], "x": [0, 1, 2, 3], "z": [0, 0, 0, 1]}).to_csv("t.csv", header=False, index=False)
data = session.upload_data("t.csv", key_prefix="lin")
estimator = SKLearn("train.py", framework_version="1.2-1", role=role, instance_type="ml.m5.large",
                    sagemaker_session=session)
started = time.time()
estimator.fit({"train": data}, logs=True)
print("fit took", round(time.time() - started))
attached = SKLearn.attach(estimator.latest_training_job.name, sagemaker_session=session)
print("attached", attached.model_data == estimator.model_data)

model = SKLearnModel(model_data=estimator.model_data, role=role, entry_point="train.py", framework_version="1.2-1",
                     sagemaker_session=session)
started = time.time()
model.deploy(1, "ml.m5.large", endpoint_name="lin")
print("deploy took", round(time.time() - started))
from sagemaker.predictor import Predictor
predictor = Predictor("lin", sagemaker_session=session, serializer=CSVSerializer(), deserializer=CSVDeserializer())
print("csv", [round(float(v[0]), 3) for v in predictor.predict([[4, 0], [5, 1]])])
predictor.serializer = JSONSerializer()
print("json", [round(float(v[0]), 3) for v in predictor.predict([[6, 0]])])
print("stream", b"".join(predictor.predict_stream([[6, 0]])).decode().strip())
predictor.delete_endpoint()

Path("p.py").write_text("print('processed'); open('/opt/ml/processing/out/x', 'w').write('1')")
image = sagemaker.image_uris.retrieve("sklearn", "us-east-1", "1.2-1", instance_type="ml.m5.large")
script = ScriptProcessor(image_uri=image, command=["python3"], role=role, instance_count=1,
                         instance_type="ml.m5.large", sagemaker_session=session)
script.run("p.py", outputs=[ProcessingOutput(source="/opt/ml/processing/out", output_name="o")], logs=False)
print("script processor", script.latest_job.describe()["ProcessingJobStatus"])
Path("src").mkdir()
Path("src/p.py").write_text("import iniconfig; print('has', iniconfig.__name__)")
Path("src/requirements.txt").write_text("iniconfig==2.0.0")
framework = FrameworkProcessor(SKLearn, framework_version="1.2-1", role=role, instance_count=1,
                               instance_type="ml.m5.large", sagemaker_session=session)
framework.run("p.py", source_dir="src", logs=False)
print("framework processor", framework.latest_job.describe()["ProcessingJobStatus"])

Path("xgb.py").write_text("""
import os, numpy, xgboost
def model_fn(d):
    m = xgboost.Booster(); m.load_model(d + "/m.json"); return m
if __name__ == "__main__":
    x = numpy.arange(20).reshape(-1, 1)
    b = xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, label=x.ravel() * 2.0), 20)
    b.save_model(os.environ["SM_MODEL_DIR"] + "/m.json")
""")
booster = XGBoost("xgb.py", framework_version="1.7-1", role=role, instance_type="ml.m5.large", instance_count=1,
                  sagemaker_session=session)
booster.fit(logs="None")
booster.deploy(1, "ml.m5.large", endpoint_name="xgb", wait=False)
import boto3
boto3.client("sagemaker").get_waiter("endpoint_in_service").wait(EndpointName="xgb")
runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(EndpointName="xgb", ContentType="text/csv", Accept="text/csv",
                                                           Body="10")
print("xgboost", float(answer["Body"].read().decode().strip().split(",")[0]) > 15)
'''


def test_the_tour_runs_as_it_is(run_client: Callable[..., str]) -> None:
    shown = run_client(TOUR)
    accuracy = re.search(r"accuracy (\d\.\d+) on 100 rows", shown)
    assert accuracy is not None, shown
    assert float(accuracy[1]) > 0.9
    assert "is InService" in shown
    assert "model written to /opt/ml/model" in shown
    assert "5 objects" in shown


def test_what_sdk_users_do(run_client: Callable[..., str], server: Server, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    shown = run_client(program)
    assert f"role {server.role}" in shown
    assert f"account {server.installation.account}" in shown
    assert "fitted 4 rows" in shown
    assert "attached True" in shown
    assert "csv [8.0, 11.0]" in shown
    assert "json [12.0]" in shown
    assert re.search(r"stream (\S+)", shown), shown
    assert "script processor Completed" in shown
    assert "framework processor Completed" in shown
    assert "xgboost True" in shown
    seconds = re.search(r"fit took (\d+)", shown)
    assert seconds is not None
    assert int(seconds[1]) < 30, "the held Describe should make fit() as short as the job"
    seconds = re.search(r"deploy took (\d+)", shown)
    assert seconds is not None
    assert int(seconds[1]) < 30, "the SDK would sleep 30 seconds before its first look"
