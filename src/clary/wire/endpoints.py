"""botocore's endpoint data: the regions it knows, and a copy with STS moved to another host, for clients that take
STS's address from there."""

from __future__ import annotations

import copy
from typing import Any

from botocore.loaders import create_loader


def known_regions() -> frozenset[str]:
    """Names of the regions of all partitions."""
    partitions = create_loader().load_data("endpoints")["partitions"]
    return frozenset(region for partition in partitions for region in partition["regions"])


def endpoint_data_with_sts_at(host: str) -> dict[str, Any]:
    """A copy of the bundled `endpoints` data in which STS of every region is at `host` (name[:port])."""
    data: dict[str, Any] = copy.deepcopy(create_loader().load_data("endpoints"))
    for partition in data["partitions"]:
        sts = partition["services"].setdefault("sts", {"endpoints": {}})
        regions = [*partition["regions"], *sts["endpoints"]]
        sts["endpoints"] = {region: {"hostname": host} for region in regions}
        sts.pop("partitionEndpoint", None)
    return data
