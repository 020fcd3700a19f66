"""The registry beyond approval: stages of life, filters of lists, and what a group's policy lets others do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clary.access.evaluation import AccessRequest, Document, PolicySet, evaluate
from clary.access.principals import Principal
from clary.services.context import Context
from clary.services.sagemaker import OPERATIONS
from clary.store import outbox
from tests.services.calling import ACCOUNT, NOW, Client, Permissions

OTHER = "444455556666"


@pytest.fixture
def sagemaker(context: Context, permissions: Permissions) -> Client:
    client = Client("sagemaker", OPERATIONS, context, permissions)
    client("CreateModelPackageGroup", ModelPackageGroupName="Churn")
    return client


def register(client: Client, **more: Any) -> str:
    request = {"ModelPackageGroupName": "Churn", "SourceUri": "s3://b/m", **more}
    return str(client.operations["CreateModelPackage"].handler(client.context, request)["ModelPackageArn"])


def described(client: Client, arn: str, **more: Any) -> dict[str, Any]:
    request = {"ModelPackageName": arn, **more}
    return client.operations["DescribeModelPackage"].handler(client.context, request)


def listed(client: Client, **asked: Any) -> list[str]:
    """Versions, or names of packages without a group."""
    found = client.operations["ListModelPackages"].handler(client.context, asked)["ModelPackageSummaryList"]
    return [item["ModelPackageName"] for item in found]


def told(context: Context) -> list[dict[str, Any]]:
    with context.database.write() as tx:
        entries = outbox.first(tx, 100)
        outbox.remove(tx, [entry.id for entry in entries])
    return [entry.document["document"] for entry in entries if entry.document["kind"] == "model-package"]


def test_stages_are_kept_and_told(sagemaker: Client, context: Context) -> None:
    arn = register(sagemaker, ModelLifeCycle={"Stage": "Development", "StageStatus": "Started"})
    told(context)
    live = {"Stage": "Production", "StageStatus": "Live", "StageDescription": "canary was fine"}
    later = sagemaker.at(now=NOW + timedelta(hours=1))
    for _ in range(2):
        later("UpdateModelPackage", ModelPackageArn=arn, ModelLifeCycle=live)
    assert described(sagemaker, arn)["ModelLifeCycle"] == live
    (event,) = told(context)  # the same stage again is no change
    assert (event["life_cycle"], event["updated_fields"]) == (live, ["ModelLifeCycle"])
    history = sagemaker("ListActions", SourceUri=arn, ActionType="ModelLifeCycle")["ActionSummaries"]
    stages = [sagemaker("DescribeAction", ActionName=item["ActionName"])["Properties"]["Stage"] for item in history]
    assert stages == ["Production", "Development"]
    sagemaker("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"a": "b"})
    assert told(context) == []


def test_a_model_card_may_be_left_out(sagemaker: Client) -> None:
    arn = register(sagemaker, ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"})
    assert described(sagemaker, arn)["ModelCard"]["ModelCardContent"] == "{}"
    assert described(sagemaker, arn, IncludedData="AllData")["ModelCard"]["ModelCardContent"] == "{}"
    assert described(sagemaker, arn, IncludedData="MetadataOnly")["ModelCard"] == {"ModelCardStatus": "Draft"}


def test_status_and_content_of_a_model_card_change_apart(sagemaker: Client) -> None:
    arn = register(sagemaker, ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"})
    sagemaker("UpdateModelPackage", ModelPackageArn=arn, ModelCard={"ModelCardContent": '{"a": 1}'})
    sagemaker("UpdateModelPackage", ModelPackageArn=arn, ModelCard={"ModelCardStatus": "PendingReview"})
    assert described(sagemaker, arn)["ModelCard"] == {
        "ModelCardContent": '{"a": 1}',
        "ModelCardStatus": "PendingReview",
    }


def test_who_cannot_look_at_a_model_learns_nothing_by_registering_it(
    sagemaker: Client, permissions: Permissions
) -> None:
    secret = {"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz", "Environment": {"SECRET": "b"}}
    model = sagemaker("CreateModel", ModelName="m", PrimaryContainer=secret)["ModelArn"]
    package = register(sagemaker, SourceUri=model)
    permissions.denied = ["sagemaker:DescribeModel *", f"sagemaker:DescribeModelPackage {package}"]
    for source in (model, package):
        request = {"ModelPackageGroupName": "Churn", "SourceUri": source}
        sagemaker.fails("CreateModelPackage", "AccessDeniedException", **request)
    assert len(sagemaker("ListModelPackages", ModelPackageGroupName="Churn")["ModelPackageSummaryList"]) == 1


def test_a_model_and_another_version_are_registered_as_what_they_run(sagemaker: Client) -> None:
    container = {"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz", "Environment": {"A": "b"}}
    model = sagemaker("CreateModel", ModelName="m", PrimaryContainer={**container, "Mode": "SingleModel"})["ModelArn"]
    first = register(sagemaker, SourceUri=model)
    assert described(sagemaker, first)["InferenceSpecification"] == {"Containers": [container]}
    second = register(sagemaker, SourceUri=first)
    assert described(sagemaker, second)["InferenceSpecification"] == {"Containers": [container]}
    own = {"Containers": [{"Image": "other"}]}
    third = register(sagemaker, SourceUri=first, InferenceSpecification=own)
    assert described(sagemaker, third)["InferenceSpecification"] == own
    assert "InferenceSpecification" not in described(sagemaker, register(sagemaker, SourceUri=f"{first}0"))


def test_every_filter_of_lists_counts(sagemaker: Client) -> None:
    for number, status in enumerate(("Approved", "Rejected", "Approved"), 1):
        register(sagemaker.at(now=NOW + timedelta(minutes=number)), ModelApprovalStatus=status)
    for name, minute in (("Zed", 1), ("Abel", 2)):
        at = sagemaker.at(now=NOW + timedelta(minutes=minute))
        at("CreateModelPackage", ModelPackageName=name, SourceUri="s3://b/m")
    group = {"ModelPackageGroupName": "Churn"}
    one, two, three = "Churn/1", "Churn/2", "Churn/3"
    after, before = NOW + timedelta(minutes=1), NOW + timedelta(minutes=3)
    for asked, expected in (
        (group, [one, two, three]),
        ({**group, "SortOrder": "Descending"}, [three, two, one]),
        ({**group, "ModelApprovalStatus": "Approved"}, [one, three]),
        ({**group, "CreationTimeAfter": after}, [two, three]),
        ({**group, "CreationTimeAfter": after, "CreationTimeBefore": before}, [two]),
        ({**group, "NameContains": "/3"}, [three]),
        ({"ModelPackageGroupName": "Absent"}, []),
        ({}, ["Zed", "Abel"]),
        ({"SortBy": "Name"}, ["Abel", "Zed"]),
        ({"NameContains": "ze"}, ["Zed"]),
        ({"ModelPackageType": "Versioned"}, [one, two, three]),
        ({"ModelPackageType": "Both", "CreationTimeAfter": NOW + timedelta(minutes=2)}, [three]),
    ):
        assert listed(sagemaker, **asked) == expected, asked


# What the policy of a group decides for another account


def statement(*actions: str, resource: str = "model-package/churn/*", effect: str = "Allow") -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": list(actions),
        "Resource": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:{resource}",
    }


def allowed(context: Context, name: str, **request: Any) -> bool:
    """Whether a role of the other account, whose own policies allow everything, may do this."""
    operation = OPERATIONS[name]
    role = Principal(arn=f"arn:aws:iam::{OTHER}:role/r", account=OTHER, kind="role", principal_id="AROAEXAMPLE")
    theirs = replace(context, account=OTHER, principal=role)
    everything: Document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    asked = AccessRequest(role, f"sagemaker:{name}", operation.resource(theirs, request), {})
    assert operation.policies is not None
    policies = PolicySet(identity=(everything,), resource=tuple(operation.policies(theirs, request)))
    return evaluate(asked, policies).allowed


def test_the_policy_of_a_group_lets_other_accounts_in(sagemaker: Client, context: Context) -> None:
    arn = register(sagemaker)
    group = arn.replace(":model-package/", ":model-package-group/").removesuffix("/1")
    describe: dict[str, Any] = {"name": "DescribeModelPackage", "ModelPackageName": arn}
    assert not allowed(context, **describe)
    statements = [
        statement("sagemaker:DescribeModelPackage", "sagemaker:CreateModelPackage"),
        statement("sagemaker:DescribeModelPackageGroup", resource="model-package-group/churn"),
        statement("sagemaker:DeleteModelPackage", effect="Deny"),
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    sagemaker("PutModelPackageGroupPolicy", ModelPackageGroupName="Churn", ResourcePolicy=policy)
    assert allowed(context, **describe)
    assert allowed(context, "DescribeModelPackageGroup", ModelPackageGroupName=group)
    assert allowed(context, "CreateModelPackage", ModelPackageGroupName=group)
    assert not allowed(context, "UpdateModelPackage", ModelPackageArn=arn)
    assert not allowed(context, "DeleteModelPackage", ModelPackageName=arn)
    assert not allowed(context, "DescribeModelPackage", ModelPackageName=arn.replace("/churn/", "/other/"))
    # a version that the other account registers belongs to the group's account, and so does its lineage
    theirs = replace(context, account=OTHER)
    request = {"ModelPackageGroupName": group, "SourceUri": "s3://b/theirs"}
    made = OPERATIONS["CreateModelPackage"].handler(theirs, request)["ModelPackageArn"]
    assert made == arn.replace("/1", "/2")
    assert sagemaker("ListArtifacts", SourceUri=made)["ArtifactSummaries"] != []
    sagemaker("DeleteModelPackageGroupPolicy", ModelPackageGroupName="Churn")
    assert not allowed(context, **describe)
