"""How scripts are handed to PyTorch's launcher. The launcher is played here: the real one runs in tests/sdk."""

from __future__ import annotations

from typing import Any

import pytest

from clary_toolkit.errors import ModeNotServed
from clary_toolkit.training.configuration import TrainingConfiguration
from clary_toolkit.training.torchrun import Launch, chosen_launch, meeting_port, own_port
from clary_toolkit.training.traceback_text import error_message, last_traceback, without_launcher
from clary_toolkit.training.variables import Machine
from tests.toolkit.running import RESOURCES, OptMl

TWO = {"current_host": "127.64.3.2", "hosts": ["127.64.3.1", "127.64.3.2"], "network_interface_name": "lo"}
TORCH = {"sagemaker_torch_distributed_enabled": True}
CPUS = Machine(cpus=8)
LAUNCHER = "import os, sys\nprint('launched', sys.argv[1:], os.environ['OMP_NUM_THREADS'])\n"
FAILED = """\
step 1
[rank0]: Traceback (most recent call last):
[rank1]: Traceback (most recent call last):
[rank1]:   File "train.py", line 5, in <module>
[rank0]:   File "train.py", line 7, in <module>
[rank0]: ValueError: bad
[rank0]: news
[rank1]: ConnectionError: gone
E1121 14:07:55.922000 12268 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1) local_rank: 0
Traceback (most recent call last):
  File "torch/distributed/run.py", line 1032, in <module>
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
"""


def launch(resources: dict[str, Any], switches: dict[str, Any], machine: Machine = CPUS) -> Launch | None:
    configuration = TrainingConfiguration({}, switches, {}, resources, {})
    return chosen_launch(configuration, "pytorch", machine)


def test_several_instances_meet_at_a_port_of_their_own() -> None:
    found = launch(TWO, TORCH)
    assert found is not None
    port = meeting_port("127.64.3.1")
    assert found.options == [
        "--nnodes=2",
        "--nproc_per_node=1",
        "--node_rank=1",
        "--master_addr=127.64.3.1",
        f"--master_port={port}",
    ]
    assert found.variables == {"OMP_NUM_THREADS": "4", "NCCL_SOCKET_IFNAME": "lo", "GLOO_SOCKET_IFNAME": "lo"}
    assert found.command(["python", "-m", "train", "--x", "1"])[-4:] == ["-m", "train", "--x", "1"]


def test_ports_of_jobs_differ_and_those_of_one_job_do_not() -> None:
    ports = [
        meeting_port(f"127.{64 + job // 1024}.{job // 4 % 256}.{job % 4 * 64 + 1}") for job in range(0, 16384, 7)
    ]
    assert len(set(ports)) == len(ports)
    assert min(ports) >= 16384
    assert max(ports) < 32768
    assert meeting_port("127.64.0.1") == meeting_port("127.64.0.63") != meeting_port("127.64.0.65")
    assert meeting_port("203.0.113.5") == 7777


def test_one_instance_finds_a_free_port_and_uses_its_gpus() -> None:
    found = launch(RESOURCES, {"sagemaker_pytorch_ddp_enabled": True}, Machine(cpus=8, gpus=4))
    assert found is not None
    assert found.options == ["--standalone", "--nnodes=1", "--nproc_per_node=4"]
    assert found.variables == {"OMP_NUM_THREADS": "2"}


def test_only_the_named_groups_take_part() -> None:
    groups = [
        {"instance_group_name": "a", "hosts": ["algo-1"]},
        {"instance_group_name": "b", "hosts": ["127.64.3.1", "127.64.3.2"]},
    ]
    resources = {**TWO, "hosts": ["algo-1", *TWO["hosts"]], "instance_groups": groups}
    switches = {**TORCH, "sagemaker_distribution_instance_groups": ["b"]}
    found = launch(resources, switches)
    assert found is not None
    assert found.options[:3] == ["--nnodes=2", "--nproc_per_node=1", "--node_rank=1"]
    assert launch({**resources, "current_host": "algo-1"}, switches) is None


def test_what_is_off_or_not_served() -> None:
    assert launch(TWO, {}) is None
    assert launch(TWO, {"sagemaker_torch_distributed_enabled": False, "sagemaker_mpi_enabled": False}) is None
    with pytest.raises(ModeNotServed, match="MPI is not served"):
        launch(TWO, {"sagemaker_mpi_enabled": True})
    other = TrainingConfiguration({}, {"sagemaker_mpi_enabled": True}, {}, TWO, {})
    assert chosen_launch(other, "scikit-learn", CPUS) is None


@pytest.mark.parametrize(
    "words",
    [
        ["--nnodes=2", "--master_addr=127.64.3.1", "--master_port=7777", "train.py", "--master_port=1"],
        ["--master-addr", "127.64.3.1", "--master-port", "7777", "train.py", "--master-port", "1"],
    ],
)
def test_a_launcher_that_the_user_brings_gets_the_jobs_own_port(words: list[str]) -> None:
    port = str(meeting_port("127.64.3.1"))
    assert own_port(words) == [word.replace("7777", port) for word in words]


def test_the_jobs_own_port_where_none_or_an_endpoint_is_named() -> None:
    port = meeting_port("127.64.3.1")
    words = ["--nnodes", "2", "--master_addr", "127.64.3.1", "train.py"]
    assert own_port(words) == [f"--master_port={port}", *words]
    words = ["--rdzv_id", "7", "--rdzv_backend=c10d", "--rdzv-endpoint", "127.64.3.1:29400", "-m", "train"]
    assert own_port(words) == [word.replace("29400", str(port)) for word in words]
    assert own_port(["--rdzv_endpoint=127.64.3.1", "t.py"]) == [f"--rdzv_endpoint=127.64.3.1:{port}", "t.py"]


@pytest.mark.parametrize(
    "words",
    [
        ["--nproc_per_node=2", "--master_port=29501", "train.py"],
        ["--master_addr", "localhost", "--master_port", "29501", "train.py"],
        ["--rdzv_backend=c10d", "--rdzv_endpoint=localhost:29400", "train.py"],
    ],
)
def test_a_launcher_that_meets_nobody_takes_a_free_port(words: list[str]) -> None:
    assert own_port(words) == ["--standalone", *words]


def test_other_meeting_places_stay() -> None:
    for words in (
        ["--standalone", "--master_port=1", "train.py"],
        ["--nproc_per_node", "2", "train.py", "--master_port", "1"],
        ["--master_addr=203.0.113.5", "--master_port=1", "t.py"],
        [],
    ):
        assert own_port(words) == words


def test_the_reason_is_the_scripts_and_not_the_launchers() -> None:
    tail = without_launcher(FAILED)
    assert error_message(tail) == "ValueError: bad"
    assert last_traceback(tail).endswith("ValueError: bad\nnews")
    assert without_launcher("plain\ntext\n") == "plain\ntext\n"


def test_the_train_command_becomes_the_launchers(opt_ml: OptMl) -> None:
    source = {"train.py": "", "torch/__init__.py": "", "torch/distributed/__init__.py": ""}
    values = {"lr": "0.5", "sagemaker_torch_distributed_enabled": "true"}
    files = {**source, "torch/distributed/run.py": LAUNCHER}
    code, output = opt_ml.train(files, values, CLARY_FRAMEWORK="pytorch")
    assert code == 0, output
    expected = ["--standalone", "--nnodes=1", "--nproc_per_node=1", "train.py", "--lr", "0.5"]
    assert f"launched {expected}" in output
    (opt_ml.base / "code" / "run.sh").touch()
    code, output = opt_ml.train({}, values, "run.sh", CLARY_FRAMEWORK="pytorch")
    assert code == 1
    assert "torchrun starts Python programs only" in output
