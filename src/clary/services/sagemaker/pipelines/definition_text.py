"""The text of a definition: from the request itself, or from an object in S3 that the caller may read."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.store import buckets, objects
from clary.store.blobs import BlobMissing

_LARGEST = 1024 * 1024
_ATTEMPTS = 10


def read_text(context: Context, request: dict[str, Any], operation: str) -> str | None:
    """None when the request brings no definition."""
    place = request.get("PipelineDefinitionS3Location")
    text: str | None = request.get("PipelineDefinition")
    if place is None:
        return text
    if text is not None:
        raise ValidationException("Give PipelineDefinition or PipelineDefinitionS3Location, not both.")
    names.refuse_unserved(f"{operation} PipelineDefinitionS3Location", place, "VersionId")
    bucket, key = place["Bucket"], place["ObjectKey"]
    context.authorize("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    for _ in range(_ATTEMPTS):
        try:
            return _read(context, bucket, key)
        except BlobMissing:
            continue  # overwritten between the row and its bytes
    raise ValidationException(f"The bytes of s3://{bucket}/{key} cannot be read.")


def _read(context: Context, bucket: str, key: str) -> str:
    try:
        with context.database.read() as tx:
            found = objects.read(tx, context.account, bucket, key)
    except (buckets.BucketNotFound, buckets.BucketOfOther) as error:
        raise ValidationException(f"There is no bucket {bucket} to read the pipeline definition from.") from error
    if found is None:
        raise ValidationException(f"There is no object s3://{bucket}/{key} to read the pipeline definition from.")
    if found.size > _LARGEST:
        raise ValidationException("Invalid pipeline definition: It is larger than 1 MiB.")
    with objects.open_reader(context.database, context.blobs, found) as reader:
        return reader.read(_LARGEST).decode("utf-8", "replace")
