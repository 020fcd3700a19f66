"""Every serializer and deserializer of the SDK's predictors, against a model server that shows what reached it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

PROGRAM = '''
import base64, tarfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import sagemaker
from scipy import sparse
from sagemaker import deserializers as d, serializers as s
from sagemaker.amazon.common import RecordSerializer
from sagemaker.predictor import Predictor
from sagemaker.sklearn import SKLearnModel
from sklearn.linear_model import LinearRegression

session = sagemaker.Session()
role = sagemaker.get_execution_role(session)

Path("shows.py").write_text("""
import base64, io, json
import numpy as np

def model_fn(folder):
    return None

def input_fn(body, content_type):
    return content_type, bytes(body) if not isinstance(body, str) else body.encode()

def predict_fn(request, model):
    return request

def output_fn(request, accept):
    content_type, body = request
    if accept == "application/json":
        return json.dumps({"type": content_type, "body": base64.b64encode(body).decode()}), accept
    if accept.startswith("text/csv"):
        return "1,2\\\\n3,4\\\\n", "text/csv"
    if accept == "application/jsonlines":
        return '{"a": 1}\\\\n{"a": 2}\\\\n', accept
    if accept == "application/x-npy":
        buffer = io.BytesIO()
        np.save(buffer, np.array([[1.5, 2.5]]))
        return buffer.getvalue(), accept
    return b"as it is", accept
""")
joblib.dump(LinearRegression().fit([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, 2.0, 3.0]), "m.joblib")
with tarfile.open("model.tar.gz", "w:gz") as archive:
    archive.add("m.joblib")
data = session.upload_data("model.tar.gz", key_prefix="serializers")
Path("plain.py").write_text("""
import joblib
def model_fn(folder):
    return joblib.load(folder + "/m.joblib")
""")


def deploy(script, name):
    model = SKLearnModel(model_data=data, role=role, entry_point=script, framework_version="1.2-1",
                         sagemaker_session=session)
    predictor = model.deploy(1, "ml.m5.large", endpoint_name=name)
    print()  # behind the SDK's own sign
    return predictor


shows = deploy("shows.py", "shows")
table = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
table.to_csv("table.csv", index=False)
SENT = {
    s.CSVSerializer(): [[1, 2], [3, 4]],
    s.JSONSerializer(): {"instances": [[1, 2]]},
    s.JSONLinesSerializer(): [{"a": 1}, {"a": 2}],
    s.NumpySerializer(): [[1.0, 2.0]],
    s.SparseMatrixSerializer(): sparse.csr_matrix([[0, 1], [2, 0]]),
    s.LibSVMSerializer(): "1 1:2 2:3",
    s.DataSerializer(): "table.csv",
    s.IdentitySerializer(): b"\\x00\\xff raw",
    s.StringSerializer(): "words",
    RecordSerializer(): np.array([[1.0, 2.0]], dtype="float32"),
}
for serializer, value in SENT.items():
    expected = serializer.serialize(value)
    expected = expected.encode() if isinstance(expected, str) else getattr(expected, "read", lambda: expected)()
    found = Predictor("shows", session, serializer=serializer, deserializer=d.JSONDeserializer()).predict(value)
    same = base64.b64decode(found["body"]) == expected and found["type"] == serializer.CONTENT_TYPE
    print("sent", type(serializer).__name__, same, found["type"])

READ = {
    d.CSVDeserializer(): [["1", "2"], ["3", "4"]],
    d.JSONLinesDeserializer(): [{"a": 1}, {"a": 2}],
    d.StringDeserializer(accept="text/plain"): "as it is",
    d.BytesDeserializer(accept="text/plain"): b"as it is",
    d.NumpyDeserializer(): [[1.5, 2.5]],
    d.PandasDeserializer(): [[3, 4]],
}
for deserializer, expected in READ.items():
    found = Predictor("shows", session, serializer=s.StringSerializer(), deserializer=deserializer).predict("x")
    found = found.values.tolist() if isinstance(found, pd.DataFrame) else found
    found = found.tolist() if isinstance(found, np.ndarray) else found
    print("read", type(deserializer).__name__, found == expected, "" if found == expected else found)
stream, kind = Predictor("shows", session, serializer=s.StringSerializer(),
                         deserializer=d.StreamDeserializer(accept="text/plain")).predict("x")
print("read StreamDeserializer", stream.read() == b"as it is", kind)

plain = deploy("plain.py", "plain")
print("default", type(plain.serializer).__name__, np.round(plain.predict(np.array([[1.0, 1.0]])), 6).tolist())
plain.deserializer = d.PandasDeserializer()
print("default PandasDeserializer", round(float(plain.predict(np.array([[1.0, 1.0]])).columns[0]), 6))
for name in ("shows", "plain"):
    session.delete_endpoint(name)
'''


def test_each_kind_arrives_as_it_was_sent(run_client: Callable[..., str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    lines = run_client(program).splitlines()
    sent = [line for line in lines if line.startswith("sent ")]
    read = [line for line in lines if line.startswith("read ")]
    assert len(sent) == 10
    assert len(read) == 7
    assert not [line for line in sent + read if " True" not in line]
    assert "default NumpySerializer [5.0]" in lines
    assert "default PandasDeserializer 5.0" in lines, "of several types, one that is known is sent"
