"""Amazon S3: buckets, objects, listings, multipart uploads, copies and object tags, with its dispatch table.

All count the bucket's policy. Rows that are `open_to_all` check permissions themselves: listings because policies
speak of the prefix, DeleteObjects because every key is authorised on its own, the others because versions of objects have
actions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Handler, Operation
from clary.services.s3 import buckets, copy, delete, get, multipart, notifications, parts, put, tagging, versioning
from clary.services.s3 import list as listings
from clary.services.s3.names import bucket_arn, object_arn
from clary.services.s3.permission import bucket_policies


def _bucket(handler: Handler, action: str = "") -> Operation:
    return Operation(handler, bucket_arn, action, policies=bucket_policies)


def _object(handler: Handler, action: str = "") -> Operation:
    return Operation(handler, object_arn, action, policies=bucket_policies)


OPERATIONS: Mapping[str, Operation] = {
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
    "PutObjectTagging": Operation(tagging.put_object_tagging, object_arn, open_to_all=True),
    "UploadPart": _object(multipart.upload_part, "s3:PutObject"),
    "UploadPartCopy": _object(copy.upload_part_copy, "s3:PutObject"),
}
