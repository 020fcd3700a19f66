"""Amazon S3: buckets, objects, listings, multipart uploads, copies and object tags, with its dispatch table.

All count the bucket's policy. Rows that are `open_to_all` check permissions themselves: listings because policies
speak of the prefix, DeleteObjects because every key is authorised on its own, the others because versions of objects
have actions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Handler, Operation
from clary.services.s3 import (
    access_lists,
    buckets,
    copy,
    cors,
    delete,
    elsewhere,
    get,
    lifecycle,
    multipart,
    notifications,
    parts,
    parts_of_object,
    policy,
    put,
    settings,
    tagging,
    unset,
    versioning,
)
from clary.services.s3 import list as listings
from clary.services.s3.names import bucket_arn, object_arn
from clary.services.s3.permission import bucket_policies, object_keys, owner_keys


def _bucket(handler: Handler, action: str = "") -> Operation:
    return Operation(handler, bucket_arn, action, policies=bucket_policies, keys=owner_keys)


def _object(handler: Handler, action: str = "") -> Operation:
    return Operation(handler, object_arn, action, policies=bucket_policies, keys=object_keys)


_BUCKET_ROWS: Mapping[str, Operation] = {
    "DeleteBucketCors": _bucket(cors.delete_bucket_cors, "s3:PutBucketCORS"),
    "DeleteBucketEncryption": _bucket(settings.delete_bucket_encryption, "s3:PutEncryptionConfiguration"),
    "DeleteBucketLifecycle": _bucket(lifecycle.delete_bucket_lifecycle, "s3:PutLifecycleConfiguration"),
    "DeleteBucketPolicy": _bucket(policy.delete_bucket_policy),
    "DeleteBucketTagging": _bucket(settings.delete_bucket_tagging, "s3:PutBucketTagging"),
    "DeletePublicAccessBlock": _bucket(settings.delete_public_access_block, "s3:PutBucketPublicAccessBlock"),
    "GetBucketAcl": _bucket(access_lists.get_bucket_acl),
    "GetBucketCors": _bucket(cors.get_bucket_cors, "s3:GetBucketCORS"),
    "GetBucketEncryption": _bucket(settings.get_bucket_encryption, "s3:GetEncryptionConfiguration"),
    "GetBucketLifecycleConfiguration": _bucket(
        lifecycle.get_bucket_lifecycle_configuration, "s3:GetLifecycleConfiguration"
    ),
    "GetBucketOwnershipControls": _bucket(settings.get_bucket_ownership_controls),
    "GetBucketPolicy": _bucket(policy.get_bucket_policy),
    "GetBucketPolicyStatus": _bucket(policy.get_bucket_policy_status),
    "GetBucketTagging": _bucket(settings.get_bucket_tagging),
    "GetPublicAccessBlock": _bucket(settings.get_public_access_block, "s3:GetBucketPublicAccessBlock"),
    "PutBucketAcl": _bucket(access_lists.put_bucket_acl),
    "PutBucketCors": _bucket(cors.put_bucket_cors, "s3:PutBucketCORS"),
    "PutBucketEncryption": _bucket(settings.put_bucket_encryption, "s3:PutEncryptionConfiguration"),
    "PutBucketLifecycleConfiguration": _bucket(
        lifecycle.put_bucket_lifecycle_configuration, "s3:PutLifecycleConfiguration"
    ),
    "PutBucketOwnershipControls": _bucket(settings.put_bucket_ownership_controls),
    "PutBucketPolicy": _bucket(policy.put_bucket_policy),
    "PutBucketTagging": _bucket(settings.put_bucket_tagging),
    "PutPublicAccessBlock": _bucket(settings.put_public_access_block, "s3:PutBucketPublicAccessBlock"),
}

_UNSET_ROWS: Mapping[str, Operation] = {
    "DeleteBucketReplication": _bucket(unset.nothing, "s3:PutReplicationConfiguration"),
    "DeleteBucketWebsite": _bucket(unset.nothing),
    "GetBucketAccelerateConfiguration": _bucket(unset.nothing, "s3:GetAccelerateConfiguration"),
    "GetBucketLogging": _bucket(unset.nothing),
    "GetBucketReplication": _bucket(unset.get_bucket_replication, "s3:GetReplicationConfiguration"),
    "GetBucketRequestPayment": _bucket(unset.get_bucket_request_payment),
    "GetBucketWebsite": _bucket(unset.get_bucket_website),
    "GetObjectLegalHold": _object(unset.get_object_lock),
    "GetObjectLockConfiguration": _bucket(unset.get_object_lock_configuration, "s3:GetBucketObjectLockConfiguration"),
    "GetObjectRetention": _object(unset.get_object_lock),
    "ListBucketAnalyticsConfigurations": _bucket(unset.list_configurations, "s3:GetAnalyticsConfiguration"),
    "ListBucketIntelligentTieringConfigurations": _bucket(
        unset.list_configurations, "s3:GetIntelligentTieringConfiguration"
    ),
    "ListBucketInventoryConfigurations": _bucket(unset.list_configurations, "s3:GetInventoryConfiguration"),
    "ListBucketMetricsConfigurations": _bucket(unset.list_configurations, "s3:GetMetricsConfiguration"),
}

_ROWS: Mapping[str, Operation] = {
    **_BUCKET_ROWS,
    **_UNSET_ROWS,
    "AbortMultipartUpload": _object(multipart.abort_multipart_upload),
    "CompleteMultipartUpload": _object(multipart.complete_multipart_upload, "s3:PutObject"),
    "CopyObject": _object(copy.copy_object, "s3:PutObject"),
    "CreateBucket": Operation(buckets.create_bucket, bucket_arn),
    "CreateMultipartUpload": _object(multipart.create_multipart_upload, "s3:PutObject"),
    "DeleteBucket": _bucket(buckets.delete_bucket),
    "DeleteObject": Operation(delete.delete_object, object_arn, open_to_all=True),
    "DeleteObjectTagging": Operation(tagging.delete_object_tagging, object_arn, open_to_all=True),
    "DeleteObjects": Operation(delete.delete_objects, action="s3:DeleteObject", open_to_all=True),
    "GetBucketLocation": _bucket(buckets.get_bucket_location),
    "GetBucketNotificationConfiguration": _bucket(
        notifications.get_bucket_notification_configuration, "s3:GetBucketNotification"
    ),
    "GetBucketVersioning": _bucket(versioning.get_bucket_versioning),
    "GetObject": Operation(get.get_object, object_arn, open_to_all=True),
    "GetObjectAcl": Operation(access_lists.get_object_acl, object_arn, open_to_all=True),
    "GetObjectAttributes": Operation(parts_of_object.get_object_attributes, object_arn, open_to_all=True),
    "GetObjectTagging": Operation(tagging.get_object_tagging, object_arn, open_to_all=True),
    "HeadBucket": _bucket(buckets.head_bucket, "s3:ListBucket"),
    "HeadObject": Operation(get.head_object, object_arn, "s3:GetObject", open_to_all=True),
    "ListBuckets": Operation(buckets.list_buckets, action="s3:ListAllMyBuckets"),
    "ListMultipartUploads": _bucket(parts.list_multipart_uploads, "s3:ListBucketMultipartUploads"),
    "ListObjects": Operation(listings.list_objects, bucket_arn, "s3:ListBucket", open_to_all=True),
    "ListObjectsV2": Operation(listings.list_objects_v2, bucket_arn, "s3:ListBucket", open_to_all=True),
    "ListObjectVersions": Operation(
        versioning.list_object_versions, bucket_arn, "s3:ListBucketVersions", open_to_all=True
    ),
    "ListParts": _object(parts.list_parts, "s3:ListMultipartUploadParts"),
    "PutBucketNotificationConfiguration": _bucket(
        notifications.put_bucket_notification_configuration, "s3:PutBucketNotification"
    ),
    "PutBucketVersioning": _bucket(versioning.put_bucket_versioning),
    "PutObject": _object(put.put_object),
    "PutObjectAcl": Operation(access_lists.put_object_acl, object_arn, open_to_all=True),
    "PutObjectTagging": Operation(tagging.put_object_tagging, object_arn, open_to_all=True),
    "UploadPart": _object(multipart.upload_part, "s3:PutObject"),
    "UploadPartCopy": _object(copy.upload_part_copy, "s3:PutObject"),
}

OPERATIONS: Mapping[str, Operation] = {name: elsewhere.instead(name, row) for name, row in _ROWS.items()}
