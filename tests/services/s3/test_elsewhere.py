"""Calls that are passed on to another S3: each is authorised first, and told as that store must hear it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from clary.base.errors import AccessDenied, ApiError, NotServed
from clary.services import s3 as package
from clary.services.context import Context
from clary.store import accounts, resources, storage
from clary.store.blobs import Blobs
from clary.wire.http import Stream
from tests.services.calling import ACCOUNT, NOW, Permissions
from tests.services.s3.client import S3, spool

OBJECT = {"Bucket": "far", "Key": "a/b"}
COPY = {**OBJECT, "CopySource": "else/x%20y?versionId=3F-A"}
# Operation, request, what must be allowed: each is denied once.
ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("AbortMultipartUpload", {**OBJECT, "UploadId": "u"}, ["s3:AbortMultipartUpload arn:aws:s3:::far/a/b"]),
    ("CompleteMultipartUpload", {**OBJECT, "UploadId": "u"}, ["s3:PutObject arn:aws:s3:::far/a/b"]),
    ("CopyObject", COPY, ["s3:PutObject arn:aws:s3:::far/a/b", "s3:GetObjectVersion arn:aws:s3:::else/x y"]),
    ("CreateBucket", {"Bucket": "far"}, ["s3:CreateBucket arn:aws:s3:::far"]),
    ("CreateMultipartUpload", {**OBJECT, "Tagging": "a=b"}, ["s3:PutObject *", "s3:PutObjectTagging *far/a/b"]),
    ("DeleteBucket", {"Bucket": "far"}, ["s3:DeleteBucket arn:aws:s3:::far"]),
    ("DeleteObject", OBJECT, ["s3:DeleteObject arn:aws:s3:::far/a/b"]),
    ("DeleteObjectTagging", OBJECT, ["s3:DeleteObjectTagging arn:aws:s3:::far/a/b"]),
    ("GetBucketLocation", {"Bucket": "far"}, ["s3:GetBucketLocation arn:aws:s3:::far"]),
    ("GetBucketVersioning", {"Bucket": "far"}, ["s3:GetBucketVersioning arn:aws:s3:::far"]),
    ("GetObject", {**OBJECT, "VersionId": "F-1"}, ["s3:GetObjectVersion arn:aws:s3:::far/a/b"]),
    ("GetObjectAttributes", OBJECT, ["s3:GetObject *far/a/b", "s3:GetObjectAttributes *far/a/b"]),
    ("GetObjectTagging", OBJECT, ["s3:GetObjectTagging *far/a/b"]),
    ("HeadBucket", {"Bucket": "far"}, ["s3:ListBucket arn:aws:s3:::far"]),
    ("HeadObject", OBJECT, ["s3:GetObject arn:aws:s3:::far/a/b"]),
    ("ListBuckets", {}, ["s3:ListAllMyBuckets *"]),
    ("ListMultipartUploads", {"Bucket": "far"}, ["s3:ListBucketMultipartUploads arn:aws:s3:::far"]),
    ("ListObjectVersions", {"Bucket": "far"}, ["s3:ListBucketVersions arn:aws:s3:::far"]),
    ("ListObjects", {"Bucket": "far"}, ["s3:ListBucket arn:aws:s3:::far"]),
    ("ListObjectsV2", {"Bucket": "far"}, ["s3:ListBucket arn:aws:s3:::far"]),
    ("ListParts", {**OBJECT, "UploadId": "u"}, ["s3:ListMultipartUploadParts *far/a/b"]),
    ("PutBucketVersioning", {"Bucket": "far"}, ["s3:PutBucketVersioning arn:aws:s3:::far"]),
    ("PutObject", {**OBJECT, "Tagging": "a=b"}, ["s3:PutObject *far/a/b", "s3:PutObjectTagging *far/a/b"]),
    ("PutObjectTagging", {**OBJECT, "Tagging": {"TagSet": []}}, ["s3:PutObjectTagging *far/a/b"]),
    ("UploadPart", {**OBJECT, "UploadId": "u", "PartNumber": 1}, ["s3:PutObject *far/a/b"]),
    ("UploadPartCopy", {**COPY, "UploadId": "u", "PartNumber": 1}, ["s3:PutObject *", "s3:GetObjectVersion *else/*"]),
]
REFUSED = sorted(set(package.OPERATIONS) - {name for name, _, _ in ROWS} - {"DeleteObjects"})


@dataclass
class Far:
    """The other S3: keeps what it is told; `answers` and errors by operation."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def perform(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        heard = dict(request)
        if "Body" in heard:
            heard["Body"] = heard["Body"].read()
        self.told.append((operation, heard))
        answer = self.answers.get(operation, {})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Far:
    made = Far()
    monkeypatch.setattr(storage, "other_storage", lambda _settings: made)
    return made


@pytest.fixture
def s3(context: Context, permissions: Permissions) -> S3:
    settings = replace(context.settings, s3_endpoint_url="http://far", s3_region="eu-north-1")
    return S3(replace(context, settings=settings), permissions)


def perform(s3: S3, name: str, request: dict[str, Any]) -> dict[str, Any]:
    operation = s3.operations[name]
    if name in ("PutObject", "UploadPart"):
        request = {**request, "Body": spool(s3.context.blobs, b"abc", "CRC32"), "ChecksumAlgorithm": "CRC32"}
    if not operation.open_to_all:
        s3.permissions(operation.action or f"s3:{name}", operation.resource(s3.context, request))
    return operation.handler(s3.context, request)


@pytest.mark.parametrize(("name", "request_", "needed"), ROWS, ids=[name for name, _, _ in ROWS])
def test_every_call_is_authorised_before_it_is_passed_on(
    s3: S3, far: Far, name: str, request_: dict[str, Any], needed: list[str]
) -> None:
    for denied in needed:
        s3.permissions.denied = [denied]
        with pytest.raises(AccessDenied):
            perform(s3, name, request_)
        assert far.told == []
    s3.permissions.denied = []
    perform(s3, name, request_)
    assert [operation for operation, _ in far.told] == [name]


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_bucket_is_like_is_the_other_stores_affair(s3: S3, far: Far, name: str) -> None:
    with pytest.raises(NotServed, match="CLARY_S3_ENDPOINT_URL"):
        s3.operations[name].handler(s3.context, {**OBJECT})
    assert far.told == []


def test_requests_are_told_as_that_store_must_hear_them(s3: S3, far: Far) -> None:
    perform(s3, "PutObject", {**OBJECT, "ContentLength": 99, "ExpectedBucketOwner": ACCOUNT, "ContentType": "x/y"})
    perform(s3, "CopyObject", COPY)
    perform(s3, "CreateBucket", {"Bucket": "far", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}})
    put, copied, made = (heard for _, heard in far.told)
    assert put == {**OBJECT, "ContentType": "x/y", "Body": b"abc", "ChecksumCRC32": "NSRBwg=="}
    assert copied["CopySource"] == {"Bucket": "else", "Key": "x y", "VersionId": "3F-A"}
    assert made["CreateBucketConfiguration"] == {"LocationConstraint": "eu-north-1"}


@pytest.mark.parametrize(
    ("name", "more", "needed"),
    [
        ("PutObject", {"ACL": "public-read"}, "s3:PutObjectAcl arn:aws:s3:::far/a/b"),
        ("CopyObject", {"CopySource": "else/x", "GrantRead": "id=1"}, "s3:PutObjectAcl arn:aws:s3:::far/a/b"),
        ("CreateMultipartUpload", {"ObjectLockMode": "COMPLIANCE"}, "s3:PutObjectRetention arn:aws:s3:::far/a/b"),
        ("PutObject", {"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold arn:aws:s3:::far/a/b"),
        ("DeleteObject", {"BypassGovernanceRetention": True}, "s3:BypassGovernanceRetention arn:aws:s3:::far/a/b"),
        ("CreateBucket", {"ACL": "public-read-write"}, "s3:PutBucketAcl arn:aws:s3:::far"),
        (
            "CreateBucket",
            {"ObjectLockEnabledForBucket": True},
            "s3:PutBucketObjectLockConfiguration arn:aws:s3:::far",
        ),
        ("CreateBucket", {"ObjectOwnership": "ObjectWriter"}, "s3:PutBucketOwnershipControls arn:aws:s3:::far"),
    ],
)
def test_access_lists_and_locks_need_their_own_permission(
    s3: S3, far: Far, name: str, more: dict[str, Any], needed: str
) -> None:
    """Clary's own store refuses most of these; the other one may serve them."""
    target = {"Bucket": "far"} if name == "CreateBucket" else OBJECT
    s3.permissions.denied = [needed]
    with pytest.raises(AccessDenied):
        perform(s3, name, {**target, **more})
    assert far.told == []
    s3.permissions.denied = []
    perform(s3, name, {**target, **more})
    assert more.items() - {("CopySource", "else/x")} <= far.told[0][1].items()
    s3.permissions.denied = ["s3:PutObjectAcl *"]
    perform(s3, "PutObject", {**OBJECT, "ACL": "bucket-owner-full-control"})


def test_a_body_that_is_not_what_its_digest_says_is_not_passed_on(s3: S3, far: Far) -> None:
    with pytest.raises(ApiError):
        perform(s3, "PutObject", {**OBJECT, "ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert far.told == []


def test_buckets_belong_to_the_accounts_of_this_installation(s3: S3, far: Far) -> None:
    stranger = "999900001111"
    for name, request in (
        ("HeadBucket", {"Bucket": "far", "ExpectedBucketOwner": stranger}),
        ("PutObject", {**OBJECT, "ExpectedBucketOwner": stranger}),
        ("CopyObject", {**COPY, "ExpectedBucketOwner": ACCOUNT, "ExpectedSourceBucketOwner": stranger}),
        ("DeleteObjects", {"Bucket": "far", "Delete": {"Objects": [{"Key": "a"}]}, "ExpectedBucketOwner": stranger}),
    ):
        with pytest.raises(AccessDenied, match="Access Denied"):
            perform(s3, name, request)
    assert far.told == []
    with s3.context.database.write() as tx:
        resources.create(
            tx,
            account=ACCOUNT,
            region="",
            kind=accounts.KIND,
            name=stranger,
            arn="a",
            document={},
            status=accounts.ACTIVE,
            now=NOW,
        )
    for owner in (ACCOUNT, stranger):
        perform(s3, "HeadBucket", {"Bucket": "far", "ExpectedBucketOwner": owner})
    assert far.told == [("HeadBucket", {"Bucket": "far"})] * 2


def test_keys_are_deleted_as_far_as_the_caller_may(s3: S3, far: Far) -> None:
    s3.permissions.denied = ["s3:DeleteObject *far/no"]
    far.answers["DeleteObjects"] = {"Deleted": [{"Key": "yes"}]}
    request = {"Bucket": "far", "Delete": {"Objects": [{"Key": "yes"}, {"Key": "no"}], "Quiet": False}}
    answer = perform(s3, "DeleteObjects", request)
    assert far.told[0][1]["Delete"]["Objects"] == [{"Key": "yes"}]
    assert (answer["Deleted"], [item["Code"] for item in answer["Errors"]]) == ([{"Key": "yes"}], ["AccessDenied"])
    s3.permissions.denied = ["s3:DeleteObject *"]
    assert "Deleted" not in perform(s3, "DeleteObjects", request)
    assert len(far.told) == 1


def test_who_may_not_list_does_not_learn_that_a_key_is_free(s3: S3, far: Far) -> None:
    far.answers["GetObject"] = ApiError("The specified key does not exist.", code="NoSuchKey", status=404)
    with pytest.raises(ApiError, match="does not exist"):
        perform(s3, "GetObject", OBJECT)
    s3.permissions.denied = ["s3:ListBucket *"]
    with pytest.raises(AccessDenied):
        perform(s3, "GetObject", OBJECT)


def test_a_bucket_of_that_name_here_lends_no_policy(s3: S3, context: Context, blobs: Blobs) -> None:
    S3(context, s3.permissions)("CreateBucket", Bucket="far")
    operation = package.OPERATIONS["PutObject"]
    assert operation.keys is not None
    assert operation.keys(context, OBJECT)["s3:resourceaccount"] == ACCOUNT
    assert operation.keys(s3.context, OBJECT) == {}


def test_a_stream_gives_its_bytes_and_is_closed() -> None:
    source = io.BytesIO(b"0123456789")
    with Stream(source, 10) as body:
        assert (body.read(4), body.read(100), body.read(1)) == (b"0123", b"456789", b"")
    assert source.closed
