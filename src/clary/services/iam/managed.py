"""The managed policies that exist from the start, under AWS's names and ARNs, with documents of our own.

A key is what an ARN has behind `policy/`, with the path where AWS has one. The documents say what their names promise
for the services that Clary has; AWS's list many services besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.base.installation import EXECUTION_ROLE


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


_PASS_ROLE = {
    "Effect": "Allow",
    "Action": "iam:PassRole",
    "Resource": "arn:aws:iam::*:role/*",
    "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
}

_OWN_KEYS = {
    "Effect": "Allow",
    "Action": [
        "iam:GetUser",
        *(f"iam:{verb}AccessKey" for verb in ("Create", "Update", "Delete")),
        "iam:ListAccessKeys",
    ],
    "Resource": ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"],
}
_INVOKE = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync", "sagemaker:InvokeEndpointWithResponseStream")
_LOOK = ("Describe*", "Get*", "List*")

# Version 3 of the SDK simulates these before it sends anything, and goes no further with a role that has them not.
_ASKED_FOR = (
    "cloudwatch:*",
    "ecr:*",
    "ec2:Describe*",
    "ec2:*NetworkInterface",
    "ec2:*NetworkInterfacePermission",
    "glue:Get*",
)

# Other services: what their full and their reading policies are called, and what these open.
_OTHERS = (
    ("AmazonEventBridgeFullAccess", "AmazonEventBridgeReadOnlyAccess", ("events", "scheduler")),
    ("AmazonEventBridgeSchedulerFullAccess", "AmazonEventBridgeSchedulerReadOnlyAccess", ("scheduler",)),
    ("AmazonSNSFullAccess", "AmazonSNSReadOnlyAccess", ("sns",)),
    ("AmazonSQSFullAccess", "AmazonSQSReadOnlyAccess", ("sqs",)),
    ("AmazonSSMFullAccess", "AmazonSSMReadOnlyAccess", ("ssm",)),
    ("AWSLambda_FullAccess", "AWSLambda_ReadOnlyAccess", ("lambda",)),
    ("CloudWatchEventsFullAccess", "CloudWatchEventsReadOnlyAccess", ("events",)),
    ("CloudWatchFullAccess", "CloudWatchReadOnlyAccess", ("cloudwatch", "logs")),
)
_ALL = (
    *("cloudtrail", "cloudwatch", "events", "iam", "lambda", "logs", "organizations", "s3"),
    *("sagemaker", "scheduler", "sns", "sqs", "ssm", "sts"),
)
_WRITE_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


def _of_other_services() -> dict[str, dict[str, Any]]:
    policies = {}
    for full, reading, services in _OTHERS:
        policies[full] = _policy(_allow(*(f"{each}:*" for each in services)), *_passing(services))
        policies[reading] = _policy(_allow(*(f"{each}:{verb}" for each in services for verb in (*_LOOK, "Filter*"))))
    return policies


def _passing(services: tuple[str, ...]) -> list[dict[str, Any]]:
    """The right to hand roles to those of them that act as a role."""
    principals = [f"{each}.amazonaws.com" for each in services if each in {"events", "lambda", "scheduler"}]
    if not principals:
        return []
    return [{**_PASS_ROLE, "Condition": {"StringEquals": {"iam:PassedToService": principals}}}]


MANAGED: Mapping[str, dict[str, Any]] = {
    "AdministratorAccess": _policy(_allow("*")),
    "PowerUserAccess": _policy(
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"},
        _allow("iam:ListRoles", "organizations:DescribeOrganization"),
    ),
    "ReadOnlyAccess": _policy(
        _allow(*(f"{service}:{verb}" for service in _ALL for verb in _LOOK)),
        _allow("cloudtrail:LookupEvents", "logs:FilterLogEvents", "iam:Simulate*"),
        _allow(*(f"sagemaker:{verb}" for verb in ("BatchDescribe*", "BatchGet*", "QueryLineage", "Search"))),
    ),
    "service-role/AWSLambdaBasicExecutionRole": _policy(_allow(*_WRITE_LOGS)),
    "service-role/AWSLambdaSQSQueueExecutionRole": _policy(
        _allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", *_WRITE_LOGS)
    ),
    **_of_other_services(),
    "AmazonSageMakerFullAccess": _policy(
        _allow("sagemaker:*", "logs:*", "iam:GetRole", "iam:ListRoles", "iam:SimulatePrincipalPolicy"),
        _allow("s3:*"),
        _allow(*_ASKED_FOR),
        _PASS_ROLE,
    ),
    "AmazonSageMakerReadOnly": _policy(_allow("sagemaker:Describe*", "sagemaker:List*", "sagemaker:Get*")),
    "AmazonS3FullAccess": _policy(_allow("s3:*")),
    "AmazonS3ReadOnlyAccess": _policy(_allow("s3:Get*", "s3:List*", "s3:Head*")),
    "CloudWatchLogsFullAccess": _policy(_allow("logs:*")),
    "IAMFullAccess": _policy(_allow("iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization")),
    "IAMReadOnlyAccess": _policy(
        _allow(
            "iam:GenerateServiceLastAccessedDetails",
            "iam:Get*",
            "iam:List*",
            "iam:SimulateCustomPolicy",
            "iam:SimulatePrincipalPolicy",
        )
    ),
    # Clary's own, for `clary user add --policy`.
    "ClaryDataScientist": _policy(
        _allow(
            *(
                f"{service}:*"
                for service in ("sagemaker", "s3", "logs", "cloudwatch", "events", "lambda", "scheduler")
            ),
            *(f"{service}:*" for service in ("sns", "sqs", "ssm", "ecr")),
            "iam:GetRole",
            "iam:ListRoles",
            "iam:SimulatePrincipalPolicy",
        ),
        # More roles to hand to services are a matter for administrators: below this path, or by policy.
        _allow("iam:PassRole", resource=f"arn:aws:iam::*:role/{EXECUTION_ROLE}"),
        _allow("iam:PassRole", resource="arn:aws:iam::*:role/service-role/*"),
        _OWN_KEYS,
    ),
    "ClaryInvokeOnly": _policy(_allow(*_INVOKE)),
    "ClaryAuditor": _policy(
        _allow(
            "cloudtrail:LookupEvents",
            *(f"iam:{verb}" for verb in (*_LOOK, "Simulate*")),
            *(f"{service}:{verb}" for service in ("sagemaker", "events", "cloudwatch") for verb in _LOOK),
            *(f"{service}:{verb}" for service in ("scheduler", "sns", "sqs") for verb in ("Get*", "List*")),
            # Not the lines of logs, and not GetFunction, whose answer leads to the code.
            *("logs:Describe*", "logs:List*", "lambda:List*", "lambda:GetAlias", "lambda:GetPolicy"),
            *("lambda:GetFunctionC*", "lambda:GetFunctionEventInvokeConfig"),
            "s3:ListAllMyBuckets",
            "s3:GetBucket*",
            "organizations:Describe*",
            "organizations:List*",
        ),
    ),
}
