"""Every operation of every service, both ways: botocore's requests read by us, our responses read by botocore.

This finds what the layer cannot carry, and what a new botocore changes. It shows agreement with botocore, not with
AWS; both could misread a model in the same way.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from clary.wire.catalog import SERVICES, Catalog
from clary.wire.parsing import parse
from clary.wire.rendering import render
from clary.wire.routing import Router, Target
from tests.wire.samples import Sampler, comparable, request

ROUNDS = 2

# S3 operations with the same method, path and query as another; the other one is served.
ROUTE_TWINS = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",  # deprecated form of the same request
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",  # deprecated
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",  # deprecated
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",  # deprecated
    ("s3", "ListDirectoryBuckets"): "ListBuckets",  # told apart by the host of S3 Express only
}
# Members that a response always has, whether or not the handler gave them.
ALWAYS_THERE = {
    ("sagemaker-runtime", "InvokeEndpoint"): {"ContentType"},  # a body has a content type
    ("apigateway", "GetExport"): {"contentType"},
    ("apigateway", "GetSdk"): {"contentType"},
    ("s3", "GetObject"): {"ContentType"},
    ("s3", "GetBucketPolicy"): {"Policy"},  # the whole body: no policy and an empty one are the same
    ("lambda", "DeleteFunction"): {"StatusCode"},  # the HTTP status
    ("lambda", "InvokeAsync"): {"Status"},  # the HTTP status
}
NOT_COMPARED = {
    ("s3", "GetBucketLocation"),  # botocore reads it outside its parser: the value is the root element's text
    ("s3", "GetBucketNotification"),  # never served (see above); two of its members share one element name
}

CASES = [(service, protocol) for service, facts in Catalog().facts.items() for protocol in facts.protocols]


def test_thirty_services_are_covered() -> None:
    assert len(SERVICES) == 31
    assert {service for service, _ in CASES} == set(SERVICES)


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_requests_of_botocore_are_understood(catalog: Catalog, router: Router, service: str, protocol: str) -> None:
    sampler = Sampler(7)
    different = []
    for name in catalog.service(service).operation_names:
        operation = catalog.operation(service, name)
        shape = operation.input_shape
        for _ in range(ROUNDS):
            params = sampler.value(shape) if shape else {}
            head, body = request(operation, protocol, params)
            target = router.identify(head, body if router.needs_body(head) else None)
            expected = ROUTE_TWINS.get((service, name), name)
            assert (target.service, target.operation.name, target.protocol) == (service, expected, protocol)
            if expected == name and shape:
                sent, got = (comparable(shape, value) for value in (params, parse(target, head, body)))
                if protocol == "query":
                    sent, got = without_empty_items(sent), without_empty_items(got)
                if sent != got:
                    different.append((name, sent, got))
    assert different == []


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_responses_are_understood_by_botocore(catalog: Catalog, service: str, protocol: str) -> None:
    sampler, parser = Sampler(11), create_parser(protocol)
    different = []
    for name in catalog.service(service).operation_names:
        operation = catalog.operation(service, name)
        shape = operation.output_shape
        if operation.has_event_stream_output or shape is None or (service, name) in NOT_COMPARED:
            continue
        for _ in range(ROUNDS):
            result = sampler.value(shape)
            for member in shape.members:
                if shape.members[member].serialization.get("location") == "statusCode":
                    result[member] = 200
            response = render(Target(service, operation, protocol), result, "request-1")
            body = io.BytesIO(response.body) if operation.has_streaming_output else response.body
            raw = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": body}
            got = comparable(shape, parser.parse(raw, shape))
            for member in ALWAYS_THERE.get((service, name), ()):
                if member not in result:
                    got.pop(member, None)
            if comparable(shape, result) != got:
                different.append((name, comparable(shape, result), got))
    assert different == []


@pytest.mark.parametrize(("service", "name"), ALWAYS_THERE)
def test_each_member_that_is_always_there_still_is(catalog: Catalog, service: str, name: str) -> None:
    operation = catalog.operation(service, name)
    response = render(Target(service, operation, catalog.facts[service].protocols[0]), {}, "request-1")
    raw = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    if operation.has_streaming_output:
        raw["body"] = io.BytesIO(response.body)
    parsed = create_parser(catalog.facts[service].protocols[0]).parse(raw, operation.output_shape)
    assert set(parsed) >= ALWAYS_THERE[service, name]


def without_empty_items(value: Any) -> Any:
    """A form cannot say that a list holds a structure without members: such items are not sent at all."""
    if isinstance(value, dict):
        parts = {key: without_empty_items(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part not in ({}, [])}
    if isinstance(value, list):
        return [part for part in map(without_empty_items, value) if part not in ({}, [])]
    return value
