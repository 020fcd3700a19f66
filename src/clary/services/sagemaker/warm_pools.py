"""Warm pools: what KeepAlivePeriodInSeconds promises, and what became of it.

What makes a second job start fast is its environment, which stays built whether or not a pool was asked for; so
no process and no memory is held for a pool, and its status is worked out from the times of its job. Called by
training jobs; the rules of who may take over from whom are AWS's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from clary.base.errors import ValidationException
from clary.store import resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_LONGEST = timedelta(seconds=21600)
_LOOKED_AT = 200
# What has to be the same for a job to take the machines of another.
_SAME = ("RoleArn", "VpcConfig", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption")
_SAME_RESOURCES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def status_of(job: Resource, now: datetime) -> dict[str, Any]:
    """WarmPoolStatus of a job; empty when it asked for no pool."""
    kept, given_up = _kept_for(job.document["request"]), job.document.get("pool_given_up")
    if not kept and given_up is None:
        return {}
    if job.status in {"InProgress", "Stopping"}:
        return {"Status": "InUse"}
    ended = job.document.get("ended", job.updated_at)
    taker = job.document.get("reused_by")
    if taker:
        seconds = int((taker["at"] - ended).total_seconds())
        return {"Status": "Reused", "ReusedByJob": taker["name"], "ResourceRetainedBillableTimeInSeconds": seconds}
    over = ended if job.status == "Failed" else given_up or ended + kept
    seconds = int((min(over, now) - ended).total_seconds())
    status = "Terminated" if now >= over else "Available"
    return {"Status": status, "ResourceRetainedBillableTimeInSeconds": max(0, seconds)}


def change(job: Resource, seconds: int, now: datetime) -> dict[str, Any]:
    """The document of a job whose pool shall be kept for so long, 0 to give it up at once."""
    if status_of(job, now).get("Status") not in {"InUse", "Available"}:
        raise ValidationException(f"The training job {job.name} has no warm pool whose retention could be changed.")
    document = job.document
    resources_config = {**document["request"]["ResourceConfig"], "KeepAlivePeriodInSeconds": seconds}
    changed = {**document, "request": {**document["request"], "ResourceConfig": resources_config}}
    return changed if seconds else {**changed, "pool_given_up": now}


def take_over(tx: Transaction, job: Resource, now: datetime) -> None:
    """A new job that asks for a pool takes the newest one that is free and was made for jobs like it."""
    if not _kept_for(job.document["request"]):
        return
    query = Query(
        job.account,
        job.region,
        job.kind,
        updated_after=now - _LONGEST,
        sort="updated_at",
        descending=True,
        limit=_LOOKED_AT,
    )
    for other in resources.page(tx, query):
        if _alike(other.document["request"], job.document["request"]) and status_of(other, now).get("Status") == (
            "Available"
        ):
            taken = {**other.document, "reused_by": {"name": job.name, "at": now}}
            resources.save(tx, other, document=taken, now=now)
            return


def _kept_for(request: dict[str, Any]) -> timedelta:
    return timedelta(seconds=request["ResourceConfig"].get("KeepAlivePeriodInSeconds") or 0)


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(member) == other.get(member) for member in _SAME) and all(
        one["ResourceConfig"].get(member) == other["ResourceConfig"].get(member) for member in _SAME_RESOURCES
    )
