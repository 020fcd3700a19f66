"""What hangs on a bucket: tags, encryption, public access block, ownership, access lists; and its policy."""

from __future__ import annotations

import json
from typing import Any

from clary.services import s3 as service
from clary.services.s3 import permission
from tests.services.s3.client import S3

BUCKET = {"Bucket": "bucket"}
ARN = "arn:aws:s3:::bucket"


def test_tags_of_a_bucket(s3: S3) -> None:
    s3.fails("GetBucketTagging", "NoSuchTagSet", **BUCKET)
    tags = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": ""}]
    s3("PutBucketTagging", **BUCKET, Tagging={"TagSet": tags})
    assert s3("GetBucketTagging", **BUCKET)["TagSet"] == tags
    for bad in (
        [{"Key": "a", "Value": "1"}] * 2,
        [{"Key": "aws:x", "Value": "1"}],
        [{"Key": "k", "Value": "v" * 257}],
    ):
        s3.fails("PutBucketTagging", "InvalidTag", **BUCKET, Tagging={"TagSet": bad})
    many = [{"Key": str(number), "Value": ""} for number in range(51)]
    s3.fails("PutBucketTagging", "BadRequest", **BUCKET, Tagging={"TagSet": many})
    s3("DeleteBucketTagging", **BUCKET)
    s3.fails("GetBucketTagging", "NoSuchTagSet", **BUCKET)


def test_a_bucket_may_be_made_with_tags(s3: S3) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    s3("CreateBucket", Bucket="tagged", CreateBucketConfiguration={"Tags": tags})
    assert s3("GetBucketTagging", Bucket="tagged")["TagSet"] == tags
    s3("CreateBucket", Bucket="tagged")
    assert s3("GetBucketTagging", Bucket="tagged")["TagSet"] == tags
    s3.fails("CreateBucket", "InvalidTag", Bucket="other", CreateBucketConfiguration={"Tags": tags * 2})
    s3("CreateBucket", Bucket="own", ObjectOwnership="BucketOwnerEnforced")
    s3.fails("CreateBucket", "NotImplemented", Bucket="other", ObjectOwnership="ObjectWriter")
    s3.fails(
        "CreateBucket", "NotImplemented", Bucket="other", CreateBucketConfiguration={"Bucket": {"Type": "Directory"}}
    )
    s3.fails("GetBucketTagging", "NoSuchBucket", Bucket="other")


NEVER_SET = {
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
    "GetBucketWebsite": "NoSuchWebsiteConfiguration",
    "GetObjectLockConfiguration": "ObjectLockConfigurationNotFoundError",
}
LISTS = [f"ListBucket{kind}Configurations" for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")]


def test_settings_that_no_bucket_has(s3: S3) -> None:
    for name in (
        "GetBucketAccelerateConfiguration",
        "GetBucketLogging",
        "DeleteBucketWebsite",
        "DeleteBucketReplication",
    ):
        assert s3(name, **BUCKET) == {}
    assert s3("GetBucketRequestPayment", **BUCKET) == {"Payer": "BucketOwner"}
    for name in LISTS:
        assert s3(name, **BUCKET) == {"IsTruncated": False}
    for name, code in NEVER_SET.items():
        s3.fails(name, code, **BUCKET)
    for name in (*NEVER_SET, *LISTS, "GetBucketLogging", "GetBucketRequestPayment"):
        s3.fails(name, "NoSuchBucket", Bucket="no-bucket")
    for name in ("GetObjectRetention", "GetObjectLegalHold"):
        s3.fails(name, "InvalidRequest", **BUCKET, Key="k")


def test_settings_go_with_their_bucket(s3: S3) -> None:
    s3("PutBucketTagging", **BUCKET, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    s3("DeleteBucket", **BUCKET)
    s3("CreateBucket", **BUCKET)
    s3.fails("GetBucketTagging", "NoSuchTagSet", **BUCKET)


def test_default_encryption(s3: S3) -> None:
    def rule(**members: Any) -> dict[str, Any]:
        return {"ServerSideEncryptionConfiguration": {"Rules": [members]}}

    default = s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert default["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    own = {"SSEAlgorithm": "AES256"}
    s3("PutBucketEncryption", **BUCKET, **rule(ApplyServerSideEncryptionByDefault=own, BucketKeyEnabled=True))
    shown = s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert shown == [{"ApplyServerSideEncryptionByDefault": own, "BucketKeyEnabled": True}]
    s3("DeleteBucketEncryption", **BUCKET)
    assert s3("GetBucketEncryption", **BUCKET)["ServerSideEncryptionConfiguration"]["Rules"] == [default]
    keys = {"SSEAlgorithm": "aws:kms"}
    s3.fails("PutBucketEncryption", "NotImplemented", **BUCKET, **rule(ApplyServerSideEncryptionByDefault=keys))


def test_access_lists_say_that_the_owner_may_do_everything(s3: S3) -> None:
    s3.put("key")
    for name, request in (("Bucket", BUCKET), ("Object", {**BUCKET, "Key": "key"})):
        found = s3(f"Get{name}Acl", **request)
        assert [grant["Permission"] for grant in found["Grants"]] == ["FULL_CONTROL"]
        s3(f"Put{name}Acl", **request, ACL="private")
        s3(f"Put{name}Acl", **request, AccessControlPolicy=found)
        s3.fails(f"Put{name}Acl", "AccessControlListNotSupported", **request, ACL="public-read")
        s3.fails(f"Put{name}Acl", "AccessControlListNotSupported", **request, GrantRead="id=1")
    s3.fails("GetObjectAcl", "NoSuchKey", **BUCKET, Key="none")


def test_ownership_is_enforced(s3: S3) -> None:
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert s3("GetBucketOwnershipControls", **BUCKET)["OwnershipControls"] == enforced
    s3("PutBucketOwnershipControls", **BUCKET, OwnershipControls=enforced)
    other = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.fails("PutBucketOwnershipControls", "NotImplemented", **BUCKET, OwnershipControls=other)


def statement(**changes: Any) -> dict[str, Any]:
    plain = {
        "Effect": "Allow",
        "Principal": {"AWS": "111122223333"},
        "Action": "s3:GetObject",
        "Resource": f"{ARN}/*",
    }
    return {**plain, **changes}


def put_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {**BUCKET, "Policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def test_a_policy_comes_back_as_it_was_put(s3: S3) -> None:
    s3.fails("GetBucketPolicy", "NoSuchBucketPolicy", **BUCKET)
    s3.fails("GetBucketPolicyStatus", "NoSuchBucketPolicy", **BUCKET)
    request = put_policy(statement())
    s3("PutBucketPolicy", **request)
    assert s3("GetBucketPolicy", **BUCKET) == {"Policy": request["Policy"]}
    assert s3("GetBucketPolicyStatus", **BUCKET) == {"PolicyStatus": {"IsPublic": False}}
    assert list(permission.bucket_policies(s3.context, BUCKET)) == [json.loads(request["Policy"])]
    s3("DeleteBucketPolicy", **BUCKET)
    assert not permission.bucket_policies(s3.context, BUCKET)


def test_policies_speak_of_their_bucket_only(s3: S3) -> None:
    for changes in (
        {"Resource": "arn:aws:s3:::other/*"},
        {"Resource": "arn:aws:s3:::bucket-two"},
        {"Action": "sqs:SendMessage"},
        {"Principal": {"AWS": "nobody"}},
        {"Effect": "Perhaps"},
    ):
        s3.fails("PutBucketPolicy", "MalformedPolicy", **put_policy(statement(**changes)))
    s3.fails("PutBucketPolicy", "MalformedPolicy", **BUCKET, Policy="{")
    s3.fails("PutBucketPolicy", "MalformedPolicy", **put_policy(statement(Sid="x" * 20_500)))


def test_public_policies_need_the_block_lifted(s3: S3) -> None:
    public = put_policy(statement(Principal="*"))
    assert all(s3("GetPublicAccessBlock", **BUCKET)["PublicAccessBlockConfiguration"].values())
    s3.fails("PutBucketPolicy", "AccessDeniedException", **public)
    for loose in (
        {"Bool": {"aws:SecureTransport": "true"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"StringLike": {"aws:PrincipalArn": "*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}},
    ):
        s3.fails("PutBucketPolicy", "AccessDeniedException", **put_policy(statement(Principal="*", Condition=loose)))
    tied = {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.1/32"]}, "Bool": {"aws:SecureTransport": "true"}}
    s3("PutBucketPolicy", **put_policy(statement(Principal="*", Condition=tied)))
    lifted = {"BlockPublicPolicy": False, "BlockPublicAcls": True}
    s3("PutPublicAccessBlock", **BUCKET, PublicAccessBlockConfiguration=lifted)
    shown = s3("GetPublicAccessBlock", **BUCKET)["PublicAccessBlockConfiguration"]
    assert (shown["BlockPublicAcls"], shown["BlockPublicPolicy"], shown["IgnorePublicAcls"]) == (True, False, False)
    s3("PutBucketPolicy", **public)
    assert s3("GetBucketPolicyStatus", **BUCKET)["PolicyStatus"]["IsPublic"]
    s3("DeletePublicAccessBlock", **BUCKET)
    s3.fails("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", **BUCKET)


def test_every_row_of_a_bucket_counts_its_policy() -> None:
    for name, row in service.OPERATIONS.items():
        with_owner = row.keys in (permission.owner_keys, permission.object_keys)
        counted = row.open_to_all or (row.policies is permission.bucket_policies and with_owner)
        assert counted or name in ("CreateBucket", "ListBuckets"), name


def test_attributes_of_objects_and_parts(s3: S3) -> None:
    s3.put("plain", b"12345", "CRC32C")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    plain = s3("GetObjectAttributes", **BUCKET, Key="plain", ObjectAttributes=wanted)
    assert (plain["ObjectSize"], plain["StorageClass"]) == (5, "STANDARD")
    assert (plain["Checksum"]["ChecksumType"], "ObjectParts" in plain) == ("FULL_OBJECT", False)
    assert '"' not in plain["ETag"]
    upload = s3("CreateMultipartUpload", **BUCKET, Key="key", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = [s3.part(upload, number, b"x" * 5 * 1024**2, "SHA256") for number in (1, 2)]
    listed = [{"PartNumber": number, "ETag": part["ETag"]} for number, part in enumerate(parts, 1)]
    s3("CompleteMultipartUpload", **BUCKET, Key="key", UploadId=upload, MultipartUpload={"Parts": listed})
    found = s3("GetObjectAttributes", **BUCKET, Key="key", ObjectAttributes=wanted, MaxParts=1)
    assert found["ObjectParts"]["TotalPartsCount"] == 2
    assert found["ObjectParts"]["Parts"][0]["ChecksumSHA256"] == parts[0]["ChecksumSHA256"]
    assert (found["ObjectParts"]["IsTruncated"], found["ObjectParts"]["NextPartNumberMarker"]) == (True, 1)
    assert found["Checksum"]["ChecksumType"] == "COMPOSITE"
    last = s3("GetObjectAttributes", **BUCKET, Key="key", ObjectAttributes=["ObjectParts"], PartNumberMarker=1)
    assert [part["PartNumber"] for part in last["ObjectParts"]["Parts"]] == [2]
    assert set(last) == {"ObjectParts", "LastModified"}
    s3.fails("GetObjectAttributes", "InvalidArgument", **BUCKET, Key="key", ObjectAttributes=["Colour"])
    s3.permissions.denied = ["s3:GetObjectAttributes *"]
    s3.fails("GetObjectAttributes", "AccessDeniedException", **BUCKET, Key="key", ObjectAttributes=["ETag"])
