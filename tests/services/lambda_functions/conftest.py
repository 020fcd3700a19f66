"""A client for an account with one function `f`."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from clary.services.context import Context
from clary.services.iam import OPERATIONS as IAM
from clary.services.lambda_functions import OPERATIONS
from tests.services.calling import Client, Permissions


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = Client("iam", IAM, context, permissions)
    role = iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("app.py", "def handler(event, context): pass")
    made = Client("lambda", OPERATIONS, context, permissions)
    code = {"ZipFile": buffer.getvalue()}
    made("CreateFunction", FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=role, Code=code)
    return made
