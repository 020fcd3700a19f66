"""Whose image an address names: one of AWS's own algorithms, or somebody's that is only called so.

Algorithms have names that anybody may give an image (`knn`, `xgboost`), so the registry decides: AWS keeps them in
registries of its own, one for each region. Frameworks have names that nobody chooses by accident; theirs may be
mirrored anywhere, and `images` does not ask here. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# The accounts that AWS publishes its algorithms from, of all regions and partitions, as its Python SDK knows them.
_ALGORITHM_ACCOUNTS = """
104374241257 106583098589 108575199400 124985052026 174872318107 190319476487 226302683700 237065988967
249704162688 257386234256 272398656194 286214385809 306986355934 351501993468 382416733822 387376663083
390948362332 404615174143 433757028032 438346466558 455444449433 469771592824 475088953585 490574956308
501404015308 544295431143 628508329040 632365934929 644912444149 664544806723 669576153137 680994064768
685385470294 712309505854 749696950732 765400339828 811284229777 813361260812 825641698319 835164637446
855470959533 867004704886 898809789911 951798379941 991648021394
"""
# `<account>.dkr.ecr.<region>.<domain>`, also `.dkr.ecr-fips.` and `.dkr-ecr.` of addresses with both protocols.
_ECR = re.compile(r"([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.[a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Address:
    """An image's address. `registry` is empty where none is written, as is `tag`; `folders` lead to `repository`."""

    registry: str
    folders: str
    repository: str
    tag: str

    @property
    def is_algorithms(self) -> bool:
        """Whether AWS's algorithms lie there. Without a registry the short name is Clary's own way to write them."""
        if self.folders:
            return False
        account = _ECR.fullmatch(self.registry)
        return not self.registry or (account is not None and account[1] in _ALGORITHM_ACCOUNTS.split())


def read_address(image_uri: str) -> Address:
    """Docker's rule: the first part is a registry when it has a dot or a port, or is `localhost`."""
    *before, last = image_uri.partition("@")[0].split("/")
    repository, _, tag = last.partition(":")
    registry = before[0] if before and (before[0] == "localhost" or re.search("[.:]", before[0])) else ""
    return Address(registry, "/".join(before[1:] if registry else before), repository, tag)
