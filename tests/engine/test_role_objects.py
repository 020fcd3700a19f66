"""S3 as a job's role sees it, over a real database: what its policies allow, and S3's words for the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clary.base.errors import AccessDenied
from clary.engine.role_objects import RoleObjects
from clary.runtimes import staging
from clary.runtimes.errors import StagingError
from clary.store import buckets, principals, resources, versions
from clary.store import objects as stored_objects
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.store.storage import OwnStorage

NOW = datetime(2026, 3, 4, tzinfo=UTC)
ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:role/Narrow"
STATEMENTS = [
    {"Effect": "Allow", "Action": "s3:*Object", "Resource": ["arn:aws:s3:::mine/data/*", "arn:aws:s3:::gone/*"]},
    {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "*",
        "Condition": {"StringLike": {"s3:prefix": "data/*"}},
    },
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "clary.db")
    yield database
    database.close()


@pytest.fixture
def objects(database: Database, tmp_path: Path) -> RoleObjects:
    policy = json.dumps({"Version": "2012-10-17", "Statement": STATEMENTS})
    document: dict[str, Any] = {**principals.new_role("AROA1", {}), "Inline": {"narrow": policy}}
    with database.write() as tx:
        resources.create(
            tx,
            account=ACCOUNT,
            region="",
            kind=principals.ROLE,
            name="Narrow",
            arn=ARN,
            document=document,
            now=NOW,
        )
        for name, account in (("mine", ACCOUNT), ("theirs", "444455556666")):
            buckets.create(tx, account=account, region="us-east-1", name=name, now=NOW)
    return RoleObjects(OwnStorage(database, Blobs(tmp_path / "blobs")), database, ARN, "session", NOW)


def test_the_role_lists_and_reads_what_its_policies_allow(objects: RoleObjects, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"1")
    objects.store("mine", "data/1", tmp_path / "source")
    assert list(objects.list("mine", "data/")) == [("data/1", 1)]
    assert list(objects.contents("mine", "data/")) == [("data/1", hashlib.md5(b"1").hexdigest())]
    objects.fetch("mine", "data/1", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"1"
    for refused in (
        lambda: list(objects.list("mine", "other/")),
        lambda: list(objects.contents("mine", "other/")),
        lambda: objects.fetch("mine", "other", tmp_path / "x"),
    ):
        with pytest.raises(AccessDenied, match="is not authorized to perform"):
            refused()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://mine/other/", f"AccessDenied (403): User: arn:aws:sts::{ACCOUNT}:assumed-role/Narrow/session is not"),
        ("s3://theirs/data/", "AccessDenied (403): the bucket theirs belongs to another account"),
        ("s3://gone/data/", "NoSuchBucket (404): The specified bucket does not exist: gone"),
        ("s3://mine/data/none", "S3 key: s3://mine/data/none matched no files on s3"),
    ],
)
def test_why_inputs_cannot_be_had(objects: RoleObjects, tmp_path: Path, uri: str, words: str) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    with pytest.raises(StagingError) as caught, staging.downloading("Data download failed:"):
        staging.place_channel(objects, channel, tmp_path / "opt-ml", host=0, hosts=1)
    assert caught.value.reason.startswith(f"ClientError: Data download failed:{words}")


def put_policy(objects: RoleObjects, database: Database, *statements: dict[str, Any]) -> None:
    document = {"document": {"Version": "2012-10-17", "Statement": list(statements)}}
    with database.write() as tx:
        bucket = buckets.find(tx, "mine")
        assert bucket is not None
        buckets.set_setting(tx, bucket, buckets.POLICY, document)


def test_the_policy_of_the_bucket_counts(objects: RoleObjects, database: Database, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"1")
    objects.store("mine", "data/1", tmp_path / "source")
    everything = {"Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::mine/*"}
    secret = {"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}}
    put_policy(
        objects,
        database,
        {**everything, "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {**everything, "Effect": "Deny", "Condition": {"StringNotEquals": {"aws:ResourceAccount": ACCOUNT}}},
        {
            **everything,
            "Effect": "Deny",
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}},
        },
        {**everything, "Effect": "Deny", "Condition": secret},
        {
            "Effect": "Allow",
            "Principal": {"AWS": ARN},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::mine/more/*",
        },
    )
    assert objects.size("mine", "data/1") == 1
    with pytest.raises(FileNotFoundError):
        objects.size("mine", "more/1")  # the role's own policies say nothing of it
    with database.write() as tx:
        bucket = buckets.find(tx, "mine")
        assert bucket is not None
        stored = stored_objects.find(tx, bucket, "data/1")
        assert stored is not None
        versions.change_document(tx, bucket, stored, {**stored.document, "tags": {"secret": "yes"}})
    with pytest.raises(AccessDenied, match="with an explicit deny in a resource-based policy"):
        objects.size("mine", "data/1")
    put_policy(objects, database, {**everything, "Effect": "Deny", "Action": "s3:PutObject"})
    assert objects.size("mine", "data/1") == 1
    with pytest.raises(AccessDenied, match="with an explicit deny in a resource-based policy"):
        objects.store("mine", "data/2", tmp_path / "source")


def test_a_bucket_that_is_gone_takes_no_outputs(objects: RoleObjects, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"1")
    with pytest.raises(StagingError, match="NoSuchBucket"):
        objects.store("gone", "x", tmp_path / "source")
    with pytest.raises(StagingError, match="NoSuchBucket"):
        objects.fetch("gone", "x", tmp_path / "x")
