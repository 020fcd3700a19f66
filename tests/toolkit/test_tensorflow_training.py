"""What TensorFlow's image adds to script mode. No TensorFlow is needed for it."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest

from clary_toolkit.child import Foreground
from clary_toolkit.training import tensorflow
from clary_toolkit.training.configuration import TrainingConfiguration
from clary_toolkit.training.tensorflow import Cluster
from tests.server import eventually
from tests.toolkit.running import SOURCE, OptMl

SHOW = "import os, sys\nprint('arguments', sys.argv[1:])\nprint('config', os.environ.get('TF_CONFIG'))\n"


def configuration(
    current: str = "algo-1", hosts: int = 3, user: dict[str, Any] | None = None, **switches: Any
) -> TrainingConfiguration:
    reserved = {name: value for name, value in switches.items() if name.startswith("_")}
    framework = {f"sagemaker_{name}_enabled": value for name, value in switches.items() if name[0] != "_"}
    names = [f"algo-{number}" for number in range(1, hosts + 1)]
    return TrainingConfiguration(reserved, framework, user or {}, {"current_host": current, "hosts": names}, {})


def port_of(host: str, role: str) -> int:
    return {"worker": 2222, "ps": 2223, "mirrored": 8890}[role]


def test_parameter_servers() -> None:
    members = {
        "master": ["algo-1:2222"],
        "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"],
        "worker": ["algo-2:2222", "algo-3:2222"],
    }
    for current, task in (("algo-1", ("master", 0)), ("algo-2", ("worker", 0)), ("algo-3", ("worker", 1))):
        cluster = tensorflow.cluster_of(configuration(current, parameter_server=True), port_of)
        assert cluster is not None
        assert (cluster.task, cluster.index) == task
        expected = {"cluster": members, "environment": "cloud", "task": {"type": task[0], "index": task[1]}}
        assert json.loads(cluster.config) == expected
    assert tensorflow.cluster_of(configuration(hosts=1, parameter_server=True), port_of) is None


STUB = """
import os, pathlib, time
class distribute:
    class Server:
        def __init__(self, *arguments, **named):
            path = pathlib.Path(os.environ["SEEN"])
            path.with_suffix(".new").write_text(repr((os.getpid(), arguments, named)))
            path.with_suffix(".new").rename(path)
        def join(self):
            time.sleep(60)
"""


def test_a_parameter_server_runs_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(STUB)
    seen = tmp_path / "seen"
    variables = {"PYTHONPATH": f"{SOURCE}{os.pathsep}{tmp_path}", "SEEN": str(seen), "PYTHONDONTWRITEBYTECODE": "1"}
    members = {"master": ["127.0.0.1:9"], "ps": ["127.0.0.1:9", "127.0.0.1:9"], "worker": ["127.0.0.1:9"]}
    for cluster, index in ((Cluster(members, "master", 0), 0), (Cluster(members, "worker", 0), 1)):
        seen.unlink(missing_ok=True)
        with tensorflow.parameter_server(cluster, variables, Foreground()):
            eventually(seen.exists)
        pid, arguments, named = ast.literal_eval(seen.read_text())
        assert (arguments, named) == ((members,), {"job_name": "ps", "task_index": index})
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_mirrored_workers() -> None:
    for hosts in (1, 2):
        made = configuration(f"algo-{hosts}", hosts, multi_worker_mirrored_strategy=True)
        cluster = tensorflow.cluster_of(made, port_of)
        assert cluster is not None
        workers = [f"algo-{number}:8890" for number in range(1, hosts + 1)]
        assert (cluster.members, cluster.task, cluster.index) == ({"worker": workers}, "worker", hosts - 1)
    assert tensorflow.cluster_of(configuration(multi_worker_mirrored_strategy=False), port_of) is None


def test_ports_follow_from_the_address() -> None:
    ports = [tensorflow.own_port(host, role) for host in ("127.64.0.1", "127.64.0.2") for role in ("worker", "ps")]
    assert len(set(ports)) == 4
    assert all(10240 <= port < 32768 for port in ports)
    assert tensorflow.own_port("192.0.2.1", "mirrored") == 8890


def test_trials_have_a_model_dir_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_JOB_NAME", "trial-1")

    def adapted(model_dir: Any, **reserved: Any) -> Any:
        return tensorflow.adapted(configuration(user={"model_dir": model_dir}, **reserved)).user["model_dir"]

    assert adapted("s3://bucket/model") == "s3://bucket/model"
    assert adapted("s3://bucket/model", _tuning_objective_metric="loss") == "s3://bucket/model/trial-1/model"
    assert adapted("/opt/ml/model", _tuning_objective_metric="loss") == "/opt/ml/model"
    assert adapted(False, _tuning_objective_metric="loss") is False


def test_the_script_is_given_model_dir_and_cluster(opt_ml: OptMl) -> None:
    switch = {"sagemaker_multi_worker_mirrored_strategy_enabled": "true", "model_dir": '"s3://bucket/model"'}
    code, output = opt_ml.train({"train.py": SHOW}, switch, CLARY_FRAMEWORK="tensorflow")
    assert code == 0, output
    assert "arguments ['--model_dir', 's3://bucket/model']" in output
    shown = next(line for line in output.splitlines() if line.startswith("config "))
    assert json.loads(shown[7:])["task"] == {"type": "worker", "index": 0}
    assert "there is no model" in output


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["weights.h5"], "no SavedModel"),
        (["half/saved_model.pb"], "half cannot be served"),
        (["1/saved_model.pb"], ""),
    ],
)
def test_a_model_that_cannot_be_served_is_told_of(opt_ml: OptMl, files: list[str], told: str) -> None:
    write = "import os, pathlib\nroot = pathlib.Path(os.environ['SM_MODEL_DIR'])\n"
    for name in files:
        write += f"path = root / '{name}'; path.parent.mkdir(exist_ok=True); path.touch()\n"
    code, output = opt_ml.train({"train.py": write}, CLARY_FRAMEWORK="tensorflow")
    assert code == 0, output
    assert told in output
    assert bool(told) == ("clary-toolkit:" in output)


def test_other_distributions_are_refused(opt_ml: OptMl) -> None:
    code, output = opt_ml.train({"train.py": SHOW}, {"sagemaker_mpi_enabled": "true"}, CLARY_FRAMEWORK="tensorflow")
    assert code == 1
    assert "distribution by MPI (Horovod) is not served" in output
    assert "config" not in output
    assert "MPI" in opt_ml.failure
