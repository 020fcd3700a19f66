"""The default handlers with the real scikit-learn and XGBoost, in an environment of their own."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from clary_toolkit.algorithms import recordio
from clary_toolkit.algorithms.recordio import Record, Tensor, answers, written
from tests.toolkit.conftest import Serve
from tests.toolkit.running import ModelServer, OptMl

MAKE = """
import sys, joblib, numpy as np, xgboost
from sklearn.linear_model import LinearRegression
x = np.arange(60.0).reshape(20, 3) % 7
y = x @ [1.0, 2.0, 3.0]
joblib.dump(LinearRegression().fit(x, y), sys.argv[1] + "/model.joblib")
booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, y), 5)
booster.save_model(sys.argv[1] + "/model.json")
rows = xgboost.DMatrix(np.array([[1, 2, 3], [4, 5, 6]], "f4"))
sparse = xgboost.DMatrix(np.array([[1, np.nan, 3], [np.nan, 5, np.nan]], "f4"))
print([booster.predict(rows).tolist(), booster.predict(sparse).tolist()])
"""
SKLEARN = "import joblib\ndef model_fn(d): return joblib.load(d + '/model.joblib')\n"
XGBOOST = "import xgboost\ndef model_fn(d): b = xgboost.Booster(); b.load_model(d + '/model.json'); return b\n"
ROWS = [[1, 2, 3], [4, 5, 6]]
RIGHT = pytest.approx([14, 32], abs=1e-4)


@pytest.fixture(scope="module")
def models(framework_python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[float]]]:
    """A folder with both models, and what XGBoost itself predicts for ROWS and for two rows with gaps."""
    folder = tmp_path_factory.mktemp("models")
    command = [str(framework_python), "-c", MAKE, str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, json.loads(made.stdout)


@pytest.fixture
def expected(opt_ml: OptMl, framework_python: Path, models: tuple[Path, list[list[float]]]) -> list[list[float]]:
    """XGBoost's own predictions; the models lie in the model folder."""
    opt_ml.python = framework_python
    shutil.copytree(models[0], opt_ml.base / "model", dirs_exist_ok=True)
    return models[1]


def npy(rows: list[list[float]]) -> bytes:
    """The NPY format by hand: the test's own interpreter has no numpy."""
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}".encode()
    head += b" " * ((-len(head) - 11) % 64) + b"\n"
    flat = [value for row in rows for value in row]
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack(f"<{len(flat)}d", *flat)


def csv(rows: list[list[float]]) -> str:
    stream = io.StringIO()
    for row in rows:
        stream.write(",".join(map(str, row)) + "\n")
    return stream.getvalue()


def predicted(server: ModelServer, body: str | bytes, content_type: str) -> list[float]:
    reply = server.invoke(body, content_type)
    assert reply.status == 200, reply.text
    values: list[float] = json.loads(reply.text)
    return values


def test_scikit_learn(serve: Serve, expected: list[list[float]]) -> None:
    server = serve(SKLEARN, CLARY_FRAMEWORK="scikit-learn")
    assert predicted(server, json.dumps(ROWS), "application/json") == RIGHT
    assert predicted(server, csv(ROWS), "text/csv") == RIGHT
    assert predicted(server, npy(ROWS), "application/x-npy") == RIGHT
    assert predicted(server, "1,2,3", "text/csv") == pytest.approx([14], abs=1e-4)
    assert predicted(server, "1,2,3\n4,5,6\n", "text/csv; charset=utf-8") == RIGHT

    as_csv = server.invoke(json.dumps(ROWS), Accept="text/csv")
    assert [float(line) for line in as_csv.text.splitlines()] == RIGHT
    assert as_csv.headers["content-type"] == "text/csv"
    as_npy = server.invoke(json.dumps(ROWS), Accept="application/x-npy")
    assert as_npy.body.startswith(b"\x93NUMPY")
    chosen = server.invoke(json.dumps(ROWS), Accept="image/png, text/csv;q=0.4, application/json;q=0.8")
    assert chosen.headers["content-type"] == "application/json"

    refused = server.invoke("x", "image/png")
    assert (refused.status, "image/png" in refused.text) == (415, True)
    assert server.invoke(json.dumps(ROWS), Accept="image/png").status == 406
    assert server.invoke("[[1, 2", "application/json").status == 400
    assert server.invoke('{"a": [1]}', "application/json").status == 400
    assert server.invoke(b"no array", "application/x-npy").status == 400
    wrong_width = server.invoke("1,2", "text/csv")
    assert wrong_width.status == 500
    assert wrong_width.text.startswith("predict_fn raised ValueError: X has 2 features")


def test_scikit_learn_hands_its_own_input_to_the_users_predict_fn(serve: Serve, expected: list[list[float]]) -> None:
    code = f"{SKLEARN}\ndef predict_fn(data, model): return [str(data.dtype), list(data.shape)]\n"
    server = serve(code, CLARY_FRAMEWORK="scikit-learn")
    assert predicted(server, "1,2,3", "text/csv") == ["float32", [3]]
    assert predicted(server, "1\n2", "text/csv") == ["float32", [2]]
    assert predicted(server, csv(ROWS), "text/csv") == ["float32", [2, 3]]
    assert predicted(server, npy(ROWS), "application/x-npy") == ["float64", [2, 3]]
    assert predicted(server, "a,2\n3,", "text/csv") == ["float32", [2, 2]]


def test_xgboost(serve: Serve, expected: list[list[float]]) -> None:
    dense, gaps = expected
    server = serve(XGBOOST, CLARY_FRAMEWORK="xgboost")
    assert predicted(server, csv(ROWS), "text/csv") == pytest.approx(dense)
    assert predicted(server, "1,2,3", "text/csv") == pytest.approx(dense[:1])
    assert predicted(server, "1,,3\n,5,", "text/csv") == pytest.approx(gaps)
    assert predicted(server, "0 0:1 2:3\n1 1:5", "text/libsvm") == pytest.approx(gaps)
    assert predicted(server, "0:1 2:3 # note\n1:5", "text/x-libsvm") == pytest.approx(gaps)
    assert predicted(server, json.dumps(ROWS), "application/json") == pytest.approx(dense)
    assert predicted(server, npy(ROWS), "application/x-npy") == pytest.approx(dense)
    as_csv = server.invoke(csv(ROWS), "text/csv", Accept="text/csv")
    assert [float(line) for line in as_csv.text.splitlines()] == pytest.approx(dense)
    assert server.invoke("a,b", "text/csv").status == 400
    assert server.invoke("0 x:1", "text/libsvm").status == 400
    assert server.invoke("x", "image/png").status == 415
    assert server.invoke(csv(ROWS), "text/csv", Accept="image/png").status == 406


def test_xgboosts_own_algorithm_takes_records_and_bodies_without_a_type(
    serve: Serve, expected: list[list[float]], opt_ml: OptMl
) -> None:
    dense, gaps = expected
    (opt_ml.base / "model" / "model.json").rename(opt_ml.base / "model" / "xgboost-model")
    server = serve("from clary_toolkit.algorithms.xgboost_serving import *\n", CLARY_FRAMEWORK="xgboost")
    kind = recordio.MEDIA_TYPE
    body = written([Record(Tensor(row)) for row in ROWS])
    reply = server.invoke(body, kind)
    assert (reply.status, [float(line) for line in reply.text.splitlines()]) == (200, pytest.approx(dense))
    lacking = written([Record(Tensor([1, 3], [0, 2], 3)), Record(Tensor([5], [1], 3))])
    reply = server.invoke(lacking, kind, Accept=kind)
    assert (reply.headers["content-type"], reply.body) == (kind, answers([{"score": [score]} for score in gaps]))
    lines = server.invoke(body, kind, Accept="application/jsonlines").text.splitlines()
    assert [json.loads(line)["score"] for line in lines] == pytest.approx(dense)
    assert server.invoke(b"no records", kind).status == 400
    for body in (csv(ROWS), "0:1 1:2 2:3\n0:4 1:5 2:6"):
        reply = server.invoke(body, "")
        assert [float(line) for line in reply.text.splitlines()] == pytest.approx(dense), "told by its looks"


def test_of_several_instances_the_first_trains_with_xgboost(opt_ml: OptMl) -> None:
    opt_ml.configure({"num_round": "1"}, {})
    config = opt_ml.base / "input" / "config" / "resourceconfig.json"
    config.write_text(json.dumps({"current_host": "algo-10", "hosts": ["algo-10", "algo-2"]}))
    code, output = opt_ml.run("train", CLARY_FRAMEWORK="xgboost")
    assert (code, output) == (0, "algo-2 trains with all of the data; nothing is left to do here\n")


@pytest.mark.parametrize("framework", ["scikit-learn", "xgboost"])
def test_model_fn_must_be_the_users(serve: Serve, expected: list[list[float]], framework: str) -> None:
    server = serve("", ready=False, CLARY_FRAMEWORK=framework)
    assert server.process.wait(20) == 1
    assert f"does not define model_fn, which framework '{framework}' needs" in server.log()
