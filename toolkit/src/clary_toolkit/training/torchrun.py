"""Scripts that PyTorch's launcher starts: on the processors of one instance, or on several instances together.

Called by the train command, for requests that switch it on; and as `python -m clary_toolkit torchrun`, which stands
for the program `torchrun` in jobs, for launchers that the user brings along.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clary_toolkit.errors import ModeNotServed
from clary_toolkit.packages import new_overlay
from clary_toolkit.pip import pip_variables
from clary_toolkit.training.configuration import TrainingConfiguration
from clary_toolkit.training.variables import Machine

FRAMEWORKS = frozenset({"pytorch", "transformers"})
SWITCHES = ("sagemaker_torch_distributed_enabled", "sagemaker_pytorch_ddp_enabled")
NOT_SERVED = {
    "sagemaker_mpi_enabled": "MPI",
    "sagemaker_distributed_dataparallel_enabled": "smdistributed (its library is closed)",
    "sagemaker_pytorch_xla_multi_worker_enabled": "XLA",
}
MODULE = ("-m", "torch.distributed.run")
USUAL_PORT = 7777
# Below the ports that the kernel hands out by itself.
FIRST_PORT, PORTS = 16384, 16384
_ALONE = frozenset({"", "localhost", "127.0.0.1"})
_WITHOUT_VALUE = frozenset({"standalone", "m", "module", "no_python", "run_path", "virtual_local_rank"})


@dataclass(frozen=True)
class Launch:
    """`options` of the launcher; `variables` are for what the request leaves open."""

    options: Sequence[str]
    variables: Mapping[str, str]

    def command(self, direct: Sequence[str]) -> list[str]:
        """In place of `python SCRIPT ...` or `python -m MODULE ...`."""
        return [direct[0], *MODULE, *self.options, *direct[1:]]


def chosen_launch(configuration: TrainingConfiguration, framework: str, machine: Machine) -> Launch | None:
    """How the launcher must start the script here; None when the script starts alone. Raises ModeNotServed."""
    switches = configuration.framework
    if framework not in FRAMEWORKS:
        return None
    if not any(switches.get(name) for name in SWITCHES):
        refused = [title for name, title in NOT_SERVED.items() if switches.get(name)]
        if refused:
            raise ModeNotServed(f"distribution by {refused[0]} is not served; torch_distributed is")
        return None
    hosts = distribution_hosts(configuration)
    current = str(configuration.resources.get("current_host") or "")
    if current not in hosts:
        return None
    processes = max(1, machine.gpus or machine.neurons)
    variables = {"OMP_NUM_THREADS": str(max(1, machine.cpus // processes // len(hosts)))}
    if len(hosts) == 1:
        # Finds a free port by itself: other jobs run on this machine, too.
        return Launch(["--standalone", "--nnodes=1", f"--nproc_per_node={processes}"], variables)
    interface = str(configuration.resources.get("network_interface_name") or "lo")
    options = [
        f"--nnodes={len(hosts)}",
        f"--nproc_per_node={processes}",
        f"--node_rank={hosts.index(current)}",
        f"--master_addr={hosts[0]}",
        f"--master_port={meeting_port(hosts[0])}",
    ]
    return Launch(options, {**variables, "NCCL_SOCKET_IFNAME": interface, "GLOO_SOCKET_IFNAME": interface})


def meeting_port(host: str) -> int:
    """Where the instances of one job meet. All jobs share this machine, and the launcher listens on every address
    of it: so the port follows from the loopback address that is the job's own."""
    try:
        address = ipaddress.IPv4Address(socket.gethostbyname(host))
    except (OSError, ValueError):
        return USUAL_PORT
    # A job has a block of 64 addresses.
    return FIRST_PORT + (int(address) >> 6) % PORTS if address.is_loopback else USUAL_PORT


def main(arguments: Sequence[str]) -> int:
    """Become the launcher, with a port that no other job uses."""
    overlay = new_overlay()
    variables = overlay.variables(pip_variables(overlay, dict(os.environ)))
    command = [sys.executable, *MODULE, *own_port(arguments)]
    os.execve(sys.executable, command, variables)  # noqa: S606 - no shell: these are the caller's own words


def own_port(arguments: Sequence[str]) -> list[str]:
    """The launcher's arguments, with a port that no other job uses: where the instances of this job meet, and a free
    one where the launcher is to meet nobody."""
    words, found = list(arguments), _options(arguments)
    endpoint = found["rdzv_endpoint"][1] if "rdzv_endpoint" in found else ""
    address = found["master_addr"][1] if "master_addr" in found else ""
    host = endpoint.partition(":")[0] or address
    if host in _ALONE:
        asked = "standalone" not in found and (endpoint or "master_port" in found)
        return ["--standalone", *words] if asked else words
    port = meeting_port(host)
    if port == USUAL_PORT:
        return words
    name, wanted = ("rdzv_endpoint", f"{host}:{port}") if endpoint else ("master_port", str(port))
    if name not in found:
        return [f"--{name}={wanted}", *words]
    place, value = found[name]
    words[place] = words[place][: len(words[place]) - len(value)] + wanted
    return words


def _options(words: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Of the options before the script by their names: the place of the word that ends with the value, the value."""
    found: dict[str, tuple[int, str]] = {}
    place = 0
    while place < len(words) and words[place].startswith("-"):
        word, equals, value = words[place].partition("=")
        name = word.lstrip("-").replace("-", "_")
        if not equals and name not in _WITHOUT_VALUE:
            place += 1
            value = words[place] if place < len(words) else ""
        found[name] = (min(place, len(words) - 1), value)
        place += 1
    return found


def distribution_hosts(configuration: TrainingConfiguration) -> list[str]:
    """All instances, or those of the groups that the request names."""
    resources = configuration.resources
    named = configuration.framework.get("sagemaker_distribution_instance_groups") or []
    groups = resources.get("instance_groups") or []
    chosen = [host for group in groups if group["instance_group_name"] in named for host in group["hosts"]]
    return chosen or list(resources.get("hosts") or [])
