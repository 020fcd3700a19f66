"""Names, addresses and shares of the instances of a job."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from clary.engine.hosts import MOST, check_capacity, hosts_of, names_of, share_of, write_resource_config
from clary.runtimes.errors import InsufficientCapacity

MIXED = {
    "InstanceGroups": [
        {"InstanceGroupName": "loaders", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "trainers", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ]
}


def test_jobs_side_by_side_have_addresses_of_their_own() -> None:
    machines = {"InstanceType": "ml.m5.large", "InstanceCount": MOST}
    found = [host.address for job in range(1020, 1030) for host in hosts_of(job, machines)]
    assert len(set(found)) == 10 * MOST
    assert all(ip_address(address).is_loopback for address in found)
    assert names_of(hosts_of(1, {"InstanceType": "ml.m5.large", "InstanceCount": 1})) == {}


def test_groups_become_hosts_and_channels_are_shared_among_their_readers(tmp_path: Path) -> None:
    hosts = hosts_of(5, MIXED)
    assert [(host.name, host.group) for host in hosts] == [
        ("algo-1", "loaders"),
        ("algo-2", "trainers"),
        ("algo-3", "trainers"),
    ]
    assert [share_of(host, hosts, ["trainers"]) for host in hosts] == [None, (0, 2), (1, 2)]
    assert [share_of(host, hosts, []) for host in hosts] == [(0, 3), (1, 3), (2, 3)]
    write_resource_config(tmp_path, hosts[1], hosts)
    told = json.loads((tmp_path / "resourceconfig.json").read_text())
    assert (told["current_host"], told["current_group_name"]) == ("algo-2", "trainers")
    assert told["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert told["instance_groups"][1]["hosts"] == ["algo-2", "algo-3"]


def test_what_cannot_fit_is_refused() -> None:
    check_capacity(hosts_of(1, {"InstanceType": "ml.m5.large", "InstanceCount": MOST}), [])
    with pytest.raises(InsufficientCapacity, match="up to 62"):
        check_capacity(hosts_of(1, {"InstanceType": "ml.m5.large", "InstanceCount": MOST + 1}), [])
