"""Amazon S3: buckets, objects, listings, multipart uploads, copies and object tags, with its dispatch table.

Rows that are `open_to_all` check permissions themselves: listings because policies speak of the prefix, DeleteObjects
because every key is authorised on its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.s3 import buckets, copy, delete, get, multipart, notifications, parts, put, tagging
from clary.services.s3 import list as listings
from clary.services.s3.names import bucket_arn, object_arn

OPERATIONS: Mapping[str, Operation] = {
    "AbortMultipartUpload": Operation(multipart.abort_multipart_upload, object_arn),
    "CompleteMultipartUpload": Operation(multipart.complete_multipart_upload, object_arn, "s3:PutObject"),
    "CopyObject": Operation(copy.copy_object, object_arn, "s3:PutObject"),
    "CreateBucket": Operation(buckets.create_bucket, bucket_arn),
    "CreateMultipartUpload": Operation(multipart.create_multipart_upload, object_arn, "s3:PutObject"),
    "DeleteBucket": Operation(buckets.delete_bucket, bucket_arn),
    "DeleteObject": Operation(delete.delete_object, object_arn),
    "DeleteObjectTagging": Operation(tagging.delete_object_tagging, object_arn),
    "DeleteObjects": Operation(delete.delete_objects, action="s3:DeleteObject", open_to_all=True),
    "GetBucketLocation": Operation(buckets.get_bucket_location, bucket_arn),
    "GetBucketNotificationConfiguration": Operation(
        notifications.get_bucket_notification_configuration, bucket_arn, "s3:GetBucketNotification"
    ),
    "GetObject": Operation(get.get_object, object_arn),
    "GetObjectTagging": Operation(tagging.get_object_tagging, object_arn),
    "HeadBucket": Operation(buckets.head_bucket, bucket_arn, "s3:ListBucket"),
    "HeadObject": Operation(get.head_object, object_arn, "s3:GetObject"),
    "ListBuckets": Operation(buckets.list_buckets, action="s3:ListAllMyBuckets"),
    "ListMultipartUploads": Operation(parts.list_multipart_uploads, bucket_arn, "s3:ListBucketMultipartUploads"),
    "ListObjects": Operation(listings.list_objects, bucket_arn, "s3:ListBucket", open_to_all=True),
    "ListObjectsV2": Operation(listings.list_objects_v2, bucket_arn, "s3:ListBucket", open_to_all=True),
    "ListParts": Operation(parts.list_parts, object_arn, "s3:ListMultipartUploadParts"),
    "PutBucketNotificationConfiguration": Operation(
        notifications.put_bucket_notification_configuration, bucket_arn, "s3:PutBucketNotification"
    ),
    "PutObject": Operation(put.put_object, object_arn),
    "PutObjectTagging": Operation(tagging.put_object_tagging, object_arn),
    "UploadPart": Operation(multipart.upload_part, object_arn, "s3:PutObject"),
    "UploadPartCopy": Operation(copy.upload_part_copy, object_arn, "s3:PutObject"),
}
