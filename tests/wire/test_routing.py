from __future__ import annotations

import pytest

from clary.base.errors import ApiError
from clary.wire import routing
from clary.wire.catalog import Catalog
from clary.wire.facts import CBOR
from clary.wire.http import RequestHead
from clary.wire.routing import Router, Target
from tests.wire.samples import SCOPE

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def head(method: str, url: str, signed_as: str = "", **headers: str) -> RequestHead:
    path, _, query = url.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("host", "localhost:4600")
    if signed_as:
        named["authorization"] = SCOPE.format(signed_as, "0" * 64)
    return RequestHead(method, path, query, named)


def name_of(target: Target) -> str:
    return f"{target.service}.{target.operation.name}"


@pytest.mark.parametrize(
    ("request_head", "expected", "protocol"),
    [
        (head("POST", "/", "sagemaker", x_amz_target="SageMaker.CreateModel"), "sagemaker.CreateModel", "json"),
        (head("POST", "/", "sqs", x_amz_target="AmazonSQS.SendMessage"), "sqs.SendMessage", "json"),
        (
            head("POST", "/", "monitoring", x_amz_target="GraniteServiceVersion20100801.PutMetricData"),
            "cloudwatch.PutMetricData",
            "json",
        ),
        (
            head(
                "POST",
                "/service/GraniteServiceVersion20100801/operation/PutMetricData",
                "monitoring",
                smithy_protocol="rpc-v2-cbor",
            ),
            "cloudwatch.PutMetricData",
            CBOR,
        ),
        (head("POST", "/endpoints/x/invocations", "sagemaker"), "sagemaker-runtime.InvokeEndpoint", "rest-json"),
        (
            head("GET", "/FeatureGroup/fg?RecordIdentifierValueAsString=1", "sagemaker"),
            "sagemaker-featurestore-runtime.GetRecord",
            "rest-json",
        ),
        (head("PUT", "/BatchPutMetrics", "sagemaker"), "sagemaker-metrics.BatchPutMetrics", "rest-json"),
        (head("GET", "/", "s3"), "s3.ListBuckets", "rest-xml"),
        (head("GET", "/bucket", "s3"), "s3.ListObjects", "rest-xml"),
        (head("GET", "/bucket/?list-type=2&prefix=a", "s3"), "s3.ListObjectsV2", "rest-xml"),
        (head("GET", "/bucket/a/b//c", "s3"), "s3.GetObject", "rest-xml"),
        (head("PUT", "/bucket/k?partNumber=1&uploadId=u", "s3"), "s3.UploadPart", "rest-xml"),
        (head("PUT", "/bucket/k", "s3", x_amz_copy_source="/b/k"), "s3.CopyObject", "rest-xml"),
        (
            head("PUT", "/bucket/k?partNumber=1&uploadId=u", "s3", x_amz_copy_source="/b/k"),
            "s3.UploadPartCopy",
            "rest-xml",
        ),
        (head("POST", "/bucket?delete", "s3"), "s3.DeleteObjects", "rest-xml"),
        (head("POST", "/bucket/k?uploads=", "s3"), "s3.CreateMultipartUpload", "rest-xml"),
        (head("GET", "/bucket/k?x-id=GetObject&response-content-type=a", "s3"), "s3.GetObject", "rest-xml"),
        (head("HEAD", "/bucket/k"), "s3.HeadObject", "rest-xml"),
        (head("POST", "/endpoints/x/invocations"), "sagemaker-runtime.InvokeEndpoint", "rest-json"),
        (head("GET", "/restapis", "apigateway"), "apigateway.GetRestApis", "rest-json"),
        (head("GET", "/2015-03-31/functions", "lambda"), "lambda.ListFunctions", "rest-json"),
    ],
)
def test_requests_find_their_operation(
    router: Router, request_head: RequestHead, expected: str, protocol: str
) -> None:
    assert not router.needs_body(request_head)
    target = router.identify(request_head)
    assert (name_of(target), target.protocol) == (expected, protocol)
    assert router.protocol(request_head) == protocol or "authorization" not in request_head.headers


@pytest.mark.parametrize(
    ("signed_as", "body", "expected"),
    [
        ("sts", b"Action=GetCallerIdentity&Version=2011-06-15", "sts.GetCallerIdentity"),
        ("iam", b"Action=GetRole&RoleName=r", "iam.GetRole"),
        ("monitoring", b"Action=PutMetricData&Version=2010-08-01", "cloudwatch.PutMetricData"),
        ("", b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "sts.AssumeRoleWithWebIdentity"),
    ],
)
def test_query_requests_need_their_body(router: Router, signed_as: str, body: bytes, expected: str) -> None:
    request_head = head("POST", "/", signed_as, content_type=FORM)
    assert router.needs_body(request_head)
    assert router.protocol(request_head) == "query"
    target = router.identify(request_head, body)
    assert (name_of(target), target.protocol) == (expected, "query")


def test_forms_for_unknown_services_are_answered_in_their_form(router: Router) -> None:
    assert router.protocol(head("POST", "/", "ec2", content_type=FORM)) == "query"
    assert router.protocol(head("POST", "/2013-04-01/x", "route53", content_type=FORM)) == "rest-json"


def test_an_action_in_the_query_string_needs_no_body(router: Router) -> None:
    request_head = head("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "sts")
    assert not router.needs_body(request_head)
    assert name_of(router.identify(request_head)) == "sts.GetCallerIdentity"


@pytest.mark.parametrize(
    ("host", "path", "bucket", "key"),
    [
        ("localhost:4600", "/b/k", "b", "k"),
        ("127.0.0.1:4600", "/b/k", "b", "k"),
        ("[::1]:4600", "/b/k", "b", "k"),
        ("b.localhost:4600", "/k", "b", "k"),
        ("my.bucket.localhost", "/k/l", "my.bucket", "k/l"),
        ("b.s3.localhost:4600", "/k", "b", "k"),
        ("s3.localhost:4600", "/b/k", "b", "k"),
        ("my.bucket.s3.eu-west-1.amazonaws.com", "/k", "my.bucket", "k"),
        ("b.s3-eu-west-1.amazonaws.com", "/k", "b", "k"),
        ("s3.eu-west-1.amazonaws.com", "/b/k", "b", "k"),
        ("localhost", "/b/a%20b%2Fc/%C3%A9+", "b", "a b/c/é+"),
        ("localhost", "/b//lead/../x/", "b", "/lead/../x/"),
    ],
)
def test_s3_buckets_in_path_and_host(router: Router, host: str, path: str, bucket: str, key: str) -> None:
    target = router.identify(head("GET", path, "s3", host=host))
    assert target.path_parameters == {"Bucket": bucket, "Key": key}


@pytest.mark.parametrize("host", ["sync-localhost:4600", "sync-127.0.0.1:4600", "stream-localhost"])
def test_host_prefixes_of_boto3_change_nothing(router: Router, host: str) -> None:
    start = head("POST", "/", "states", x_amz_target="AWSStepFunctions.StartSyncExecution", host=host)
    assert name_of(router.identify(start)) == "stepfunctions.StartSyncExecution"
    assert router.identify(head("GET", "/b/k", "s3", host=host)).path_parameters == {"Bucket": "b", "Key": "k"}


def test_base_hosts_are_configurable(catalog: Catalog) -> None:
    router = Router(catalog, base_hosts=["Clary.Example"])
    target = router.identify(head("GET", "/k", "s3", host="b.clary.example:80"))
    assert target.path_parameters == {"Bucket": "b", "Key": "k"}


def test_a_missing_parameter_never_widens_the_operation(router: Router) -> None:
    """Deleting an analytics configuration without its id must not delete the bucket."""
    assert name_of(router.identify(head("DELETE", "/b?analytics", "s3"))) == "s3.DeleteBucketAnalyticsConfiguration"
    assert name_of(router.identify(head("GET", "/b/k?attributes", "s3"))) == "s3.GetObjectAttributes"


@pytest.mark.parametrize(
    ("request_head", "body", "code", "status"),
    [
        (head("POST", "/", "sagemaker", x_amz_target="SageMaker.NoSuch"), None, "UnknownOperationException", 400),
        (head("POST", "/", "sagemaker", x_amz_target="NoSuch.CreateModel"), None, "UnknownOperationException", 400),
        (head("POST", "/", "sagemaker", x_amz_target=""), None, "UnknownOperationException", 400),
        (head("POST", "/", "sts", x_amz_target="sts.GetCallerIdentity"), None, "UnknownOperationException", 400),
        (head("POST", "/x", "sqs", smithy_protocol="rpc-v2-cbor"), None, "UnknownOperationException", 404),
        (
            head("POST", "/service/AmazonSQS/operation/SendMessage", "sqs", smithy_protocol="rpc-v2-cbor"),
            None,
            "UnknownOperationException",
            400,
        ),
        (head("GET", "/nothing/here", "sagemaker"), None, "UnknownOperationException", 404),
        (head("GET", "/", "no-such-service"), None, "NotImplemented", 501),
        (head("POST", "/", "athena", x_amz_target="AmazonAthena.ListWorkGroups"), None, "NotImplemented", 501),
        (
            head("POST", "/", "ec2", content_type=FORM),
            b"Action=DescribeVpcs&Version=2016-11-15",
            "NotImplemented",
            501,
        ),
        (head("POST", "/", "sts"), b"Version=2011-06-15", "MissingAction", 400),
        (head("POST", "/", "sts"), b"Action=NoSuch", "InvalidAction", 400),
        (head("POST", "/", "sts"), b"Action=GetCallerIdentity&Version=1999-01-01", "InvalidAction", 400),
        (head("POST", "/", "sts"), b"Action=\xff", "MalformedInput", 400),
        (head("POST", "/", "sts"), b"&".join([b"a=1"] * 50_000), "MalformedInput", 400),
        (head("PATCH", "/b/k", "s3"), None, "MethodNotAllowed", 405),
        (head("GET", "/b/%ff", "s3"), None, "InvalidURI", 400),
        (head("PATCH", "/b/k"), None, "MethodNotAllowed", 405),
    ],
)
def test_unknown_operations(
    router: Router, request_head: RequestHead, body: bytes | None, code: str, status: int
) -> None:
    with pytest.raises(ApiError) as caught:
        router.identify(request_head, body)
    assert (caught.value.code, caught.value.status) == (code, status)


def test_of_a_form_little_is_read_before_its_sender_is_known(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding megabytes of escapes takes seconds, and compressed they are some kilobytes."""
    monkeypatch.setattr(routing, "parse_qsl", lambda *_, **__: pytest.fail("the whole form is read"))
    body = b"x=" + b"%41" * 100_000 + b"&Action=GetCallerIdentity&Version=2011-06-15&Action=Get%43allerIdentity"
    assert router.identify(head("POST", "/", "sts"), body).operation.name == "GetCallerIdentity"
    with pytest.raises(ApiError) as caught:
        router.identify(head("POST", "/", "sts"), b"Action=" + b"%41" * 100_000)
    assert caught.value.code == "InvalidAction"


def test_streams_and_events(router: Router) -> None:
    assert router.identify(head("PUT", "/b/k", "s3")).streams_input
    assert not router.identify(head("PUT", "/b?policy", "s3")).streams_input
    assert not router.identify(head("POST", "/endpoints/e/invocations", "sagemaker")).streams_input
    streamed = router.identify(head("POST", "/endpoints/e/invocations-response-stream", "sagemaker"))
    assert streamed.event_stream_output
    assert streamed.signing_name == "sagemaker"
    assert not router.identify(head("GET", "/b/k", "s3")).event_stream_output


def test_a_request_loads_only_the_models_that_share_its_signing_name() -> None:
    catalog = Catalog()
    router = Router(catalog)
    router.identify(head("POST", "/endpoints/x/invocations", "sagemaker"))
    assert "sagemaker" not in catalog._models
    assert all(catalog.facts[name].signing_name == "sagemaker" for name in catalog._models)


def test_of_a_repeated_query_name_the_first_value_counts(router: Router) -> None:
    target = router.identify(head("GET", "/b?list-type=2&list-type=1", "s3"))
    assert target.operation.name == "ListObjectsV2"
