from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.handlers import parse_get_bucket_location
from botocore.parsers import create_parser

from clary.base.errors import AccessDenied, ApiError, NotServed, ResourceNotFound, ValidationException
from clary.wire.catalog import Catalog
from clary.wire.facts import CBOR
from clary.wire.http import Response
from clary.wire.rendering import localize, render, render_error
from clary.wire.routing import Target
from tests.wire.shop import shape, shop

CATALOG = Catalog()
RID = "11111111-2222-3333-4444-555555555555"


def target(service: str, operation: str, protocol: str = "") -> Target:
    return Target(service, CATALOG.operation(service, operation), protocol or CATALOG.facts[service].protocols[0])


def read_by_botocore(request: Target, response: Response) -> dict[str, Any]:
    raw = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    return create_parser(request.protocol).parse(raw, request.operation.output_shape)


IN_EVERY_PROTOCOL = [
    target("sagemaker", "DescribeTrainingJob"),
    target("stepfunctions", "StartExecution"),
    target("sagemaker-runtime", "InvokeEndpoint"),
    target("s3", "GetBucketPolicy"),
    target("iam", "GetRole"),
    target("cloudwatch", "PutMetricData", CBOR),
    target("cloudwatch", "PutMetricData", "json"),
    target("cloudwatch", "PutMetricData", "query"),
]


@pytest.mark.parametrize(
    "request_target", IN_EVERY_PROTOCOL, ids=lambda request: f"{request.service}-{request.protocol}"
)
@pytest.mark.parametrize(
    "error",
    [
        ApiError("Could not find <model> & é", code="UnheardOf", status=400),
        NotServed("DescribeX is not served"),
        ApiError("Something broke"),
        ApiError("Slow down", code="ThrottlingException", status=429),
    ],
    ids=lambda error: error.code,
)
def test_errors_are_understood_by_botocore(request_target: Target, error: ApiError) -> None:
    response = render_error(request_target, error, RID, "/bucket")
    parsed = read_by_botocore(request_target, response)
    assert response.status == error.status
    assert parsed["Error"]["Code"] == error.code
    assert parsed["Error"]["Message"] == error.message
    assert parsed["ResponseMetadata"]["RequestId"] == RID
    assert all(name == name.lower() for name in response.headers)


@pytest.mark.parametrize("protocol", ["json", "rest-json", "rest-xml", "query", CBOR])
def test_errors_without_a_target(protocol: str) -> None:
    response = render_error(protocol, ApiError("No", code="UnknownOperationException", status=400), RID)
    raw = {"status_code": 400, "headers": HeadersDict(response.headers), "body": response.body}
    parsed = create_parser(protocol).parse(raw, CATALOG.operation("iam", "GetRole").output_shape)
    assert parsed["Error"]["Code"] == "UnknownOperationException"


def test_json_errors() -> None:
    response = render_error(target("sagemaker", "DescribeTrainingJob"), ResourceNotFound("gone"), RID)
    assert json.loads(response.body) == {"__type": "ResourceNotFound", "Message": "gone"}
    assert response.headers == {"x-amzn-requestid": RID, "content-type": "application/x-amz-json-1.1"}
    started = render_error(target("stepfunctions", "StartExecution"), ApiError("x", code="Y", status=400), RID)
    assert started.headers["content-type"] == "application/x-amz-json-1.0"


def test_members_of_modelled_errors() -> None:
    error = ApiError(
        "Received server error (500) from model",
        code="ModelError",
        status=424,
        OriginalStatusCode=500,
        OriginalMessage="boom",
        LogStreamArn=None,
    )
    request = target("sagemaker-runtime", "InvokeEndpoint")
    response = render_error(request, error, RID)
    assert response.status == 424
    assert response.headers["x-amzn-errortype"] == "ModelError"
    document = json.loads(response.body)
    assert document["OriginalStatusCode"] == 500
    assert document["OriginalMessage"] == "boom"
    assert "LogStreamArn" not in document
    throttled = ApiError("slow", code="TooManyRequestsException", status=429, retryAfterSeconds="3", Reason="x")
    response = render_error(target("lambda", "Invoke"), throttled, RID)
    assert response.headers["retry-after"] == "3"


def test_services_that_were_query_once_get_the_old_code_in_a_header() -> None:
    error = ApiError("no queue", code="QueueDoesNotExist", status=400)
    response = render_error(target("sqs", "ReceiveMessage"), error, RID)
    assert response.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    parsed = read_by_botocore(target("sqs", "ReceiveMessage"), response)
    assert parsed["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert parsed["Error"]["QueryErrorCode"] == "QueueDoesNotExist"


def test_a_name_goes_before_a_code() -> None:
    """cloudwatch has a shape ResourceNotFound, and another one whose query code is ResourceNotFound."""
    request = target("cloudwatch", "GetDashboard", "json")
    document = json.loads(render_error(request, ApiError("gone", code="ResourceNotFound", status=404), RID).body)
    assert document["__type"] == "ResourceNotFound"
    response = render_error(request, ApiError("bad", code="ValidationError", status=400), RID)
    assert json.loads(response.body)["__type"] == "ValidationException"
    assert response.headers["x-amzn-query-error"] == "ValidationError;Sender"


@pytest.mark.parametrize("code", ["NoSuchEntity", "NoSuchEntityException"])
def test_query_errors_carry_the_code_of_the_model(code: str) -> None:
    request = target("iam", "GetRole")
    body = render_error(request, ApiError("gone", code=code, status=404), RID).body
    assert b"<Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message>" in body
    fault = render_error(request, ApiError("broken"), RID).body
    assert b"<Type>Receiver</Type>" in fault


def test_s3_errors() -> None:
    error = ApiError("The specified key does not exist.", code="NoSuchKey", status=404, Key="a<b")
    response = render_error(target("s3", "GetObject"), error, RID, "/b/a<b")
    text = response.body.decode()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>')
    assert "<Key>a&lt;b</Key><Resource>/b/a&lt;b</Resource>" in text
    assert f"<RequestId>{RID}</RequestId><HostId>{response.headers['x-amz-id-2']}</HostId>" in text
    assert response.headers["x-amz-request-id"] == RID


def test_answers_without_body() -> None:
    missing = ApiError("Not Found", code="NoSuchKey", status=404)
    assert render_error(target("s3", "HeadObject"), missing, RID).body == b""
    assert render_error("rest-xml", missing, RID, method="HEAD").body == b""
    assert render_error(target("s3", "GetObject"), ApiError("x", code="NotModified", status=304), RID).body == b""
    head = render(target("s3", "HeadObject"), {"ContentLength": 5, "Metadata": {"a": "b"}}, RID)
    assert (head.body, head.headers["content-length"], head.headers["x-amz-meta-a"]) == (b"", "5", "b")
    assert render(target("s3", "DeleteBucket"), {}, RID).status == 204


def test_streams_are_passed_on_untouched() -> None:
    stream = io.BytesIO(b"x")
    response = render(target("s3", "GetObject"), {"Body": stream, "ContentType": "text/csv"}, RID)
    assert response.body is stream
    assert response.headers["content-type"] == "text/csv"
    events = iter([])
    result = {"Body": events, "InvokedProductionVariant": "v"}
    response = render(target("sagemaker-runtime", "InvokeEndpointWithResponseStream"), result, RID)
    assert response.body is events
    assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
    assert response.headers["x-amzn-invoked-production-variant"] == "v"


def test_a_header_cannot_end_its_line() -> None:
    result = {"Metadata": {"a": "b\r\nSet-Cookie: c"}, "ContentDisposition": "x\ny"}
    headers = render(target("s3", "HeadObject"), result, RID).headers
    assert headers["x-amz-meta-a"] == "b  Set-Cookie: c"
    assert headers["content-disposition"] == "x y"


def test_the_bucket_location_is_read_by_botocores_handler() -> None:
    for region in ("eu-west-1", None):
        response = render(target("s3", "GetBucketLocation"), {"LocationConstraint": region}, RID)
        parsed: dict[str, Any] = {}
        parse_get_bucket_location(parsed, SimpleNamespace(raw=response.body, content=response.body))
        assert parsed["LocationConstraint"] == region


def test_xml_survives_characters_it_cannot_hold() -> None:
    contents = [{"Key": "a\x01b\r\nc\ud800", "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}]
    request = target("s3", "ListObjectsV2")
    response = render(request, {"Contents": contents}, RID)
    assert b"<ListBucketResult xmlns=" in response.body
    parsed = read_by_botocore(request, response)
    assert parsed["Contents"][0]["Key"] == "a\ufffdb\r\nc\ufffd"


def test_numbers_json_does_not_have_are_words() -> None:
    request = target("sagemaker", "DescribeTrainingJob")
    metrics = [{"MetricName": "loss", "Value": float(word)} for word in ("nan", "inf", "-inf")]
    document = json.loads(render(request, {"FinalMetricDataList": metrics}, RID).body)
    assert [metric["Value"] for metric in document["FinalMetricDataList"]] == ["NaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("sagemaker", "AccessDeniedException", 400),
        ("sagemaker-runtime", "AccessDeniedException", 403),
        ("logs", "AccessDeniedException", 400),
        ("cloudwatch", "AccessDenied", 403),
        ("lambda", "AccessDeniedException", 403),
        ("s3", "AccessDenied", 403),
        ("iam", "AccessDenied", 403),
        ("sts", "AccessDenied", 403),
    ],
)
def test_access_denied_in_each_services_words(service: str, code: str, status: int) -> None:
    error = localize(service, AccessDenied("no", Reason="policy"))
    assert (error.code, error.status, error.message, error.members) == (code, status, "no", {"Reason": "policy"})


def test_localize_leaves_the_services_own_errors_alone() -> None:
    own = ResourceNotFound("gone")
    assert localize("sagemaker", own) is own
    explicit = ValidationException("x", code="InvalidInput")
    assert localize("iam", explicit) is explicit
    assert localize("iam", ValidationException("x")).code == "ValidationError"
    assert localize("sagemaker", ValidationException("x")).code == "ValidationException"


@pytest.mark.parametrize("protocol", ["json", CBOR, "rest-json", "query", "rest-xml"])
def test_a_structure_in_an_error_is_read_by_botocore(protocol: str) -> None:
    place = shop(protocol)
    error = ApiError("none left", code="SoldOut", status=409, Nearest={"Shelf": "a<b", "Row": 4}, Again="tomorrow")
    response = render_error(place, error, RID)
    raw = {"status_code": 409, "headers": HeadersDict(response.headers), "body": response.body}
    said = create_parser(protocol).parse(raw, None)["Error"]
    assert (said["Code"], said["Message"]) == ("SoldOut", "none left")
    parsed = create_parser(protocol).parse(raw, shape("SoldOut", place))
    assert parsed["Nearest"] == {"Shelf": "a<b", "Row": 4}
    assert response.headers["x-again"] == "tomorrow"


def test_a_list_may_have_holes_where_the_protocol_has_nulls() -> None:
    for protocol in ("json", CBOR):
        place = shop(protocol)
        response = render(place, {"Places": [{"Row": 1}, None]}, RID)
        assert read_by_botocore(place, response)["Places"] == [{"Row": 1}, None]


def test_headers_that_hold_documents_or_all_names() -> None:
    response = render(shop("rest-json"), {"Note": {"a": [1, 2]}, "All": {"X-One": "1"}}, RID)
    assert json.loads(base64.b64decode(response.headers["x-note"])) == {"a": [1, 2]}
    assert b" " not in base64.b64decode(response.headers["x-note"])
    assert response.headers["x-one"] == "1"


def test_text_is_text_and_policies_are_json() -> None:
    assert render(shop("rest-json", "Slip"), {"Text": "thank you"}, RID).headers["content-type"] == "text/plain"
    policy = render(target("s3", "GetBucketPolicy"), {"Policy": '{"Version":"2012-10-17"}'}, RID)
    assert policy.headers["content-type"] == "application/json"
