"""Taking a function's code in: a zip file in the request, or an object that the caller may read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.services.context import Context
from clary.services.lambda_functions.names import invalid, refuse_unserved
from clary.store import contents, objects
from clary.store.blobs import Extent
from clary.store.buckets import BucketNotFound, BucketOfOther
from clary.store.database import Transaction
from clary.store.objects import ObjectNotFound
from clary.store.storage import storage_of

_LARGEST = 250 * 1024**2


@dataclass(frozen=True, slots=True)
class Code:
    """A checked archive, durable as a blob. `sha256` is in base64, as answers carry it."""

    extents: list[Extent]
    size: int
    sha256: str

    def add(self, tx: Transaction) -> dict[str, Any]:
        """The `code` entry of a function's document."""
        return {"content": contents.add(tx, self.extents), "size": self.size}


@contextmanager
def taken(context: Context, operation: str, request: dict[str, Any]) -> Iterator[Code]:
    """The code of a request; when the block fails, its bytes are dropped again."""
    refuse_unserved(operation, request, "ImageUri", "S3ObjectVersion", "S3ObjectStorageMode", "SourceKMSKeyArn")
    path = context.blobs.new_incoming_path()
    try:
        _fetch(context, request, path)
        context.functions.check_archive(path)
        with path.open("rb") as file:
            digest = base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
        incoming = objects.spool_file(context.blobs, path)
    finally:
        path.unlink(missing_ok=True)
    extents = objects.adopt(context.blobs, incoming)
    try:
        yield Code(extents, incoming.size, digest)
    except BaseException:
        context.blobs.delete(extent.blob for extent in extents)
        raise


def _fetch(context: Context, request: dict[str, Any], path: Path) -> None:
    bucket, key = request.get("S3Bucket"), request.get("S3Key")
    if ("ZipFile" in request) == bool(bucket or key):
        raise invalid("Please provide a source for function code: either ZipFile, or S3Bucket and S3Key.")
    if "ZipFile" in request:
        path.write_bytes(request["ZipFile"])
        return
    if not bucket or not key:
        raise invalid("Both S3Bucket and S3Key are needed.")
    _fetch_object(context, bucket, key, path)


def _fetch_object(context: Context, bucket: str, key: str, path: Path) -> None:
    context.authorize("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    storage = storage_of(context.settings, context.database, context.blobs)
    try:
        if storage.size(context.account, bucket, key) > _LARGEST:
            raise invalid(f"The zip file must be smaller than {_LARGEST} bytes.")
        storage.fetch(context.account, bucket, key, path)
    except (BucketNotFound, BucketOfOther) as error:
        raise invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. "
            f"S3 Error Message: The specified bucket does not exist ({bucket})"
        ) from error
    except ObjectNotFound as error:
        raise invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
            f"S3 Error Message: The specified key does not exist. ({key})"
        ) from error
