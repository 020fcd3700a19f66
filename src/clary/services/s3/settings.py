"""Small configurations of buckets: tags, default encryption, public access block, ownership of objects.

Each is one document beside the bucket's row. What a configuration cannot say here is refused by name.
"""

from __future__ import annotations

from typing import Any

from clary.base.errors import ApiError, NotServed
from clary.services.context import Context
from clary.services.s3 import errors
from clary.services.s3.names import own_bucket
from clary.services.s3.public_access import BLOCKS
from clary.store import buckets
from clary.store.buckets import PUBLIC_ACCESS

TAGS, ENCRYPTION = "tags", "encryption"
_MAX_TAGS = 50
_EVERYTHING_BLOCKED = dict.fromkeys(BLOCKS, True)
_OWN_ENCRYPTION = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


def get_bucket_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = _get(context, request, TAGS)
    if not tags:
        name = request["Bucket"]
        raise ApiError("The TagSet does not exist", code="NoSuchTagSet", status=404, BucketName=name)
    return {"TagSet": tags}


def put_bucket_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = request["Tagging"].get("TagSet") or []
    check_tags(tags)
    return _set(context, request, TAGS, tags or None)


def check_tags(tags: list[dict[str, str]]) -> None:
    """Raise the ApiError for tags that a bucket cannot have."""
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise ApiError("Cannot provide multiple Tags with the same key", code="InvalidTag", status=400)
    if len(tags) > _MAX_TAGS:
        raise ApiError("Bucket tag count cannot be greater than 50", code="BadRequest", status=400)
    for tag in tags:
        if not 1 <= len(tag["Key"]) <= 128 or tag["Key"].startswith("aws:"):
            raise ApiError("The TagKey you have provided is invalid", code="InvalidTag", status=400)
        if len(tag["Value"]) > 256:
            raise ApiError("The TagValue you have provided is invalid", code="InvalidTag", status=400)


def delete_bucket_tagging(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _set(context, request, TAGS, None)


def get_bucket_encryption(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Buckets for which nothing was said have S3's own default."""
    rules = _get(context, request, ENCRYPTION) or [_OWN_ENCRYPTION]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def put_bucket_encryption(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    rules = request["ServerSideEncryptionConfiguration"]["Rules"]
    if len(rules) != 1:
        raise errors.malformed_xml()
    default = rules[0].get("ApplyServerSideEncryptionByDefault") or {"SSEAlgorithm": "AES256"}
    if default["SSEAlgorithm"] != "AES256":
        raise NotServed(f"PutBucketEncryption with {default['SSEAlgorithm']} is not served by this version of Clary.")
    if "KMSMasterKeyID" in default:
        message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise errors.invalid_argument(message, "KMSMasterKeyID", default["KMSMasterKeyID"])
    if "BlockedEncryptionTypes" in rules[0]:
        raise NotServed("PutBucketEncryption with BlockedEncryptionTypes is not served by this version of Clary.")
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(rules[0].get("BucketKeyEnabled"))}
    return _set(context, request, ENCRYPTION, [rule])


def delete_bucket_encryption(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Back to S3's own default."""
    return _set(context, request, ENCRYPTION, None)


def get_public_access_block(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """New buckets block everything; an empty document means that the configuration was deleted."""
    found = _get(context, request, PUBLIC_ACCESS)
    if found == {}:
        message = "The public access block configuration was not found"
        raise ApiError(message, code="NoSuchPublicAccessBlockConfiguration", status=404, BucketName=request["Bucket"])
    return {"PublicAccessBlockConfiguration": found or _EVERYTHING_BLOCKED}


def put_public_access_block(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted = request["PublicAccessBlockConfiguration"]
    return _set(context, request, PUBLIC_ACCESS, {name: bool(wanted.get(name)) for name in BLOCKS})


def delete_public_access_block(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _set(context, request, PUBLIC_ACCESS, {})


def get_bucket_ownership_controls(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        own_bucket(context, tx, request)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}


def put_bucket_ownership_controls(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Everything in a bucket belongs to its owner; other arrangements need access lists."""
    rules = request["OwnershipControls"]["Rules"]
    if len(rules) != 1:
        raise errors.malformed_xml()
    if rules[0]["ObjectOwnership"] != "BucketOwnerEnforced":
        raise NotServed(
            f"PutBucketOwnershipControls with {rules[0]['ObjectOwnership']} is not served by this version of Clary."
        )
    with context.database.read() as tx:
        own_bucket(context, tx, request)
    return {}


def _get(context: Context, request: dict[str, Any], kind: str) -> Any:
    with context.database.read() as tx:
        return buckets.setting(tx, own_bucket(context, tx, request), kind)


def _set(context: Context, request: dict[str, Any], kind: str, document: Any) -> dict[str, Any]:
    with context.database.write() as tx:
        buckets.set_setting(tx, own_bucket(context, tx, request), kind, document)
    return {}
