"""The text of a definition: from the request itself, or from an object in S3 that the caller may read."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ValidationException
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.store.blobs import BlobMissing
from clary.store.buckets import BucketNotFound, BucketOfOther
from clary.store.objects import ObjectNotFound
from clary.store.storage import storage_of

_LARGEST = 1024 * 1024


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
    return _read(context, bucket, key)


def _read(context: Context, bucket: str, key: str) -> str:
    storage = storage_of(context.settings, context.database, context.blobs)
    path = context.blobs.new_incoming_path()
    try:
        if storage.size(context.account, bucket, key) > _LARGEST:
            raise ValidationException("Invalid pipeline definition: It is larger than 1 MiB.")
        storage.fetch(context.account, bucket, key, path)
        return path.read_bytes()[:_LARGEST].decode("utf-8", "replace")
    except (BucketNotFound, BucketOfOther) as error:
        raise ValidationException(f"There is no bucket {bucket} to read the pipeline definition from.") from error
    except ObjectNotFound as error:
        text = f"There is no object s3://{bucket}/{key} to read the pipeline definition from."
        raise ValidationException(text) from error
    except BlobMissing as error:
        raise ValidationException(f"The bytes of s3://{bucket}/{key} cannot be read.") from error
    finally:
        path.unlink(missing_ok=True)
