"""Changed tags are told to whoever listens: doors decide by the tags of endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services import sagemaker
from clary.services.context import Context
from clary.store import tags
from tests.services.calling import Client, Permissions


def test_changes_are_told(context: Context, permissions: Permissions) -> None:
    client = Client("sagemaker", sagemaker.OPERATIONS, context, permissions)
    container = {"Image": "image"}
    arn = client("CreateModel", ModelName="m", PrimaryContainer=container)["ModelArn"]
    told: list[Mapping[int, str]] = []
    context.database.listen(lambda touched: told.append(dict(touched)))
    client("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    client("ListTags", ResourceArn=arn)
    client("DeleteTags", ResourceArn=arn, TagKeys=["a"])
    assert told == [{tags.TOUCHED: "tags"}] * 2
