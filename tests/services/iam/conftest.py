"""A client for IAM in an account with one role, and the trust policy it has."""

from __future__ import annotations

import json

import pytest

from clary.services import iam
from clary.services.context import Context
from tests.services.calling import ACCOUNT, Client, Permissions

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/teams/Trainer"


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    client = Client("iam", iam.OPERATIONS, context, permissions)
    client("CreateRole", RoleName="Trainer", Path="/teams/", AssumeRolePolicyDocument=TRUST)
    return client
