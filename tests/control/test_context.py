"""Whose tags `aws:ResourceTag` speaks of: of what lies outside the table of tags, or is asked for by another ARN."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.control.in_process import ENDPOINT, HOME, Control

OWN_TEAM = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": ["logs:Delete*", "iam:Delete*"],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:ResourceTag/team": "a"}},
        },
    ],
}


def client_of(control: Control, service: str, key: str) -> Any:
    client = boto3.session.Session().client(
        service,
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    control.attach(client)
    return client


@pytest.mark.parametrize(
    ("service", "create", "delete"),
    [
        (
            "logs",
            lambda client, team: client.create_log_group(logGroupName=team, tags={"team": team}),
            lambda client, team: client.delete_log_group(logGroupName=team),
        ),
        (
            "iam",
            lambda client, team: client.create_instance_profile(
                InstanceProfileName=team, Tags=[{"Key": "team", "Value": team}]
            ),
            lambda client, team: client.delete_instance_profile(InstanceProfileName=team),
        ),
    ],
)
def test_tags_of_the_resource_decide(control: Control, service: str, create: Any, delete: Any) -> None:
    control.add_user(HOME, "member", OWN_TEAM)
    owner, member = (client_of(control, service, key) for key in (f"AKIA{HOME}ROOT", "AKIAmember"))
    for team in ("a", "b"):
        create(owner, team)
    with pytest.raises(ClientError, match="explicit deny"):
        delete(member, "b")
    delete(member, "a")
