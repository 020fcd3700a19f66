"""Libraries of AWS's images, imported as scripts import them, with real frameworks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

from tests.toolkit.running import SOURCE

SCRIPT = """
import json, sys
import numpy as np
import sagemaker_xgboost_container.encoder as xgb_encoders
from sagemaker_containers import training_env
from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker
from sagemaker_inference import content_types as types, decoder, encoder, errors
from sagemaker_training import environment
from sagemaker_xgboost_container.data_utils import get_content_type, get_dmatrix, get_size

folder = sys.argv[1]
rows = get_dmatrix(folder, "libsvm")
assert (rows.num_row(), rows.num_col(), rows.get_label().tolist()) == (2, 4, [1, 0])
assert get_dmatrix(folder + "/rows", "text/libsvm").num_row() == 2
assert get_dmatrix(folder + "/none", "csv") is get_dmatrix(None, "csv") is None
assert get_size(folder) == len("1 0:1 3:2\\n0 1:1\\n")
assert get_content_type("text/csv;label_size=1") == "csv" and get_content_type(None) == "libsvm"
assert xgb_encoders.libsvm_to_dmatrix(b"0:1 3:2").num_col() == 4
assert xgb_encoders.csv_to_dmatrix("1,2\\n3,4").num_row() == 2
assert xgb_encoders.decode("1,2,3", "text/csv").num_col() == 3
assert tuple(worker.Response(json.dumps({"a": 1}), mimetype=content_types.JSON)) == ('{"a": 1}', "application/json")
assert worker.Response("1", "text/csv") == ("1", "text/csv")
try:
    worker.Response(b"no such row", "text/plain", status=404)
except Exception as error:
    assert (error.status, error.message, error.content_type) == (404, "no such row", "text/plain"), error
else:
    raise AssertionError("an error was a success")
assert encoders.encode(np.array([[1, 2]]), "text/csv") == encoder.encode([[1, 2]], types.CSV) == "1,2\\n"
assert decoder.decode("[1, 2]", types.JSON).tolist() == encoders.decode("1,2", "text/csv").tolist() == [1, 2]
for job in (training_env(), env.TrainingEnv(), environment.Environment()):
    assert job.hyperparameters == {"depth": 3} and job.current_host == "algo-1" and not hasattr(job, "other")
for call in (lambda: decoder.decode("", "image/png"), lambda: encoder.encode([1], "image/png")):
    try:
        call()
    except errors.UnsupportedFormatError as error:
        assert error.status == 415, error
    else:
        raise AssertionError("not refused")
try:
    decoder.decode("{", types.JSON)
except errors.UnsupportedFormatError:
    raise
except Exception as error:
    assert error.status == 400, error
else:
    raise AssertionError("not refused")
"""
TOGETHER = """
import json, sys
import numpy, xgboost
from sagemaker_xgboost_container import distributed
hosts, me, port, mine = json.loads(sys.argv[1])

def train(data, is_master):
    booster = xgboost.train({"max_depth": 1, "base_score": 0.5}, data, 1)
    print(json.dumps([is_master, booster.predict(xgboost.DMatrix(numpy.array([[1.0], [2.0]]))).tolist()]))

half = xgboost.DMatrix(numpy.full((50, 1), mine), label=numpy.full(50, mine * 10))
distributed.rabit_run(
    exec_fun=train, args={"data": half}, include_in_training=mine > 0, hosts=hosts, current_host=me,
    first_port=port, second_port=port + 1, update_rabit_args=True,
)
"""
DEADLINE = 120.0  # importing XGBoost is slow on a loaded machine
PATH = os.pathsep.join([str(SOURCE), str(SOURCE / "clary_toolkit" / "stand_ins")])


def test_what_scripts_use_is_there(framework_python: Path, tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("1 0:1 3:2\n0 1:1\n")
    job = json.dumps({"hyperparameters": {"depth": 3}, "current_host": "algo-1"})
    command = [str(framework_python), "-W", "error", "-c", SCRIPT, str(tmp_path)]
    environment = {"PYTHONPATH": PATH, "SM_TRAINING_ENV": job}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert result.returncode == 0, result.stderr


def test_instances_with_data_train_together_and_the_others_end(framework_python: Path) -> None:
    place = (
        f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # of this test alone, so that ports stay free
    )
    hosts, port = [place, "127.0.0.2", "127.0.0.3"], two_free_ports(place)
    processes = [
        subprocess.Popen(
            [str(framework_python), "-c", TOGETHER, json.dumps([hosts, host, port, mine])],
            env={"PYTHONPATH": PATH, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for host, mine in zip(hosts, (1, 0, 2), strict=True)
    ]
    try:
        told = [process.communicate(timeout=DEADLINE) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0], told
    printed = [
        [json.loads(line) for line in output.splitlines() if line.startswith(("[true", "[false"))]
        for output, _ in told
    ]
    (first,), none, (third,) = printed
    assert (first[0], none, third[0]) == (True, [], False)
    assert first[1] == third[1], "one model of the data of both"
    assert first[1][0] < first[1][1]


def two_free_ports(address: str) -> int:
    """The first of two that follow each other."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind((address, 0))
            port = int(one.getsockname()[1])
            try:
                two.bind((address, port + 1))
            except (OSError, OverflowError):
                continue
            return port
