"""The parameter store through boto3."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import Server


@pytest.fixture(scope="module")
def ssm(server: Server) -> Any:
    return server.client("ssm")


def refused(code: str, function: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return str(caught.value.response["Error"]["Message"])


def test_values_versions_and_history(ssm: Any) -> None:
    first = ssm.put_parameter(Name="/first/Limit", Value="0.8", Type="String", Description="lowest AUC")
    assert (first["Version"], first["Tier"]) == (1, "Standard")
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/first/Limit", Value="0.9", Type="String")
    assert ssm.put_parameter(Name="/first/Limit", Value="0.9", Overwrite=True)["Version"] == 2
    newest = ssm.get_parameter(Name="/first/Limit")["Parameter"]
    assert (newest["Value"], newest["Version"], newest["Type"]) == ("0.9", 2, "String")
    assert newest["ARN"].endswith(":parameter/first/Limit")
    assert ssm.get_parameter(Name=newest["ARN"])["Parameter"]["Value"] == "0.9"
    older = ssm.get_parameter(Name="/first/Limit:1")["Parameter"]
    assert (older["Value"], older["Selector"]) == ("0.8", ":1")
    history = ssm.get_parameter_history(Name="/first/Limit", MaxResults=1)
    assert [item["Value"] for item in history["Parameters"]] == ["0.8"]
    rest = ssm.get_parameter_history(Name="/first/Limit", NextToken=history["NextToken"])
    assert [item["Value"] for item in rest["Parameters"]] == ["0.9"]
    assert rest["Parameters"][0]["Description"] == "lowest AUC"
    assert "NextToken" not in rest
    refused("ParameterNotFound", ssm.get_parameter, Name="/first/limit")
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="/first/Limit:7")
    refused(
        "HierarchyTypeMismatchException",
        ssm.put_parameter,
        Name="/first/Limit",
        Value="a",
        Type="StringList",
        Overwrite=True,
    )


def test_secure_strings_are_encrypted_where_they_lie(server: Server, ssm: Any) -> None:
    ssm.put_parameter(Name="/secure/token", Value="a-very-secret-word", Type="SecureString")
    shown = ssm.get_parameter(Name="/secure/token")["Parameter"]["Value"]
    assert "a-very-secret-word" not in shown
    opened = ssm.get_parameter(Name="/secure/token", WithDecryption=True)["Parameter"]
    assert opened["Value"] == "a-very-secret-word"
    assert (
        ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/secure/token"]}])["Parameters"][0][
            "KeyId"
        ]
        == "alias/aws/ssm"
    )
    path = server.settings.layout.database
    assert path.exists()
    for file in path.parent.glob(f"{path.name}*"):
        assert b"a-very-secret-word" not in file.read_bytes(), file
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from parameters where name = '/secure/token'").fetchone() == (1,)
    database.close()
    refused("InvalidKeyId", ssm.put_parameter, Name="/secure/b", Value="x", Type="SecureString", KeyId="alias/mine")


def test_labels_move_from_version_to_version(ssm: Any) -> None:
    ssm.put_parameter(Name="labelled", Value="a", Type="String")
    ssm.put_parameter(Name="labelled", Value="b", Overwrite=True)
    answer = ssm.label_parameter_version(Name="labelled", ParameterVersion=1, Labels=["live", "1bad", "aws-x"])
    assert answer == {**answer, "InvalidLabels": ["1bad", "aws-x"], "ParameterVersion": 1}
    assert ssm.get_parameter(Name="labelled:live")["Parameter"]["Value"] == "a"
    ssm.label_parameter_version(Name="labelled", Labels=["live"])
    assert ssm.get_parameter(Name="labelled:live")["Parameter"]["Value"] == "b"
    assert [item["Labels"] for item in ssm.get_parameter_history(Name="labelled")["Parameters"]] == [[], ["live"]]
    ssm.unlabel_parameter_version(Name="labelled", ParameterVersion=2, Labels=["live"])
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="labelled:live")


def test_paths_pages_and_filters(ssm: Any) -> None:
    for name in ("a", "b", "deep/c", "deep/er/d"):
        ssm.put_parameter(Name=f"/tree/{name}", Value=name, Type="String")
    ssm.put_parameter(Name="/tree/list", Value="x,y", Type="StringList", Tags=[{"Key": "team", "Value": "one"}])
    ssm.put_parameter(Name="/treehouse", Value="no", Type="String")

    def below(**request: Any) -> list[str]:
        pages = ssm.get_paginator("get_parameters_by_path").paginate(**request)
        return [item["Name"] for page in pages for item in page["Parameters"]]

    assert below(Path="/tree") == ["/tree/a", "/tree/b", "/tree/list"]
    everything = ["/tree/a", "/tree/b", "/tree/deep/c", "/tree/deep/er/d", "/tree/list"]
    assert below(Path="/tree/", Recursive=True, PaginationConfig={"PageSize": 2}) == everything
    lists = [{"Key": "Type", "Values": ["StringList"]}]
    assert below(Path="/tree", Recursive=True, ParameterFilters=lists) == ["/tree/list"]
    refused("InvalidFilterKey", ssm.get_parameters_by_path, Path="/tree", ParameterFilters=[{"Key": "Name"}])

    def described(*filters: dict[str, Any]) -> list[str]:
        pages = ssm.get_paginator("describe_parameters").paginate(
            ParameterFilters=list(filters), PaginationConfig={"PageSize": 2}
        )
        return [item["Name"] for page in pages for item in page["Parameters"]]

    assert described({"Key": "Path", "Option": "OneLevel", "Values": ["/tree/deep"]}) == ["/tree/deep/c"]
    assert described({"Key": "Name", "Option": "BeginsWith", "Values": ["/tree"]}) == [*everything, "/treehouse"]
    assert described({"Key": "Name", "Option": "Contains", "Values": ["eeho"]}) == ["/treehouse"]
    assert described({"Key": "tag:team", "Values": ["one"]}) == ["/tree/list"]
    refused(
        "InvalidFilterOption",
        ssm.describe_parameters,
        ParameterFilters=[{"Key": "Tier", "Option": "Contains", "Values": ["S"]}],
    )
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/tree/a", Tags=[{"Key": "k", "Value": "v"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/tree/list", TagKeys=["team"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/tree/a")["TagList"] == [
        {"Key": "k", "Value": "v"}
    ]
    assert described({"Key": "tag:team", "Values": ["one"]}) == []
    some = ssm.get_parameters(Names=["/tree/a", "/tree/z", "/tree/b:1"])
    assert sorted(item["Value"] for item in some["Parameters"]) == ["a", "b"]
    assert some["InvalidParameters"] == ["/tree/z"]
    gone = ssm.delete_parameters(Names=["/tree/a", "/tree/z"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == (["/tree/a"], ["/tree/z"])
    ssm.delete_parameter(Name="/tree/b")
    refused("ParameterNotFound", ssm.delete_parameter, Name="/tree/b")


def test_what_is_refused(ssm: Any) -> None:
    put = ssm.put_parameter
    pattern = {"Name": "pattern", "Type": "String", "AllowedPattern": "^[0-9]+$"}
    refused("ParameterPatternMismatchException", put, Value="abc", **pattern)
    put(Value="123", **pattern)
    refused("ParameterPatternMismatchException", put, Name="pattern", Value="abc", Overwrite=True)
    refused("InvalidAllowedPatternException", put, Name="p2", Value="a", Type="String", AllowedPattern="(")
    for name in ("aws-x", "/ssm/x", "a/b", "/a//b", "with space"):
        refused("ValidationException", put, Name=name, Value="a", Type="String")
    refused("HierarchyLevelLimitExceededException", put, Name="/a" * 16, Value="a", Type="String")
    refused("ValidationException", put, Name="large", Value="a" * 4097, Type="String")
    assert put(Name="large", Value="a" * 4097, Type="String", Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    refused("ValidationException", put, Name="untyped", Value="a")
    refused("NotImplemented", put, Name="p3", Value="a", Type="String", DataType="aws:ec2:image")


def test_permission_is_for_each_name(server: Server, ssm: Any) -> None:
    ssm.put_parameter(Name="/mine/a", Value="1", Type="String")
    ssm.put_parameter(Name="/theirs/a", Value="2", Type="String")
    iam = server.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": server.installation.root_arn}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "ssm:Get*", "Resource": "arn:aws:ssm:*:*:parameter/mine/*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [item]}) for item in (trust, may)]
    arn = iam.create_role(RoleName="ssm-reader", AssumeRolePolicyDocument=documents[0])["Role"]["Arn"]
    iam.put_role_policy(RoleName="ssm-reader", PolicyName="p", PolicyDocument=documents[1])
    keys = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="reader")["Credentials"]
    reader = server.client(
        "ssm",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert reader.get_parameter(Name="/mine/a")["Parameter"]["Value"] == "1"
    refused("AccessDeniedException", reader.get_parameter, Name="/theirs/a")
    refused("AccessDeniedException", reader.get_parameters, Names=["/mine/a", "/theirs/a"])
    refused("AccessDeniedException", reader.put_parameter, Name="/mine/a", Value="3", Overwrite=True)
