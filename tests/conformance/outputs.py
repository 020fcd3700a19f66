"""Cases of responses: what Clary writes for a result or an error, botocore must read as just that.

Where a case shows the bytes of a response they are compared too, as documents: names, values and order of lists
count, white space, order of members and namespaces do not.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import cbor2
from botocore.awsrequest import HeadersDict
from botocore.eventstream import EventStream
from botocore.parsers import PROTOCOL_PARSERS, ResponseParserError
from botocore.utils import parse_timestamp

from clary.base.errors import ApiError
from clary.wire.eventstream import event, event_stream_shape, initial_response
from clary.wire.facts import CBOR
from clary.wire.http import Response
from clary.wire.rendering import render, render_error
from clary.wire.xml import Element, load_xml
from tests.conformance.corpora import Case
from tests.conformance.values import equal, meant, written

_ID = "request-id"
_IDENTITY = ("x-amzn-requestid", "x-amz-request-id", "x-amz-id-2")
_NOT_COMPARED = ("content-length", *_IDENTITY)


class _Raw:
    """The body of a stream of events as botocore's parser takes it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Any:
        yield self._body


def difference(case: Case) -> str:
    """What is wrong with Clary's response; empty when nothing is."""
    if "error" in case.document:
        return _of_error(case)
    shape = case.operation.output_shape
    result = case.document["result"]
    response = render(case.target, _result(case), _ID)
    try:
        got = _without_identity(case, _read(case, response, shape))
    except ResponseParserError as error:
        return f"botocore reads nothing: {error}"
    if not equal(got, result):
        return f"botocore reads {got} instead of {result}"
    return _of_bytes(case, response)


def _without_identity(case: Case, result: Any) -> Any:
    """Maps of headers by prefix without those that Clary adds to every response."""
    members = case.operation.output_shape.members if case.operation.output_shape else {}
    for name, member in members.items():
        if member.serialization.get("location") == "headers" and name in result:
            prefix = member.serialization.get("name", "").lower()
            for header in (item.removeprefix(prefix) for item in _IDENTITY if item.startswith(prefix)):
                result[name].pop(header, None)
    return result


def _result(case: Case) -> Any:
    shape = case.operation.output_shape
    result = meant(shape, case.document["result"])
    if case.operation.has_event_stream_output:
        stream = event_stream_shape(shape)
        for name, value in result.items():
            if isinstance(value, list) and shape.members[name].serialization.get("eventstream"):
                xml = case.protocol == "rest-xml"
                events = [
                    event(stream, kind, meant(stream.members[kind], content), xml=xml)
                    for item in value
                    for kind, content in item.items()
                ]
                first = b"" if case.protocol.startswith("rest-") else initial_response(shape, result)
                result[name] = first + b"".join(events)
    return result


def _of_error(case: Case) -> str:
    said = case.document
    shape = _error_shape(case)
    values = meant(shape, said["error"])
    text = said.get("errorMessage", "")
    members = {name: value for name, value in values.items() if name.lower() != "message"}
    code = shape.name if shape is not None else said["errorCode"]
    error = ApiError(text, code=code, status=said["response"]["status_code"], **members)
    response = render_error(case.target, error, _ID)
    got = _read(case, response, None)
    error_part = got.pop("Error", {})
    wanted = {"Code": said["errorCode"], "Message": text}
    if {name: error_part.get(name) or "" for name in wanted} != wanted:
        return f"botocore reads {error_part} instead of {wanted}"
    read = _read(case, response, shape) if shape is not None else {}
    read.pop("Error", None)
    if {name: read.get(name) for name in said["error"]} != said["error"]:
        return f"botocore reads {read} instead of {said['error']}"
    return ""


def _error_shape(case: Case) -> Any:
    shapes = case.operation.service_model.error_shapes
    code = case.document["errorCode"]
    return next((shape for shape in shapes if code in (shape.name, shape.error_code)), None)


def _seconds(said: Any) -> float:
    return float(parse_timestamp(said).timestamp())


def _read(case: Case, response: Response, shape: Any) -> Any:
    parser = PROTOCOL_PARSERS[case.protocol](timestamp_parser=_seconds)
    body = response.body
    raw = {
        "status_code": response.status,
        "headers": HeadersDict(response.headers),
        "body": _Raw(body) if case.operation.has_event_stream_output else body,
        "context": {"operation_name": case.operation.name},
    }
    parsed = parser.parse(raw, shape)
    parsed.pop("ResponseMetadata", None)
    for name, value in parsed.items():
        if isinstance(value, EventStream):
            parsed[name] = [
                {kind: written(event_stream_shape(shape).members[kind], content) for kind, content in item.items()}
                for item in value
            ]
    return written(shape, parsed) if shape is not None else parsed


def _of_bytes(case: Case, response: Response) -> str:
    """Status, headers and body against those that the case shows."""
    shown = case.document["response"]
    if response.status != shown["status_code"]:
        return f"status {response.status} instead of {shown['status_code']}"
    for name, value in shown.get("headers", {}).items():
        got = response.headers.get(name.lower(), "")
        if name.lower() == "content-type" and not response.body:
            continue
        if name.lower() not in _NOT_COMPARED and got.partition(";")[0] != value:
            return f"header {name} is {got!r} instead of {value!r}"
    if "body" not in shown or case.operation.has_event_stream_output:
        return ""
    body = base64.b64decode(shown["body"]) if case.protocol == CBOR else shown["body"].encode()
    got_document, wanted = _document(case, response.body), _document(case, body)
    return "" if equal(got_document, wanted) else f"body {got_document!r} instead of {wanted!r}"


def _document(case: Case, body: bytes) -> Any:
    """The body as a document, or the bytes themselves where they are none."""
    shape = case.operation.output_shape
    payload = shape.serialization.get("payload") if shape else None
    if payload and shape.members[payload].type_name in ("string", "blob"):
        return body
    if not body.strip():
        return {}  # for clients an empty document and none are the same
    if case.protocol == CBOR:
        return cbor2.loads(body)
    if case.protocol in ("json", "rest-json"):
        try:
            return json.loads(body)
        except ValueError:
            return body
    return _element(load_xml(body))


def _element(element: Element) -> Any:
    """An element as a value that does not know the order of unlike children."""
    attributes = {name: value for name, value in element.attributes.items() if not name.startswith("xmlns")}
    children: dict[str, list[Any]] = {}
    for child in element.children:
        if child.name not in ("ResponseMetadata", "RequestId", "requestId", "xmlns"):
            children.setdefault(child.name, []).append(_element(child))
    return attributes, children, element.text if element.text.strip() and not element.children else ""
