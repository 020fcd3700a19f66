"""The setting `cache_contents`: results are taken only when the objects behind the addresses are the same."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clary.engine.role_objects import RoleObjects
from clary.store import buckets, principals, resources
from clary.store.blobs import Blobs
from clary.store.storage import OwnStorage
from tests.engine.pipelines.conftest import ACCOUNT, REGION, ROLE, World

STEP: dict[str, Any] = {
    "Name": "Prepare",
    "Type": "Processing",
    "CacheConfig": {"Enabled": True},
    "Arguments": {
        "ProcessingResources": {},
        "AppSpecification": {},
        "RoleArn": ROLE,
        "ProcessingInputs": [{"InputName": "raw", "S3Input": {"S3Uri": "s3://data/raw/"}}],
    },
}


@pytest.fixture
def objects(world: World, tmp_path: Path) -> RoleObjects:
    """A bucket, and the role of the executions, which may do anything with it."""
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    role = {**principals.new_role("AROA1", {}), "Inline": {"all": json.dumps(policy)}}
    now = world.clock.now()
    with world.database.write() as tx:
        resources.create(
            tx, account=ACCOUNT, region="", kind=principals.ROLE, name="r", arn=ROLE, document=role, now=now
        )
        buckets.create(tx, account=ACCOUNT, region=REGION, name="data", now=now)
    return RoleObjects(OwnStorage(world.database, Blobs(tmp_path / "blobs")), world.database, ROLE, "session", now)


def put(objects: RoleObjects, folder: Path, key: str, content: bytes) -> None:
    (folder / "content").write_bytes(content)
    objects.store("data", key, folder / "content")


def made(world: World, name: str, *, contents: bool) -> bool:
    """Whether another execution makes a job, or takes the result of an earlier one."""
    before = len(world.calls.created)
    world.settings = SimpleNamespace(cache_contents=contents)
    world.begin(STEP, name=name)
    world.run_to_the_end()
    assert world.execution.status == "Succeeded"
    return len(world.calls.created) > before


def test_contents_count_when_asked_for(world: World, objects: RoleObjects, tmp_path: Path) -> None:
    put(objects, tmp_path, "raw/1.csv", b"1")
    assert made(world, "a", contents=True)
    assert not made(world, "b", contents=True)
    put(objects, tmp_path, "raw/1.csv", b"2")
    assert made(world, "c", contents=True)
    put(objects, tmp_path, "raw/2.csv", b"")
    assert made(world, "d", contents=True)
    assert not made(world, "e", contents=True)
    assert world.rows["Prepare"].document["cache_note"].startswith("hit: ")


def test_addresses_alone_count_otherwise(world: World, objects: RoleObjects, tmp_path: Path) -> None:
    put(objects, tmp_path, "raw/1.csv", b"1")
    assert made(world, "a", contents=False)
    put(objects, tmp_path, "raw/1.csv", b"2")
    assert not made(world, "b", contents=False)


def test_inputs_that_cannot_be_read_are_never_the_same(world: World) -> None:
    assert made(world, "a", contents=True)
    assert made(world, "b", contents=True)
    assert world.rows["Prepare"].document["cache_note"].startswith("miss: the inputs cannot be compared: ")
