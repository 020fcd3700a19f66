"""The model registry through boto3: groups, versions, approval, policies, and deploying what was approved."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import ECHO_MODEL, INSTANCE, SKLEARN, Server, archive, eventually, invoke, put, settled


def inference(url: str = "s3://tests/registry/model.tar.gz") -> dict[str, Any]:
    container = {"Image": SKLEARN, "ModelDataUrl": url, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
    return {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def register(sagemaker: Any, group: str, **more: Any) -> str:
    request = {"ModelPackageGroupName": group, "InferenceSpecification": inference(), **more}
    return str(sagemaker.create_model_package(**request)["ModelPackageArn"])


@pytest.fixture
def group(server: Server, request: pytest.FixtureRequest) -> str:
    name = "Group-" + re.sub(r"[^a-z0-9]", "-", request.node.name)[:50].strip("-")
    server.client("sagemaker").create_model_package_group(
        ModelPackageGroupName=name, ModelPackageGroupDescription="for a test", Tags=[{"Key": "k", "Value": "v"}]
    )
    return name


def test_a_group_is_described_listed_and_deleted_when_it_is_empty(server: Server, group: str) -> None:
    sagemaker = server.client("sagemaker")
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert described["ModelPackageGroupName"] == group
    assert described["ModelPackageGroupArn"].endswith(f":model-package-group/{group.lower()}")
    assert described["ModelPackageGroupStatus"] == "Completed"
    assert described["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    tags = sagemaker.list_tags(ResourceArn=described["ModelPackageGroupArn"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    found = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    assert [item["ModelPackageGroupName"] for item in found] == [group]
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = register(sagemaker, group)
    with pytest.raises(ClientError) as caught:
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=package)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)


def test_versions_count_up_and_numbers_are_not_used_again(server: Server, group: str) -> None:
    sagemaker = server.client("sagemaker")
    arns = [register(sagemaker, group) for _ in range(3)]
    assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2", "3"]
    assert arns[0].endswith(f":model-package/{group.lower()}/1")
    sagemaker.delete_model_package(ModelPackageName=arns[2])
    assert register(sagemaker, group).endswith("/4")
    found = sagemaker.list_model_packages(ModelPackageGroupName=group, SortOrder="Descending", MaxResults=2)
    assert [item["ModelPackageVersion"] for item in found["ModelPackageSummaryList"]] == [4, 2]
    rest = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortOrder="Descending", MaxResults=2, NextToken=found["NextToken"]
    )
    assert [item["ModelPackageVersion"] for item in rest["ModelPackageSummaryList"]] == [1]
    assert "NextToken" not in rest
    with pytest.raises(ClientError, match="Tags"):
        register(sagemaker, group, Tags=[{"Key": "a", "Value": "b"}])


def test_the_same_client_token_makes_one_version(server: Server, group: str) -> None:
    sagemaker = server.client("sagemaker")
    first = register(sagemaker, group, ClientToken="t" * 36)
    assert register(sagemaker, group, ClientToken="t" * 36) == first
    assert register(sagemaker, group, ClientToken="u" * 36) != first


def test_approval_says_who_and_why(server: Server, group: str) -> None:
    sagemaker = server.client("sagemaker")
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/m.json"}}}
    arn = register(sagemaker, group, ModelMetrics=metrics, CustomerMetadataProperties={"a": "1", "b": "2"})
    before = sagemaker.describe_model_package(ModelPackageName=arn)
    assert before["ModelApprovalStatus"] == "PendingManualApproval"
    assert before["ModelMetrics"] == metrics
    assert "LastModifiedBy" not in before
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="looks good",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
        ModelLifeCycle={"Stage": "Production", "StageStatus": "Live"},
    )
    after = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (after["ModelApprovalStatus"], after["ApprovalDescription"]) == ("Approved", "looks good")
    assert after["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":root")
    assert after["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert after["ModelLifeCycle"] == {"Stage": "Production", "StageStatus": "Live"}
    pending = register(sagemaker, group)
    for status, expected in (("Approved", [arn]), ("PendingManualApproval", [pending]), ("Rejected", [])):
        found = sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus=status)
        assert [item["ModelPackageArn"] for item in found["ModelPackageSummaryList"]] == expected
    batch = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, f"{arn}00"])
    assert list(batch["ModelPackageSummaries"]) == [arn]
    assert list(batch["BatchDescribeModelPackageErrorMap"]) == [f"{arn}00"]


def test_packages_without_versions(server: Server, group: str) -> None:
    sagemaker = server.client("sagemaker")
    register(sagemaker, group)
    sagemaker.create_model_package(ModelPackageName="Lonely", InferenceSpecification=inference())
    with pytest.raises(ClientError, match="ModelPackage already exists"):
        sagemaker.create_model_package(ModelPackageName="lonely", InferenceSpecification=inference())
    listed = sagemaker.list_model_packages(NameContains="lonely")["ModelPackageSummaryList"]
    assert [item["ModelPackageName"] for item in listed] == ["Lonely"]
    everything = sagemaker.list_model_packages(ModelPackageType="Both", MaxResults=100)["ModelPackageSummaryList"]
    assert {item.get("ModelPackageGroupName") for item in everything} >= {group, None}
    versioned = sagemaker.list_model_packages(ModelPackageType="Versioned", MaxResults=100)["ModelPackageSummaryList"]
    assert all("ModelPackageGroupName" in item for item in versioned)
    sagemaker.delete_model_package(ModelPackageName="LONELY")
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package(ModelPackageName="Lonely")


def test_only_an_approved_version_can_be_deployed_and_the_endpoint_needs_the_registry_no_more(
    server: Server, group: str
) -> None:
    sagemaker = server.client("sagemaker")
    data = put(server, "tests", "registry/m.tar.gz", archive({"name.txt": "pack", "code/inference.py": ECHO_MODEL}))
    arn = register(sagemaker, group, InferenceSpecification=inference(data))
    model = {
        "ModelName": "from-registry",
        "PrimaryContainer": {"ModelPackageName": arn},
        "ExecutionRoleArn": server.role,
    }
    with pytest.raises(ClientError, match="not Approved"):
        sagemaker.create_model(**model)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(**model)
    assert sagemaker.describe_model(ModelName="from-registry")["PrimaryContainer"]["ModelPackageName"] == arn
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "from-registry",
        "InitialInstanceCount": 1,
        "InstanceType": INSTANCE,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="from-registry", ProductionVariants=[variant])
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.create_endpoint(EndpointName="from-registry", EndpointConfigName="from-registry")
    assert settled(server, "from-registry")["EndpointStatus"] == "InService"
    assert invoke(server, "from-registry", "x").startswith("pack:")
    sagemaker.delete_endpoint(EndpointName="from-registry")


def test_policies_of_groups(server: Server, group: str) -> None:
    sagemaker = server.client("sagemaker")
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    account = server.installation.account
    statement = {
        "Sid": "Others",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"],
        "Resource": f"arn:aws:sagemaker:us-east-1:{account}:model-package/{group.lower()}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=json.dumps(policy))
    answer = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    assert json.loads(answer["ResourcePolicy"]) == policy
    with pytest.raises(ClientError):
        sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy='{"Statement": 7}')
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)


def test_a_role_without_permission_cannot_approve(server: Server, group: str) -> None:
    iam, sagemaker = server.client("iam"), server.client("sagemaker")
    arn = register(sagemaker, group)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": server.installation.root_arn}, "Action": "sts:AssumeRole"}
        ],
    }
    iam.create_role(RoleName="Looker", AssumeRolePolicyDocument=json.dumps(trust))
    look = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sagemaker:DescribeModelPackage", "Resource": arn}],
    }
    iam.put_role_policy(RoleName="Looker", PolicyName="look", PolicyDocument=json.dumps(look))
    role = server.role.replace("ClaryExecutionRole", "Looker")
    credentials = eventually(
        lambda: server.client("sts").assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
    )
    looker = server.client(
        "sagemaker",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    assert looker.describe_model_package(ModelPackageName=arn)["ModelPackageVersion"] == 1
    with pytest.raises(ClientError) as caught:
        looker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
