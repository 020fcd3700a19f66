"""An S3 client with one bucket."""

from __future__ import annotations

import pytest

from clary.services.context import Context
from tests.services.calling import Permissions
from tests.services.s3.client import S3


@pytest.fixture
def s3(context: Context, permissions: Permissions) -> S3:
    client = S3(context, permissions)
    client("CreateBucket", Bucket="bucket")
    return client
