"""What TensorFlow's image adds to script mode: `model_dir` of trials, TF_CONFIG, parameter servers, a look at the
model. Used by the train command when the framework is TensorFlow.

TensorFlow listens on every address of the machine, and all instances of all jobs share this one: each instance has
ports of its own, which follow from its loopback address.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from clary_toolkit.child import Foreground
from clary_toolkit.errors import ModeNotServed
from clary_toolkit.layout import OptMl
from clary_toolkit.saved_models.folders import is_version, saved_models
from clary_toolkit.training.configuration import TrainingConfiguration
from clary_toolkit.training.torchrun import distribution_hosts

FRAMEWORK = "tensorflow"
PARAMETER_SERVERS = "sagemaker_parameter_server_enabled"
MIRRORED = "sagemaker_multi_worker_mirrored_strategy_enabled"
NOT_SERVED = {
    "sagemaker_mpi_enabled": "MPI (Horovod)",
    "sagemaker_distributed_dataparallel_enabled": "smdistributed (its library is closed)",
}
# Below the ports that the kernel hands out by itself; two for each instance.
FIRST_PORT, PORTS = 10240, 22528
LOOK_SECONDS = 0.5
STOP_SECONDS = 5.0

PortOf = Callable[[str, str], int]


@dataclass(frozen=True)
class Cluster:
    """The instances of a distributed job as TensorFlow knows them, and what this one is among them."""

    members: Mapping[str, Sequence[str]]
    task: str
    index: int

    @property
    def config(self) -> str:
        """The value of TF_CONFIG."""
        task = {"type": self.task, "index": self.index}
        return json.dumps({"cluster": self.members, "environment": "cloud", "task": task})


def adapted(configuration: TrainingConfiguration) -> TrainingConfiguration:
    """Trials of a tuning job get a `model_dir` each. Raises ModeNotServed."""
    refused = [title for name, title in NOT_SERVED.items() if configuration.framework.get(name)]
    if refused:
        raise ModeNotServed(
            f"distribution by {refused[0]} is not served; multi_worker_mirrored_strategy and parameter_server are"
        )
    shared = configuration.user.get("model_dir")
    if "_tuning_objective_metric" not in configuration.reserved or not isinstance(shared, str):
        return configuration
    if shared.startswith("/opt/ml"):
        return configuration
    job = os.environ.get("TRAINING_JOB_NAME") or configuration.reserved.get("sagemaker_job_name", "")
    return replace(configuration, user={**configuration.user, "model_dir": f"{shared}/{job}/model"})


def cluster_of(configuration: TrainingConfiguration, port_of: PortOf | None = None) -> Cluster | None:
    """None for a script that runs alone. Parameter servers need several instances, mirrored workers do not."""
    hosts = distribution_hosts(configuration)
    current = str(configuration.resources.get("current_host") or "")
    if current not in hosts:
        return None
    place, port = hosts.index(current), port_of or own_port
    if configuration.framework.get(PARAMETER_SERVERS):
        if len(hosts) == 1:
            return None
        workers = [f"{host}:{port(host, 'worker')}" for host in hosts]
        servers = [f"{host}:{port(host, 'ps')}" for host in hosts]
        members = {"master": workers[:1], "ps": servers, "worker": workers[1:]}
        return Cluster(members, "worker", place - 1) if place else Cluster(members, "master", 0)
    if configuration.framework.get(MIRRORED):
        return Cluster({"worker": [f"{host}:{port(host, 'mirrored')}" for host in hosts]}, "worker", place)
    return None


def own_port(host: str, role: str) -> int:
    """The port of an instance; AWS's where the instance has no loopback address of its own."""
    usual = {"worker": 2222, "ps": 2223, "mirrored": 8890}[role]
    try:
        address = ipaddress.IPv4Address(socket.gethostbyname(host))
    except (OSError, ValueError):
        return usual
    return FIRST_PORT + (2 * int(address) + (role == "ps")) % PORTS if address.is_loopback else usual


@contextmanager
def parameter_server(cluster: Cluster | None, variables: Mapping[str, str], foreground: Foreground) -> Iterator[None]:
    """Around the script: this instance's share of the parameters, served until the master's script has ended."""
    if cluster is None or "ps" not in cluster.members:
        yield
        return
    index = 0 if cluster.task == "master" else cluster.index + 1
    command = [
        sys.executable,
        "-m",
        "clary_toolkit.training.parameter_server",
        json.dumps(cluster.members),
        str(index),
    ]
    process = subprocess.Popen(command, env=dict(variables))
    try:
        yield
        if cluster.task != "master":
            _wait_for_end(cluster.members["master"][0], process, foreground)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tell_of_model(layout: OptMl) -> None:
    """A model that cannot be served is worth a line now, not only when it is deployed."""
    folders = list(saved_models(layout.model))
    if not any(path.is_file() for path in layout.model.rglob("*")):
        print(f"clary-toolkit: the script has left nothing in {layout.model}: there is no model", flush=True)
    elif not folders:
        print(
            "clary-toolkit: no SavedModel in SM_MODEL_DIR; endpoints are served from NUMBER/saved_model.pb",
            flush=True,
        )
    for folder in folders:
        if not is_version(folder.name):
            print(f"clary-toolkit: {folder} cannot be served: its name is not a number", flush=True)


def _wait_for_end(master: str, process: subprocess.Popen[bytes], foreground: Foreground) -> None:
    host, _, port = master.rpartition(":")
    while not foreground.stopping and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=LOOK_SECONDS).close()
        except OSError:
            return
        time.sleep(LOOK_SECONDS)


def cluster_variables(cluster: Cluster | None) -> dict[str, str]:
    return {} if cluster is None else {"TF_CONFIG": cluster.config}
