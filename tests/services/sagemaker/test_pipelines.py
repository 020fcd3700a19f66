"""Aliases of versions: given, moved, listed and started from; an alias never means two versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.services.context import Context
from clary.services.iam import OPERATIONS as IAM
from clary.services.sagemaker import OPERATIONS
from tests.services.calling import Client, Permissions

_MAY_ASSUME = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_MAY_ASSUME]})


@pytest.fixture
def sagemaker(context: Context, permissions: Permissions) -> Client:
    iam = Client("iam", IAM, context, permissions)
    iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    return Client("sagemaker", OPERATIONS, context, permissions)


def definition(message: str) -> str:
    step = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return json.dumps({"Version": "2020-12-01", "Steps": [step]})


@pytest.fixture
def pipeline(sagemaker: Client) -> str:
    """Version 1 is `live` and `old`, version 2 is `next`."""
    role = f"arn:aws:iam::{sagemaker.context.account}:role/r"
    made = sagemaker(
        "CreatePipeline",
        PipelineName="p",
        PipelineDefinition=definition("1"),
        RoleArn=role,
        ClientRequestToken="t" * 32,
        PipelineVersionAliases=["live", "old"],
    )
    sagemaker("UpdatePipeline", PipelineName="p", PipelineDefinition=definition("2"), PipelineVersionAliases=["next"])
    return str(made["PipelineArn"])


def start(sagemaker: Client, token: str, **version: Any) -> str:
    answer = sagemaker("StartPipelineExecution", PipelineName="p", ClientRequestToken=token * 32, **version)
    return str(answer["PipelineExecutionArn"])


def test_an_alias_stands_for_its_version(sagemaker: Client, pipeline: str) -> None:
    told = sagemaker("DescribePipeline", PipelineName="p", PipelineVersionAlias="live")
    assert told["PipelineDefinition"] == definition("1")
    assert told["PipelineVersionAliases"] == ["live", "old"]
    assert sagemaker("DescribePipeline", PipelineName="p")["PipelineVersionAliases"] == ["next"]
    listed = sagemaker("ListPipelineVersions", PipelineName="p")["PipelineVersionSummaries"]
    assert [item["PipelineVersionAliases"] for item in listed] == [["next"], ["live", "old"]]
    live, latest = start(sagemaker, "a", PipelineVersionAlias="live"), start(sagemaker, "b")
    told = sagemaker("DescribePipelineExecution", PipelineExecutionArn=live)
    assert (told["PipelineVersionId"], told["PipelineVersionAliases"]) == (1, ["live", "old"])
    for alias, arn in (("old", live), ("next", latest)):
        found = sagemaker("ListPipelineExecutions", PipelineName="p", PipelineVersionAlias=alias)
        assert [item["PipelineExecutionArn"] for item in found["PipelineExecutionSummaries"]] == [arn]


def test_an_alias_moves_when_it_was_removed_first(sagemaker: Client, pipeline: str) -> None:
    def change(version: int, **operations: Any) -> dict[str, Any]:
        return {
            "PipelineArn": pipeline,
            "PipelineVersionId": version,
            "PipelineVersionAliasOperations": operations,
        }

    taken = sagemaker.fails("UpdatePipelineVersion", "ValidationException", **change(2, Add=["live"]))
    assert "that of version 1" in taken.message
    sagemaker.fails("UpdatePipelineVersion", "ValidationException", **change(2, Add=["x"], Remove=["x"]))
    sagemaker.fails("UpdatePipelineVersion", "ValidationException", **change(2, Remove=["live"]))
    sagemaker("UpdatePipelineVersion", **change(1, Remove=["live"]))
    sagemaker("UpdatePipelineVersion", **change(2, Add=["live"]))
    told = sagemaker("DescribePipeline", PipelineName="p", PipelineVersionAlias="live")
    assert told["PipelineVersionAliases"] == ["live", "next"]
    more = [f"a{number}" for number in range(9)]
    assert (
        "at most 10" in sagemaker.fails("UpdatePipelineVersion", "ValidationException", **change(2, Add=more)).message
    )


def test_what_does_not_name_one_version_is_refused(sagemaker: Client, pipeline: str) -> None:
    asked = {"PipelineName": "p", "PipelineVersionAlias": "none"}
    sagemaker.fails("DescribePipeline", "ResourceNotFound", **asked)
    sagemaker.fails("ListPipelineExecutions", "ResourceNotFound", **asked)
    sagemaker.fails("StartPipelineExecution", "ResourceNotFound", **asked, ClientRequestToken="c" * 32)
    both = {"PipelineName": "p", "PipelineVersionAlias": "live", "PipelineVersionId": 1}
    sagemaker.fails("DescribePipeline", "ValidationException", **both)
    sagemaker.fails("UpdatePipeline", "ValidationException", PipelineName="p", PipelineVersionAliases=["new"])
