"""What S3 tests say often: put bytes, read them back, look at the files on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from clary.services import s3
from clary.services.context import Context
from clary.store.blobs import Blobs, Incoming
from clary.wire import checksums
from tests.services.calling import Client, Permissions


def spool(blobs: Blobs, body: bytes, *algorithms: str) -> Incoming:
    """A body as control hands it to a handler."""
    path = blobs.new_incoming_path()
    path.write_bytes(body)
    values = {}
    for algorithm in algorithms:
        running = checksums.new(f"x-amz-checksum-{algorithm.lower()}")
        running.update(body)
        values[algorithm] = checksums.encoded(running)
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return Incoming(path, len(body), digest, values)


class S3(Client):
    """A client for S3; the bucket is `bucket` unless a call says otherwise."""

    def __init__(self, context: Context, permissions: Permissions) -> None:
        super().__init__("s3", s3.OPERATIONS, context, permissions)

    def put(self, key: str, body: bytes = b"", *algorithms: str, **request: Any) -> dict[str, Any]:
        body_file = spool(self.context.blobs, body, *algorithms)
        return self("PutObject", **{"Bucket": "bucket", "Key": key, "Body": body_file, **request})

    def put_fails(self, code: str, key: str, body: bytes = b"", **request: Any) -> Any:
        body_file = spool(self.context.blobs, body)
        return self.fails("PutObject", code, **{"Bucket": "bucket", "Key": key, "Body": body_file, **request})

    def get(self, key: str, **request: Any) -> dict[str, Any]:
        return self("GetObject", Bucket="bucket", Key=key, **request)

    def head(self, key: str, **request: Any) -> dict[str, Any]:
        return self("HeadObject", Bucket="bucket", Key=key, **request)

    def read(self, key: str, **request: Any) -> bytes:
        """The bytes of an object, read in small pieces."""
        with self.get(key, **request)["Body"] as body:
            data = b"".join(iter(lambda: body.read(7), b""))
        assert len(data) == body.length
        return data

    def part(self, upload: str, number: int, body: bytes, *algorithms: str, key: str = "key") -> dict[str, Any]:
        body_file = spool(self.context.blobs, body, *algorithms)
        return self("UploadPart", Bucket="bucket", Key=key, UploadId=upload, PartNumber=number, Body=body_file)

    def files(self) -> list[Path]:
        """All files below the blobs folder."""
        return [path for path in self.context.settings.layout.blobs.rglob("*") if path.is_file()]
