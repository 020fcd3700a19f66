"""A client for CloudWatch Logs with one group and one stream."""

from __future__ import annotations

import pytest

from clary.services import logs
from clary.services.context import Context
from tests.services.calling import Client, Permissions


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    client = Client("logs", logs.OPERATIONS, context, permissions)
    client("CreateLogGroup", logGroupName="group")
    client("CreateLogStream", logGroupName="group", logStreamName="stream")
    return client
