"""What policies may ask of writes and of tagged objects: encryption, class, copies, tags given and tags there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.calling import Permissions
from tests.services.s3.client import S3


def asked(permissions: Permissions, action: str) -> dict[str, Any]:
    """The S3 keys of the last time that this was asked."""
    keys = next(keys for name, _, keys in reversed(permissions.asked) if name == action)
    return {name: value for name, value in keys.items() if name.startswith("s3:") and name != "s3:resourceaccount"}


@pytest.mark.parametrize(
    ("request_members", "keys"),
    [
        ({}, {}),
        ({"ServerSideEncryption": "AES256"}, {"s3:x-amz-server-side-encryption": "AES256"}),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"},
            {
                "s3:x-amz-server-side-encryption": "aws:kms",
                "s3:x-amz-server-side-encryption-aws-kms-key-id": "k",
            },
        ),
        ({"StorageClass": "STANDARD_IA"}, {"s3:x-amz-storage-class": "STANDARD_IA"}),
        ({"ACL": "bucket-owner-full-control"}, {"s3:x-amz-acl": "bucket-owner-full-control"}),
        ({"IfNoneMatch": "*"}, {"s3:if-none-match": "*"}),
        (
            {"Tagging": "Team=a%20b&x="},
            {
                "s3:requestobjecttag/team": "a b",
                "s3:requestobjecttag/x": "",
                "s3:requestobjecttagkeys": ["Team", "x"],
            },
        ),
    ],
)
def test_what_a_write_says(
    s3: S3, permissions: Permissions, request_members: dict[str, Any], keys: dict[str, Any]
) -> None:
    s3.put("key", b"1", **request_members)
    assert asked(permissions, "s3:PutObject") == keys
    if "Tagging" in request_members:
        assert asked(permissions, "s3:PutObjectTagging") == {
            name: value for name, value in keys.items() if "tag" in name
        }


def test_where_a_copy_comes_from(s3: S3, permissions: Permissions) -> None:
    s3.put("key", b"1")
    s3("CopyObject", Bucket="bucket", Key="copy", CopySource="bucket/key", MetadataDirective="REPLACE")
    assert asked(permissions, "s3:PutObject") == {
        "s3:x-amz-copy-source": "bucket/key",
        "s3:x-amz-metadata-directive": "REPLACE",
    }
    assert asked(permissions, "s3:GetObject") == {}


def test_the_tags_an_object_has_are_looked_up_for_policies_that_ask(s3: S3, permissions: Permissions) -> None:
    s3("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put("key", b"1", Tagging="Secret=yes")["VersionId"]
    s3.put("key", b"2", Tagging="Secret=no")
    s3.read("key")
    assert asked(permissions, "s3:GetObject") == {}
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject*",
        "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"StringEquals": {"s3:ExistingObjectTag/Secret": "yes"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    s3("PutBucketPolicy", Bucket="bucket", Policy=policy)
    s3.read("key")
    assert asked(permissions, "s3:GetObject") == {"s3:existingobjecttag/secret": "no"}
    s3.read("key", VersionId=old)
    assert asked(permissions, "s3:GetObjectVersion") == {
        "s3:existingobjecttag/secret": "yes",
        "s3:versionid": old,
    }
    tags = {"TagSet": [{"Key": "Secret", "Value": "maybe"}]}
    s3("PutObjectTagging", Bucket="bucket", Key="key", Tagging=tags)
    assert asked(permissions, "s3:PutObjectTagging") == {
        "s3:existingobjecttag/secret": "no",
        "s3:requestobjecttag/secret": "maybe",
        "s3:requestobjecttagkeys": ["Secret"],
    }
    s3("DeleteObject", Bucket="bucket", Key="key")
    assert asked(permissions, "s3:DeleteObject") == {}
