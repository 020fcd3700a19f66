"""TensorFlow as users of the SDK run it: a Keras model trained by a script for TensorFlow 2.14, served as it is and
with handlers, and put to a batch transform."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sdk.conftest import Run
from tests.server import Server, log_of

TRAIN = """
import argparse, os
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--model_dir")
arguments = parser.parse_args()
print("model_dir", arguments.model_dir, flush=True)
table = np.loadtxt(os.environ["SM_CHANNEL_TRAINING"] + "/rows.csv", delimiter=",", dtype="float32")
tf.keras.utils.set_random_seed(1)
model = tf.keras.Sequential([tf.keras.layers.InputLayer((2,), name="x"), tf.keras.layers.Dense(1)])
model.compile(optimizer=tf.keras.optimizers.SGD(0.2), loss="mse")
history = model.fit(table[:, 1:], table[:, 0], epochs=arguments.epochs, batch_size=32, verbose=0)
print("loss", history.history["loss"][-1] < 0.001, flush=True)
model.save(os.environ["SM_MODEL_DIR"] + "/2")

# Version 1 as TensorFlow 1.0 wrote it: an input of any rank has an empty shape.
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
folder = os.environ["SM_MODEL_DIR"] + "/1"
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    x = tf.compat.v1.placeholder(tf.float32, name="x")
    tf.compat.v1.saved_model.simple_save(session, folder, {"x": x}, {"y": tf.matmul(x, [[3.0], [5.0]])})
old = SavedModel()
with open(folder + "/saved_model.pb", "rb") as file:
    old.ParseFromString(file.read())
graph = old.meta_graphs[0].graph_def
graph.versions.producer = 21
for node in graph.node:
    if node.op == "Placeholder":
        node.attr["shape"].shape.Clear()
with open(folder + "/saved_model.pb", "wb") as file:
    file.write(old.SerializeToString())
"""
INFERENCE = """
import json

def input_handler(data, context):
    rows = [line.split(";") for line in data.read().decode().splitlines()]
    if context.request_content_type != "text/semicolons":
        raise ValueError("only semicolons")
    return json.dumps({"instances": [[float(each) for each in row] for row in rows]})

def output_handler(response, context):
    if response.status_code != 200:
        raise ValueError(response.json()["error"])
    return " ".join(str(round(row[0])) for row in response.json()["predictions"]), context.accept_header
"""
PROGRAM = """
import json
import numpy, sagemaker
from sagemaker.serializers import CSVSerializer, JSONLinesSerializer
from sagemaker.tensorflow import TensorFlow, TensorFlowModel, TensorFlowPredictor

session = sagemaker.Session()
role = sagemaker.get_execution_role()
x = numpy.random.default_rng(1).random((256, 2))
numpy.savetxt("rows.csv", numpy.column_stack([x @ [3, 5] + 1, x]), delimiter=",", fmt="%.5f")
data = session.upload_data("rows.csv", key_prefix="tensorflow")
estimator = TensorFlow(
    entry_point="train.py", framework_version="2.14.1", py_version="py310", role=role, instance_count=1,
    instance_type="ml.m5.large", hyperparameters={"epochs": 30}, base_job_name="keras")
estimator.fit({"training": data}, logs=False)
print("trained", estimator.latest_training_job.job_name)

plain = estimator.deploy(1, "ml.m5.large", wait=False)
model = TensorFlowModel(estimator.model_data, role, entry_point="inference.py", source_dir="code",
                        framework_version="2.14.1")
handled = model.deploy(1, "ml.m5.large", wait=False)
for predictor in (plain, handled):
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)
print()

ROWS = [[0.5, 0.5], [1.0, 1.0]]
def rounded(answer):
    (key, rows), = answer.items()
    return key, [round(value) for row in rows for value in row]

print("instances", rounded(plain.predict({"instances": ROWS})))
print("arrays", rounded(plain.predict(numpy.array(ROWS))))
print("named", rounded(plain.predict({"inputs": {"x": ROWS}, "signature_name": "serving_default"})))
print("one", rounded(plain.predict(ROWS[1])))
version = TensorFlowPredictor(plain.endpoint_name, session, model_name="model", model_version="2")
print("version", rounded(version.predict({"instances": ROWS})))
first = TensorFlowPredictor(plain.endpoint_name, session, model_name="model", model_version="1")
print("old", rounded(first.predict({"instances": ROWS})))
plain.serializer = CSVSerializer()
print("csv", rounded(plain.predict("0.5,0.5\\n1,1\\n")))
plain.serializer = JSONLinesSerializer()
print("lines", rounded(plain.predict([ROWS[0], ROWS[1]])))

def refused(what, name, body, **more):
    try:
        session.sagemaker_runtime_client.invoke_endpoint(EndpointName=name, Body=body, **more)
    except session.sagemaker_runtime_client.exceptions.ModelError as error:
        print(what, error.response["OriginalStatusCode"], error.response["OriginalMessage"])

name, kind = plain.endpoint_name, {"ContentType": "application/json"}
refused("shape", name, '{"instances": [[1]]}', **kind)
refused("broken", name, '{"instances": ', **kind)
refused("type", name, "x", ContentType="image/png")
refused("name", name, '{"instances": [{"y": [1, 2]}]}', **kind)
refused("model", name, "[[1, 2]]", CustomAttributes="tfs-model-name=other", **kind)
refused("method", name, '{"examples": [{}]}', CustomAttributes="tfs-method=classify", **kind)

answer = session.sagemaker_runtime_client.invoke_endpoint(
    EndpointName=handled.endpoint_name, Body="0.5;0.5\\n1;1", ContentType="text/semicolons", Accept="text/plain")
print("handled", answer["Body"].read().decode(), answer["ContentType"])
refused("handlers", handled.endpoint_name, "1;2;3", ContentType="text/semicolons")
refused("raised", handled.endpoint_name, "1;2;3", **kind)
plain.delete_endpoint()
handled.delete_endpoint()

rows = session.upload_data("batch.csv", key_prefix="tensorflow-batch")
transformer = estimator.transformer(1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line")
transformer.transform(rows, content_type="text/csv", split_type="Line", logs=False)
out = session.read_s3_file(session.default_bucket(), transformer.output_path.split("/", 3)[3] + "/batch.csv.out")
print("batch", rounded(json.loads(out)))
"""


def test_train_serve_and_transform(run_client: Run, server: Server, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    files = {"train.py": TRAIN, "client.py": PROGRAM, "code/inference.py": INFERENCE, "batch.csv": "0.5,0.5\n1,1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    shown = run_client(tmp_path / "client.py")
    (job,) = re.findall(r"^trained (\S+)$", shown, re.MULTILINE)
    log = "\n".join(log_of(server, "/aws/sagemaker/TrainingJobs", f"{job}/"))
    assert f"/{job}/model" in re.findall(r"model_dir s3://(\S+)", log)[0]
    assert "loss True" in log
    assert "asks for tensorflow 2.14; tensorflow 2.20.0 is the nearest" in log
    told = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
    for way in ("instances", "arrays", "version", "csv", "lines", "batch"):
        assert told[way] == "('predictions', [5, 9])", way
    assert told["named"] == "('outputs', [5, 9])"
    assert told["old"] == "('predictions', [4, 8])"
    assert told["one"] == "('predictions', [9])"
    assert told["shape"] == '400 {"error": "input x has shape (1, 1); the signature takes (-1, 2)"}'
    assert told["broken"].startswith('400 {"error": "JSON Parse error')
    assert told["type"] == '415 {"error": "Unsupported Media Type: image/png"}'
    assert "does not have named input: x" in told["name"]
    assert told["model"].startswith('404 {"error": "Servable not found for request: Latest(other)')
    assert "expected method_name to be tensorflow/serving/classify" in told["method"]
    assert told["handled"] == "5 9 text/plain"
    assert told["handlers"] == '500 {"error": "input x has shape (1, 3); the signature takes (-1, 2)"}'
    assert told["raised"] == '500 {"error": "only semicolons"}'
