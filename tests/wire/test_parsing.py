from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clary.base.errors import ApiError
from clary.wire import documents, xml
from clary.wire.catalog import Catalog
from clary.wire.facts import CBOR
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from clary.wire.routing import Target
from tests.wire.shop import shop

CATALOG = Catalog()
HEAD = RequestHead("POST", "/", "", {"host": "localhost"})


def target(service: str, operation: str, protocol: str = "", **labels: str) -> Target:
    return Target(
        service, CATALOG.operation(service, operation), protocol or CATALOG.facts[service].protocols[0], labels
    )


CREATE_MODEL = target("sagemaker", "CreateModel")
TARGETS = {
    "json": target("sagemaker", "CreateTrainingJob"),
    "json with documents": target("events", "PutEvents"),
    CBOR: target("cloudwatch", "PutMetricData", CBOR),
    "query": target("iam", "CreateRole"),
    "query with lists": target("cloudwatch", "PutMetricData", "query"),
    "rest-json": target("scheduler", "CreateSchedule", Name="n"),
    "rest-json with timestamps": target("sagemaker-metrics", "BatchPutMetrics"),
    "rest-xml": target("s3", "DeleteObjects", Bucket="b"),
    "rest-xml without payload": target("s3", "PutBucketLifecycleConfiguration", Bucket="b"),
}


def refusal(request: Target, body: Any, head: RequestHead = HEAD) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse(request, head, body)
    assert 400 <= caught.value.status < 500
    return caught.value


def test_a_body_becomes_parameters_and_unknown_members_are_dropped() -> None:
    body = b'{"ModelName":"m","PrimaryContainer":{"Image":"i","Environment":{"a":"b"}},"Unheard":1,"VpcConfig":null}'
    assert parse(CREATE_MODEL, HEAD, body) == {
        "ModelName": "m",
        "PrimaryContainer": {"Image": "i", "Environment": {"a": "b"}},
    }
    assert parse(CREATE_MODEL, HEAD, b"") == {}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "Could not parse"),
        (b"[]", "Unexpected value"),
        (b'"x"', "Unexpected value"),
        (b'{"ModelName":NaN}', "Could not parse"),
        (b'{"ModelName":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"ModelName":true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"ModelName":{}}', "Start of structure or map found where not expected."),
        (b'{"ModelName":["a"]}', "Start of list found where not expected"),
        (b'{"Tags":{}}', "Expected list or null"),
        (b'{"PrimaryContainer":[]}', "Unexpected value where a structure was expected"),
        (b'{"PrimaryContainer":{"Environment":[]}}', "Expected map or null"),
        (b'{"EnableNetworkIsolation":"true"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"ModelName":"\\ud800"}', "not valid Unicode"),
        (b'{"PrimaryContainer":{"Environment":{"\\ud800":"v"}}}', "not valid Unicode"),
        (b'{"ModelName":"\xff"}', "Could not parse"),
    ],
)
def test_json_of_the_wrong_type(body: bytes, text: str) -> None:
    error = refusal(CREATE_MODEL, body)
    assert (error.code, error.status) == ("SerializationException", 400)
    assert text in error.message


@pytest.mark.parametrize("value", ["1.5", '"1"', "true", "2147483648", "-2147483649", "1e3", "[1]", "9" * 5000])
def test_integers_are_integers(value: str) -> None:
    refusal(target("sagemaker", "ListModels"), b'{"MaxResults":%s}' % value.encode())


@pytest.mark.parametrize("value", ["1e999", '"yesterday"', "true", "-1e12", '"2026-13-01T00:00:00Z"', "{}", '"NaN"'])
def test_timestamps_are_timestamps(value: str) -> None:
    refusal(target("sagemaker", "ListModels"), b'{"CreationTimeAfter":%s}' % value.encode())


@pytest.mark.parametrize(
    "value", ["1767225600", "1767225600.0", '"2026-01-01T00:00:00Z"', '"2026-01-01T01:00:00+01:00"']
)
def test_timestamps_come_in_several_forms(value: str) -> None:
    got = parse(target("sagemaker", "ListModels"), HEAD, b'{"CreationTimeAfter":%s}' % value.encode())
    assert got["CreationTimeAfter"].isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("depth", [65, 900, 100_000])
def test_deep_json_is_refused(depth: int) -> None:
    error = refusal(CREATE_MODEL, b'{"ModelName":' + b"[" * depth + b"]" * depth + b"}")
    assert error.code == "SerializationException"
    refusal(CREATE_MODEL, b'{"Unheard":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}")
    refusal(target("scheduler", "CreateSchedule", Name="n"), b"[" * depth)


def test_many_brackets_on_one_level_are_fine() -> None:
    body = json.dumps({"ModelName": "m", "Tags": [{"Key": str(n), "Value": "v"} for n in range(1000)]}).encode()
    assert len(parse(CREATE_MODEL, HEAD, body)["Tags"]) == 1000


METRICS = target("cloudwatch", "PutMetricData", CBOR)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\xa1",
        b"\x80",
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        cbor2.dumps({"Namespace": 1}),
        cbor2.dumps({"Namespace": b"x"}),
        cbor2.dumps({"MetricData": {}}),
        cbor2.dumps({"MetricData": [{"Timestamp": "yesterday", "MetricName": "m"}]}),
        cbor2.dumps({"MetricData": [{"Value": "x"}]}),
        cbor2.dumps({"MetricData": [{"StorageResolution": 1 << 40}]}),
        cbor2.dumps({"MetricData": [{"StorageResolution": 1 << 90}]}),
        b"\xa1\x69Namespace\xf7",
        b"\xa1\x69Namespace\xd8\x23\x61(",  # a regular expression
        b"\xd8\x1c\xa1\x6aMetricData\x81\xd8\x1d\x00",  # a map that holds itself
        b"\xa1\x6aMetricData" + b"\x81" * 100 + b"\x00",
        b"\xa1\x6aMetricData" + b"\x81" * 100_000 + b"\x00",
        b"\xa1\xa0\x00",
    ],
)
def test_malformed_cbor(body: bytes) -> None:
    assert refusal(METRICS, body).code == "SerializationException"


def test_cbor_timestamps_have_tag_1() -> None:
    body = cbor2.dumps({"MetricData": [{"MetricName": "m", "Timestamp": cbor2.CBORTag(1, 1767225600.5)}]})
    moment = parse(METRICS, HEAD, body)["MetricData"][0]["Timestamp"]
    assert moment.isoformat() == "2026-01-01T00:00:00.500000+00:00"


DELETE_OBJECTS = target("s3", "DeleteObjects", Bucket="b")
ENTITIES = b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>'


@pytest.mark.parametrize(
    "body",
    [
        b"<",
        b"<Delete>",
        b"<Delete></Other>",
        b"<Other/>",
        b"\x00\xff",
        b"<Delete><Object><Key><b/></Key></Object></Delete>",
        b"<Delete><Quiet>perhaps</Quiet></Delete>",
        ENTITIES,
        b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><Delete/>',
        b"<!DOCTYPE Delete><Delete/>",
        b"<Delete>" * 100 + b"</Delete>" * 100,
        b"<a>" * 100_000,
        b'<?xml version="1.0" encoding="no-such"?><Delete/>',
        b"<Delete>&nbsp;</Delete>",
    ],
)
def test_malformed_xml(body: bytes) -> None:
    error = refusal(DELETE_OBJECTS, body)
    assert (error.code, error.status) == ("MalformedXML", 400)


def test_xml_with_and_without_namespace() -> None:
    plain = b"<Delete><Object><Key>a&lt;b\n</Key></Object><Quiet>true</Quiet></Delete>"
    spaced = plain.replace(b"<Delete>", b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')
    prefixed = b'<s:Delete xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"><s:Object><s:Key>k</s:Key></s:Object></s:Delete>'
    expected = {"Bucket": "b", "Delete": {"Objects": [{"Key": "a<b\n"}], "Quiet": True}}
    assert parse(DELETE_OBJECTS, HEAD, plain) == parse(DELETE_OBJECTS, HEAD, spaced) == expected
    assert parse(DELETE_OBJECTS, HEAD, prefixed)["Delete"] == {"Objects": [{"Key": "k"}]}


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateRole&MaxSessionDuration=soon",
        b"Action=CreateRole&MaxSessionDuration=99999999999",
        b"Action=CreateRole&MaxSessionDuration.x=1",
        b"Action=CreateRole&Path=\xff",
        b"Action=CreateRole&" + b".".join([b"a"] * 100) + b"=1",
        b"Action=CreateRole&Tags.member.1.Key.x=1",
        b"&".join([b"a=1"] * 50_000),
    ],
)
def test_malformed_forms(body: bytes) -> None:
    assert refusal(target("iam", "CreateRole"), body).code == "MalformedInput"


def test_a_body_of_very_many_values_is_refused() -> None:
    numbers = [1] * (documents.MOST_VALUES + 1)
    for request, body in (
        (TARGETS[CBOR], cbor2.dumps({"MetricData": [{"Values": numbers}]})),
        (TARGETS["json"], json.dumps({"MetricData": numbers}).encode()),
    ):
        assert refusal(request, body).message == "The request body has too many values"
    assert len(parse(TARGETS[CBOR], HEAD, cbor2.dumps({"MetricData": [{"Values": numbers[9:]}]}))["MetricData"]) == 1
    assert refusal(DELETE_OBJECTS, b"<Delete>" + b"<a/>" * xml.MOST_ELEMENTS + b"</Delete>").code == "MalformedXML"


def test_forms_keep_the_order_of_numbers_not_of_arrival() -> None:
    body = (
        b"Tags.member.10.Key=j&Tags.member.2.Key=b&Tags.member.x.Key=x&Tags.member.9999999999.Key=n&RoleName=r%20%2B"
    )
    got = parse(target("iam", "CreateRole"), HEAD, body)
    assert got == {"RoleName": "r +", "Tags": [{"Key": "b"}, {"Key": "j"}]}


def s3(operation: str, query: str = "", **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = target("s3", operation, Bucket="b", Key="k")
    return parse(request, RequestHead("GET", "/b/k", query, named), b"")


def test_rest_bindings() -> None:
    assert s3("GetObject", "partNumber=7&response-content-type=a%2Fb+c", range="bytes=0-1") == {
        "Bucket": "b",
        "Key": "k",
        "PartNumber": 7,
        "ResponseContentType": "a/b c",
        "Range": "bytes=0-1",
    }
    got = s3("PutObject", x_amz_meta_color="red", content_length="0", content_encoding="aws-chunked")
    assert got == {"Bucket": "b", "Key": "k", "Metadata": {"color": "red"}, "ContentLength": 0}
    assert s3("PutObject", content_encoding="gzip, aws-chunked")["ContentEncoding"] == "gzip"
    since = s3("GetObject", if_modified_since="Thu, 01 Jan 2026 00:00:00 GMT")["IfModifiedSince"]
    assert since.isoformat() == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("operation", "query", "headers"),
    [
        ("GetObject", "partNumber=x", {}),
        ("GetObject", "partNumber=99999999999", {}),
        ("GetObject", "", {"if_modified_since": "some day"}),
        ("PutObject", "", {"content_length": "-"}),
        ("PutObject", "", {"x_amz_meta_a": "\udcff"}),
        ("ListObjectsV2", "max-keys=1.5", {}),
        ("ListObjectsV2", "fetch-owner=maybe", {}),
        ("ListObjectsV2", "prefix=\udcff", {}),
    ],
)
def test_bad_headers_and_queries(operation: str, query: str, headers: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        s3(operation, query, **headers)
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)


def test_streams_are_passed_on_untouched() -> None:
    stream = object()
    put = target("s3", "PutObject", Bucket="b", Key="k")
    assert parse(put, HEAD, stream)["Body"] is stream
    invoke = target("sagemaker-runtime", "InvokeEndpoint", EndpointName="e")
    assert parse(invoke, HEAD, b"\xff\x00")["Body"] == b"\xff\x00"


def test_a_text_payload_must_be_text() -> None:
    put_policy = target("s3", "PutBucketPolicy", Bucket="b")
    assert parse(put_policy, HEAD, b"{}")["Policy"] == "{}"
    refusal(put_policy, b"\xff")


def outcome(request: Target, head: RequestHead, body: bytes) -> int:
    """200, or the status of the refusal; any other exception is a failure of the test."""
    try:
        json.dumps(parse(request, head, body), default=str, ensure_ascii=False).encode()
    except ApiError as error:
        return error.status
    return 200


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted({name for request in TARGETS.values() for name in request.operation.input_shape.members})


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(sorted(TARGETS)), body=st.binary(max_size=200))
@example(kind="query", body=b"%")
def test_raw_bytes_never_break_the_parser(kind: str, body: bytes) -> None:
    assert outcome(TARGETS[kind], HEAD, body) in (200, 400)


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(sorted(TARGETS)), document=st.dictionaries(st.sampled_from(NAMES), JSONISH, max_size=4))
def test_wrong_documents_never_break_the_parser(kind: str, document: dict[str, Any]) -> None:
    request = TARGETS[kind]
    if request.protocol == CBOR:
        body = cbor2.dumps(document)
    elif request.protocol in ("json", "rest-json"):
        body = json.dumps(document, default=repr).encode()
    elif request.protocol == "query":
        body = "&".join(f"{name}.member.1={value}" for name, value in document.items()).encode("utf-8", "replace")
    else:
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in document.items())
        body = f"<Delete>{inner}</Delete>".encode("utf-8", "replace")
    assert outcome(request, HEAD, body) in (200, 400)


@settings(max_examples=200, deadline=None)
@given(
    query=st.text(max_size=40),
    value=st.text(max_size=20),
    name=st.sampled_from(["range", "if-match", "x-amz-meta-a"]),
)
def test_any_query_and_header_is_answered(query: str, value: str, name: str) -> None:
    head = RequestHead("GET", "/b/k", query, {name: value})
    for operation in ("GetObject", "ListObjectsV2", "PutObject"):
        assert outcome(target("s3", operation, Bucket="b", Key="k"), head, b"") in (200, 400)


@pytest.mark.parametrize("name", ["item", "Part"])
def test_items_of_flattened_lists_go_by_either_name(name: str) -> None:
    """botocore uses the list's name for its items; clients made from newer models use the member's."""
    form = f"Action=PlaceOrder&Version=2026-01-01&{name}.1=wheel&{name}.2=axle".encode()
    assert parse(shop("query"), RequestHead("POST", "/", "", {}), form)["Parts"] == ["wheel", "axle"]
    xml = f"<Order><{name}>wheel</{name}><{name}>axle</{name}></Order>".encode()
    assert parse(shop("rest-xml"), RequestHead("POST", "/order", "", {}), xml)["Parts"] == ["wheel", "axle"]


def test_a_map_of_headers_without_a_prefix_takes_all() -> None:
    values = parse(shop("rest-json"), RequestHead("POST", "/order", "", {"x-a": "1", "b": "2"}), b"")
    assert values["All"] == {"x-a": "1", "b": "2"}


@pytest.mark.parametrize("mode", ["enabled", "ENABLED", "Enabled"])
def test_the_checksum_mode_is_read_in_any_case(catalog: Catalog, mode: str) -> None:
    request = Target("s3", catalog.operation("s3", "GetObject"), "rest-xml", {"Bucket": "b", "Key": "k"})
    assert (
        parse(request, RequestHead("GET", "/b/k", "", {"x-amz-checksum-mode": mode}), b"")["ChecksumMode"]
        == "ENABLED"
    )
