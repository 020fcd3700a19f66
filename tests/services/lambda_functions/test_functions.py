"""What a function's configuration may be, and where its code can be had."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from clary.access.code_links import open_code_link
from clary.store import contents, resources
from clary.store.functions import FUNCTION
from tests.services.calling import ACCOUNT, Client


@pytest.mark.parametrize(
    ("given", "path", "most"),
    [
        ({"Timeout": 901}, "timeout", 900),
        ({"MemorySize": 10_241}, "memorySize", 10_240),
        ({"EphemeralStorage": {"Size": 10_241}}, "ephemeralStorage.size", 10_240),
    ],
)
def test_a_function_has_limits(client: Client, given: dict[str, Any], path: str, most: int) -> None:
    refused = client.fails("UpdateFunctionConfiguration", "InvalidParameterValueException", FunctionName="f", **given)
    text = (
        f"Value '{most + 1}' at '{path}' failed to satisfy constraint: Member must have value less than or equal to"
    )
    assert refused.message == f"1 validation error detected: {text} {most}"


def test_the_largest_function_is_allowed(client: Client) -> None:
    largest = {"Timeout": 900, "MemorySize": 10_240, "EphemeralStorage": {"Size": 10_240}}
    changed = client("UpdateFunctionConfiguration", FunctionName="f", **largest)
    assert {name: changed[name] for name in largest} == largest


def test_the_link_leads_to_the_code_of_the_version_that_was_asked_for(client: Client) -> None:
    context = client.context
    version = client("PublishVersion", FunctionName="f")["Version"]
    with context.database.read() as tx:
        function = resources.find(tx, ACCOUNT, "us-east-1", FUNCTION, "f")
        assert function is not None
    key = context.installation.master_key
    for qualifier in ({}, {"Qualifier": version}):
        location = client("GetFunction", FunctionName="f", **qualifier)["Code"]["Location"]
        content = open_code_link(key, dict(parse_qsl(urlsplit(location).query)), context.now + timedelta(minutes=9))
        with context.database.read() as tx:
            size = sum(extent.length for extent in contents.extents(tx, content))
        assert size == function.document["code"]["size"]
