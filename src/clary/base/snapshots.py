"""The two snapshot files that let doors answer without control: routes.json and access.json.

The engine writes them durably, each with a number that only grows; doors read them and swap when the number
grew. Both are plain JSON so that they can be read by people. Dead control = old snapshot, never none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from clary.base.durable import write_json
from clary.base.log import get_logger

log = get_logger(__name__)

S = TypeVar("S")
DAMAGE: tuple[type[Exception], ...] = (ValueError, TypeError, KeyError, AttributeError)
"""What reading a snapshot raises that is not one."""
UNREADABLE: tuple[type[Exception], ...] = (OSError, *DAMAGE)


@dataclass(frozen=True, slots=True)
class Replica:
    """One ready model server. `address` is `unix:/path` or `host:port`."""

    unit_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant; `weight` is relative to the sum of all. Only ready replicas are listed."""

    name: str
    weight: float
    replicas: tuple[Replica, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a door must know to answer InvokeEndpoint. An empty `replicas` of a served endpoint means: park."""

    account: str
    region: str
    name: str
    arn: str
    status: str
    timeout_seconds: float
    variants: tuple[Variant, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Routes:
    """All endpoints, by `route_key`."""

    number: int = 0
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term key. Session keys are not listed: they prove themselves (see access/sessions.py)."""

    secret: str
    principal_arn: str
    account: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class PrincipalPolicies:
    """A user or role with all policy documents that bear on it. `root` may do everything in its account."""

    arn: str
    account: str
    principal_id: str
    root: bool = False
    policies: tuple[Mapping[str, Any], ...] = ()
    boundary: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials and policies of the whole installation."""

    number: int = 0
    keys: Mapping[str, AccessKey] = field(default_factory=dict)
    principals: Mapping[str, PrincipalPolicies] = field(default_factory=dict)


def route_key(account: str, region: str, endpoint_name: str) -> str:
    """Lookup is case-insensitive, as ARNs carry names in lower case."""
    return f"{account}/{region}/{endpoint_name.lower()}"


def write_routes(path: Path, routes: Routes) -> None:
    write_json(path, asdict(routes), mode=0o600)


def write_access(path: Path, access: Access) -> None:
    write_json(path, asdict(access), mode=0o600)


def read_routes(path: Path) -> Routes:
    """The snapshot, or an empty one numbered 0 when there is none yet."""
    document = _read(path)
    return Routes(
        number=document.get("number", 0),
        endpoints={key: _endpoint(item) for key, item in document.get("endpoints", {}).items()},
    )


def read_access(path: Path) -> Access:
    """The snapshot, or an empty one numbered 0 when there is none yet."""
    document = _read(path)
    return Access(
        number=document.get("number", 0),
        keys={key: AccessKey(**item) for key, item in document.get("keys", {}).items()},
        principals={
            arn: PrincipalPolicies(**{**item, "policies": tuple(item["policies"])})
            for arn, item in document.get("principals", {}).items()
        },
    )


def next_number(last: int, now: datetime) -> int:
    """The number of the snapshot after `last`. The first is a time: should the file be lost while doors run, which
    take none that is lower than what they have, what is made anew has a higher one."""
    return last + 1 if last else int(now.timestamp() * 1000)


def recover(path: Path, read: Callable[[Path], S]) -> S:
    """For who writes a snapshot: one that somebody has damaged is removed, as all of it follows from the store."""
    try:
        return read(path)
    except DAMAGE:
        log.warning("a damaged snapshot is made anew", extra={"path": str(path)})
        path.unlink()
        return read(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return document


def _endpoint(item: dict[str, Any]) -> Endpoint:
    variants = tuple(
        Variant(v["name"], v["weight"], tuple(Replica(**r) for r in v["replicas"])) for v in item["variants"]
    )
    return Endpoint(**{**item, "variants": variants})
