"""Buckets: names, owners, regions, pages."""

from __future__ import annotations

import pytest

from tests.services.calling import ACCOUNT
from tests.services.s3.client import S3

OTHER = "999988887777"


def test_a_bucket_is_created_found_and_listed(s3: S3) -> None:
    assert s3("HeadBucket", Bucket="bucket")["BucketRegion"] == "us-east-1"
    (listed,) = s3("ListBuckets")["Buckets"]
    assert listed["Name"] == "bucket"
    assert listed["CreationDate"] == s3.context.now
    assert s3("GetBucketLocation", Bucket="bucket") == {}


def test_creating_ones_own_bucket_again_is_an_error_except_in_the_oldest_region(s3: S3) -> None:
    assert s3("CreateBucket", Bucket="bucket")["Location"] == "/bucket"
    west = s3.at(region="eu-west-1")
    configuration = {"LocationConstraint": "eu-west-1"}
    west("CreateBucket", Bucket="west", CreateBucketConfiguration=configuration)
    error = west.fails(
        "CreateBucket", "BucketAlreadyOwnedByYou", Bucket="west", CreateBucketConfiguration=configuration
    )
    assert error.status == 409
    assert west("GetBucketLocation", Bucket="west") == {"LocationConstraint": "eu-west-1"}


def test_the_region_of_a_bucket_must_be_that_of_the_endpoint(s3: S3) -> None:
    west = s3.at(region="eu-west-1")
    west.fails("CreateBucket", "IllegalLocationConstraintException", Bucket="west")
    west.fails(
        "CreateBucket",
        "IllegalLocationConstraintException",
        Bucket="west",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-2"},
    )
    s3.fails(
        "CreateBucket",
        "InvalidLocationConstraint",
        Bucket="west",
        CreateBucketConfiguration={"LocationConstraint": "us-east-1"},
    )
    s3("CreateBucket", Bucket="anywhere", CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert s3("HeadBucket", Bucket="anywhere")["BucketRegion"] == "eu-west-1"


def test_another_account_gets_nothing_but_the_fact_that_a_name_is_taken(s3: S3) -> None:
    s3.put("key", b"secret")
    other = s3.at(account=OTHER)
    other.fails("CreateBucket", "BucketAlreadyExists", Bucket="bucket")
    for name in ("DeleteBucket", "GetBucketCors", "GetBucketPolicy", "DeleteBucketTagging", "GetBucketAcl"):
        other.fails(name, "AccessDeniedException", Bucket="bucket")
    assert other("ListBuckets")["Buckets"] == []
    s3.fails("GetObject", "AccessDeniedException", Bucket="bucket", Key="key", ExpectedBucketOwner=OTHER)
    other("ListObjectsV2", Bucket="bucket")
    assert other.permissions.asked[-1][2]["aws:resourceaccount"] == ACCOUNT  # whose it is, is asked before


def test_a_missing_bucket_is_named(s3: S3) -> None:
    assert s3.fails("HeadBucket", "404", Bucket="missing").status == 404
    error = s3.fails("ListObjectsV2", "NoSuchBucket", Bucket="missing")
    assert (error.status, error.members) == (404, {"BucketName": "missing"})
    s3.put_fails("NoSuchBucket", "key", Bucket="missing")
    assert s3.files() == []


def test_only_an_empty_bucket_is_deleted_and_its_uploads_go_with_it(s3: S3) -> None:
    s3.put("key", b"1")
    s3.fails("DeleteBucket", "BucketNotEmpty", Bucket="bucket")
    s3("DeleteObject", Bucket="bucket", Key="key")
    upload = s3("CreateMultipartUpload", Bucket="bucket", Key="key")["UploadId"]
    s3.part(upload, 1, b"part")
    s3("DeleteBucket", Bucket="bucket")
    assert s3.files() == []
    s3.fails("HeadBucket", "404", Bucket="bucket")
    s3("CreateBucket", Bucket="bucket")
    assert s3("ListObjectsV2", Bucket="bucket")["KeyCount"] == 0


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Upper",
        "under_score",
        "-start",
        "end-",
        "a..b",
        "192.168.1.1",
        "xn--abc",
        "a/b",
        "a\n",
        "é" * 5,
    ],
)
def test_bad_names_are_refused(s3: S3, name: str) -> None:
    s3.fails("CreateBucket", "InvalidBucketName", Bucket=name)


def test_pages_of_buckets_are_the_whole_list(s3: S3) -> None:
    names = sorted(f"{prefix}-{number}" for prefix in ("alpha", "beta") for number in range(7))
    for name in names:
        s3("CreateBucket", Bucket=name)
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = s3("ListBuckets", Prefix="beta", MaxBuckets=3, **token)
        found += [bucket["Name"] for bucket in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert found == [name for name in names if name.startswith("beta")]
    s3.fails("ListBuckets", "ValidationException", Prefix="alpha", **token)
