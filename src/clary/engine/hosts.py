"""The instances of one job: names, groups and addresses, the same at every look. Pure apart from writing the
resourceconfig.json of one instance. Called by the controllers of training and processing jobs.

All instances run on this machine and share its network. Each has a loopback address of its own, so that servers
of two instances may use the same port as long as they listen on the instance's name and not on all addresses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.runtimes.errors import InsufficientCapacity
from clary.runtimes.instances import check_together, this_machine

MOST = 62
ONE_GROUP = "homogeneousCluster"


@dataclass(frozen=True, slots=True)
class Host:
    """One instance; `number` counts from 1."""

    number: int
    instance_type: str
    group: str
    address: str

    @property
    def name(self) -> str:
        return f"algo-{self.number}"


def hosts_of(job_id: int, resources: Mapping[str, Any]) -> list[Host]:
    """The instances that a ResourceConfig or ClusterConfig asks for."""
    groups = resources.get("InstanceGroups") or [{**resources, "InstanceGroupName": ONE_GROUP}]
    wanted = [
        (group["InstanceType"], group["InstanceGroupName"])
        for group in groups
        for _ in range(group.get("InstanceCount", 1))
    ]
    return [
        Host(number, instance_type, group, _address(job_id, number))
        for number, (instance_type, group) in enumerate(wanted, 1)
    ]


def check_capacity(hosts: Sequence[Host], types: Sequence[str], *, strict: bool = False) -> None:
    """`types` are those of all instances whose memory and processors the job gets, also where one host has them."""
    if len(hosts) > MOST:
        raise InsufficientCapacity(f"{len(hosts)} instances do not fit on one machine; a job may have up to {MOST}.")
    if strict and len(types) > 1:
        check_together(types, this_machine())


def _address(job_id: int, number: int) -> str:
    """Jobs that run at the same time have different ones: a block of 64 for each of 131,072 jobs in a row."""
    return f"127.{64 + (job_id >> 10) % 128}.{(job_id >> 2) % 256}.{(job_id & 3) * 64 + number % 64}"


def names_of(hosts: Sequence[Host]) -> dict[str, str]:
    """What the instances find each other by; a single one needs no address of its own."""
    return {host.name: host.address for host in hosts} if len(hosts) > 1 else {}


def share_of(host: Host, hosts: Sequence[Host], groups: Sequence[str]) -> tuple[int, int] | None:
    """(place, number) of the host among those that read a channel; None when its group does not read it."""
    readers = [one.number for one in hosts if not groups or one.group in groups]
    return (readers.index(host.number), len(readers)) if host.number in readers else None


def write_resource_config(folder: Path, host: Host, hosts: Sequence[Host]) -> None:
    """With several instances the network between them is the loopback interface, and libraries are told so."""
    names = sorted(one.name for one in hosts)
    groups = {
        one.group: {
            "instance_group_name": one.group,
            "instance_type": one.instance_type,
            "hosts": [other.name for other in hosts if other.group == one.group],
        }
        for one in hosts
    }
    document = {
        "current_host": host.name,
        "current_instance_type": host.instance_type,
        "current_group_name": host.group,
        "hosts": names,
        "instance_groups": list(groups.values()),
        "network_interface_name": "lo" if len(hosts) > 1 else "eth0",
    }
    (folder / "resourceconfig.json").write_text(json.dumps(document))
