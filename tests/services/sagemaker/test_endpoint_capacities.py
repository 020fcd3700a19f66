"""UpdateEndpointWeightsAndCapacities, and what UpdateEndpoint keeps of it, in process: the engine is played."""

from __future__ import annotations

from typing import Any

import pytest

from clary.services import sagemaker
from clary.services.context import Context
from clary.store import resources
from tests.services.calling import Client, Permissions

OPERATION = "UpdateEndpointWeightsAndCapacities"


@pytest.fixture
def client(context: Context, permissions: Permissions) -> Client:
    client = Client("sagemaker", sagemaker.OPERATIONS, context, permissions)
    for name in ("a", "b"):
        client("CreateModel", ModelName=name, PrimaryContainer={"Image": "image"})
    configure(client, "two", a=(1, 9.0), b=(2, 1.0))
    client("CreateEndpoint", EndpointName="e", EndpointConfigName="two")
    return client


def configure(client: Client, name: str, **variants: tuple[int, float]) -> None:
    shapes = [
        {
            "VariantName": variant,
            "ModelName": variant,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
            "InitialVariantWeight": weight,
        }
        for variant, (count, weight) in variants.items()
    ]
    client("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=shapes)


def serve(client: Client) -> None:
    """What the engine does when all that is wanted is there."""
    context = client.context
    with context.database.write() as tx:
        row = resources.find(tx, context.account, context.region, "endpoint", "e")
        assert row is not None
        document = {**row.document, "active": row.document["target"], "config": row.document["target"]["config"]}
        resources.save(tx, row, document=document, status="InService", now=context.now)


def change(client: Client, *wishes: dict[str, Any]) -> dict[str, Any]:
    return client(OPERATION, EndpointName="e", DesiredWeightsAndCapacities=list(wishes))


def numbers(client: Client) -> dict[str, tuple[float, float, int]]:
    variants = client("DescribeEndpoint", EndpointName="e")["ProductionVariants"]
    return {v["VariantName"]: (v["CurrentWeight"], v["DesiredWeight"], v["DesiredInstanceCount"]) for v in variants}


def test_wishes_show_at_once_and_count_when_the_engine_has_met_them(client: Client) -> None:
    serve(client)
    answer = change(
        client, {"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredInstanceCount": 5}
    )
    shown = client("DescribeEndpoint", EndpointName="e")
    assert answer == {"EndpointArn": shown["EndpointArn"]}
    assert shown["EndpointStatus"] == "Updating"
    assert "PendingDeploymentSummary" not in shown
    assert numbers(client) == {"a": (9.0, 0.0, 1), "b": (1.0, 1.0, 5)}
    serve(client)
    assert numbers(client) == {"a": (0.0, 0.0, 1), "b": (1.0, 1.0, 5)}
    change(client, {"VariantName": "b", "DesiredWeight": 1.0})
    assert client("DescribeEndpoint", EndpointName="e")["EndpointStatus"] == "Updating", "also without a change"
    config = client("DescribeEndpointConfig", EndpointConfigName="two")["ProductionVariants"]
    assert [variant["InitialInstanceCount"] for variant in config] == [1, 2]


REFUSED = [
    ([{"VariantName": "c", "DesiredWeight": 1.0}], "ValidationException", '"c" is/are not present within endpoint'),
    ([{"VariantName": "a"}, {"VariantName": "a"}], "ValidationException", '"a" was non-unique within the request.'),
    (
        [{"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredWeight": 0.0}],
        "ValidationException",
        "weight greater than 0",
    ),
    ([{"VariantName": "a", "DesiredInstanceCount": 0}], "ValidationException", "must be at least 1"),
    ([{"VariantName": "a", "DesiredInstanceCount": 31}], "ResourceLimitExceeded", "ask for 33 instances"),
    (
        [{"VariantName": "a", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}],
        "NotImplemented",
        "with ServerlessUpdateConfig",
    ),
]


@pytest.mark.parametrize(("wishes", "code", "words"), REFUSED)
def test_what_is_refused_changes_nothing(client: Client, wishes: list[Any], code: str, words: str) -> None:
    serve(client)
    before = numbers(client)
    error = client.fails(OPERATION, code, EndpointName="e", DesiredWeightsAndCapacities=wishes)
    assert words in error.message
    assert numbers(client) == before
    assert client("DescribeEndpoint", EndpointName="e")["EndpointStatus"] == "InService"


def test_only_an_endpoint_in_service_can_be_changed(client: Client) -> None:
    wishes = [{"VariantName": "a", "DesiredWeight": 1.0}]
    error = client.fails(OPERATION, "ValidationException", EndpointName="e", DesiredWeightsAndCapacities=wishes)
    assert error.message.startswith('Cannot update in-progress endpoint "arn:')
    error = client.fails(OPERATION, "ValidationException", EndpointName="f", DesiredWeightsAndCapacities=wishes)
    assert error.message.startswith('Could not find endpoint "arn:')


@pytest.mark.parametrize(
    ("retain", "expected"),
    [
        ({}, (1.0, 1)),
        ({"RetainAllVariantProperties": True}, (3.0, 4)),
        ({"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": ["DesiredWeight"]}, (1.0, 4)),
        (
            {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": ["DesiredInstanceCount"]},
            (3.0, 1),
        ),
    ],
)
def test_an_update_keeps_what_it_is_told_to(
    client: Client, retain: dict[str, Any], expected: tuple[float, int]
) -> None:
    serve(client)
    change(client, {"VariantName": "a", "DesiredWeight": 3.0, "DesiredInstanceCount": 4})
    serve(client)
    configure(client, "next", b=(1, 2.0), a=(1, 1.0))
    if "ExcludeRetainedVariantProperties" in retain:
        types = [{"VariantPropertyType": name} for name in retain["ExcludeRetainedVariantProperties"]]
        retain = {**retain, "ExcludeRetainedVariantProperties": types}
    client("UpdateEndpoint", EndpointName="e", EndpointConfigName="next", **retain)
    pending = client("DescribeEndpoint", EndpointName="e")["PendingDeploymentSummary"]["ProductionVariants"]
    assert [v["VariantName"] for v in pending] == ["b", "a"]
    assert (pending[1]["DesiredWeight"], pending[1]["DesiredInstanceCount"]) == expected
    serve(client)
    assert numbers(client)["a"] == (expected[0], *expected)


def test_what_is_kept_must_leave_somebody_to_answer(client: Client) -> None:
    serve(client)
    change(client, {"VariantName": "a", "DesiredWeight": 0.0})
    serve(client)
    client("CreateModel", ModelName="c", PrimaryContainer={"Image": "image"})
    configure(client, "next", a=(1, 1.0), c=(1, 0.0))
    update = {"EndpointName": "e", "EndpointConfigName": "next"}
    error = client.fails("UpdateEndpoint", "ValidationException", **update, RetainAllVariantProperties=True)
    assert "weight greater than 0" in error.message
    client("UpdateEndpoint", **update)
