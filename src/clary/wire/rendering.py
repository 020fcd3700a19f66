"""From a handler's result, or an error, to the response in the protocol of the request.

Called by control and by doors. Header names come out in lower case. Errors take the form their protocol gives them;
which code a service uses for which fault is in `error_codes` (`localize` is offered here too).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from clary.base.errors import ApiError
from clary.wire import documents, frames
from clary.wire.catalog import Operation, Shape
from clary.wire.error_codes import QUERY_CODES
from clary.wire.error_codes import localize as localize  # noqa: PLC0414 - offered here for callers that render
from clary.wire.facts import CBOR
from clary.wire.header_lists import join_list
from clary.wire.http import Response
from clary.wire.routing import Target
from clary.wire.scalars import write_text
from clary.wire.xml import DECLARATION, OUTSIDE_BODY, escape_text, write_xml

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_UNSAFE_HEADER = re.compile(r"[\x00-\x1f\x7f]")

# S3 documents these names of root elements; the model does not have them.
_S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}


def render(target: Target, result: Mapping[str, Any], request_id: str) -> Response:
    """The response for a handler's result; members the output shape does not have are left out."""
    operation, protocol = target.operation, target.protocol
    shape = operation.output_shape
    if operation.has_event_stream_output:
        return _event_stream(target, shape, result, request_id)
    if protocol in ("rest-json", "rest-xml"):
        response = _render_rest(operation, protocol, shape, result)
    elif protocol == "query":
        response = Response(200, {"content-type": "text/xml"}, _query_body(operation, shape, result, request_id))
    elif protocol == CBOR:
        document = documents.write(shape, result, documents.CBOR) if shape else {}
        response = Response(200, {"content-type": "application/cbor"}, documents.dump_cbor(document))
    else:
        document = documents.write(shape, result, documents.JSON) if shape else {}
        response = Response(200, {"content-type": _json_type(operation)}, documents.dump_json(document))
    response.headers.update(_identity(protocol, request_id))
    return response


def _json_type(operation: Operation) -> str:
    return f"application/x-amz-json-{operation.service_model.metadata.get('jsonVersion', '1.1')}"


def _identity(protocol: str, request_id: str) -> dict[str, str]:
    """The headers by which a request is found again in the logs."""
    if protocol == "rest-xml":
        return {"x-amz-request-id": request_id, "x-amz-id-2": _host_id(request_id)}
    identity = {"x-amzn-requestid": request_id}
    if protocol == CBOR:
        identity["smithy-protocol"] = "rpc-v2-cbor"
    return identity


def _host_id(request_id: str) -> str:
    """S3's second id; it carries nothing, but clients print it."""
    return base64.b64encode(hashlib.sha256(request_id.encode()).digest()).decode("ascii")


def _query_body(operation: Operation, shape: Shape | None, result: Mapping[str, Any], request_id: str) -> bytes:
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    wrapper = (shape.serialization.get("resultWrapper") if shape else None) or f"{operation.name}Result"
    inner = write_xml(shape, result, wrapper) if shape else ""
    metadata = f"<ResponseMetadata><RequestId>{escape_text(request_id)}</RequestId></ResponseMetadata>"
    root = f"{operation.name}Response"
    return f'<{root} xmlns="{namespace}">{inner}{metadata}</{root}>'.encode()


def _event_stream(target: Target, shape: Shape, result: Mapping[str, Any], request_id: str) -> Response:
    headers: dict[str, str] = {}
    body = None
    for name, member in shape.members.items():
        if member.serialization.get("eventstream"):
            body = result.get(name)
        elif result.get(name) is not None and member.serialization.get("location") in ("header", "headers"):
            headers.update(_to_headers(name, member, result[name]))
    headers["content-type"] = frames.CONTENT_TYPE
    return Response(200, headers | _identity(target.protocol, request_id), body)


def _render_rest(operation: Operation, protocol: str, shape: Shape | None, result: Mapping[str, Any]) -> Response:
    status, headers = operation.http.get("responseCode", 200), dict[str, str]()
    if shape is None:
        return Response(status, headers, b"")
    in_body = {}
    for name, member in shape.members.items():
        value = result.get(name)
        location = member.serialization.get("location")
        if value is None:
            continue
        if location == "statusCode":
            status = value
        elif location in ("header", "headers"):
            headers.update(_to_headers(name, member, value))
        else:
            in_body[name] = value
    if "content-range" in headers:
        status = 206  # a part of an object; the model knows one status for each operation
    body = _rest_body(operation, protocol, shape, in_body, headers)
    return Response(status, headers, body)


def _to_headers(name: str, member: Shape, value: Any) -> dict[str, str]:
    if member.serialization.get("location") == "headers":
        prefix = member.serialization.get("name", "").lower()
        return {prefix + suffix.lower(): _metadata(text) for suffix, text in value.items()}
    key = member.serialization.get("name", name).lower()
    if member.serialization.get("jsonvalue"):
        return {key: base64.b64encode(documents.dump_json(value)).decode("ascii")}
    if member.type_name == "list":
        return {key: _safe(join_list(member.member, [write_text(member.member, item, "rfc822") for item in value]))}
    return {key: _safe(write_text(member, value, "rfc822"))}


def _metadata(text: str) -> str:
    """S3 gives words beyond ASCII back in the encoding of mail headers."""
    if text.isascii():
        return _safe(text)
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode('ascii')}?="


def _safe(value: str) -> str:
    """A header value that cannot end its line."""
    return _UNSAFE_HEADER.sub(" ", value)


def _rest_body(
    operation: Operation, protocol: str, shape: Shape, values: Mapping[str, Any], headers: dict[str, str]
) -> Any:
    payload = shape.serialization.get("payload")
    if payload:
        return _payload_body(shape.members[payload], protocol, values.get(payload), headers)
    if operation.http["method"] == "HEAD" or all(
        member.serialization.get("location") in OUTSIDE_BODY for member in shape.members.values()
    ):
        return b""
    if protocol == "rest-json":
        headers["content-type"] = "application/json"
        return documents.dump_json(documents.write(shape, values, documents.JSON))
    headers["content-type"] = "application/xml"
    if operation.name == "GetBucketLocation":
        # the one S3 answer whose value is the root element's text
        text = escape_text(values.get("LocationConstraint", ""))
        return f'{DECLARATION}<LocationConstraint xmlns="{S3_NAMESPACE}">{text}</LocationConstraint>'.encode()
    root = _S3_ROOTS.get(operation.name, shape.serialization.get("name", shape.name))
    return (DECLARATION + write_xml(shape, values, root, S3_NAMESPACE)).encode()


def _payload_body(member: Shape, protocol: str, value: Any, headers: dict[str, str]) -> Any:
    if member.type_name == "blob":
        headers.setdefault(
            "content-type", "binary/octet-stream" if protocol == "rest-xml" else "application/octet-stream"
        )
        return b"" if value is None else value.encode() if isinstance(value, str) else value
    if value is None:
        return b""
    if member.type_name == "string":
        is_json = value.startswith("{")  # a policy
        headers.setdefault("content-type", "application/json" if is_json else "text/plain")
        return value.encode()
    if protocol == "rest-json":
        headers.setdefault("content-type", "application/json")
        return documents.dump_json(documents.write(member, value, documents.JSON))
    headers.setdefault("content-type", "application/xml")
    root = member.serialization.get("name", member.name)
    return (DECLARATION + write_xml(member, value, root, S3_NAMESPACE)).encode()


def render_error(
    target: Target | str, error: ApiError, request_id: str, resource: str = "", *, method: str = ""
) -> Response:
    """The response for an error.

    `target` is the request's target, or the protocol (`Router.protocol`) when it has none; `resource` is the path
    S3 errors repeat. Answers to HEAD have no body: `method` says so where there is no target.
    """
    operation = target.operation if isinstance(target, Target) else None
    protocol = target.protocol if isinstance(target, Target) else target
    shape = _error_shape(operation, error.code)
    headers = _identity(protocol, request_id)
    if protocol == "query":
        body = _query_error(operation, shape, error, request_id, headers)
        headers["content-type"] = "text/xml"
    elif protocol == "rest-xml":
        body = _s3_error(shape, error, request_id, resource, headers)
        headers["content-type"] = "application/xml"
        if error.status == 304 and "ETag" in error.members:
            headers["etag"] = _safe(error.members["ETag"])
        if "DeleteMarker" in error.members:
            headers["x-amz-delete-marker"] = "true"
    else:
        body = _document_error(protocol, operation, shape, error, headers)
    bodiless = (
        error.status == 304 or method == "HEAD" or (operation is not None and operation.http["method"] == "HEAD")
    )
    return Response(error.status, headers, b"" if bodiless else body)


def _error_shape(operation: Operation | None, code: str) -> Shape | None:
    """The model's shape for an error, by its name or by the code the query protocol gives it."""
    if operation is None:
        return None
    shapes = operation.service_model.error_shapes
    by_name = next((shape for shape in shapes if shape.name == code), None)
    return by_name or next((shape for shape in shapes if shape.error_code == code), None)


def _document_error(
    protocol: str, operation: Operation | None, shape: Shape | None, error: ApiError, headers: dict[str, str]
) -> bytes:
    """json, rest-json and cbor: an object with the message and further members."""
    code = shape.name if shape else error.code
    notation = documents.CBOR if protocol == CBOR else documents.JSON
    document = _error_members(shape, error, notation, headers)
    if protocol == "rest-json":
        headers["x-amzn-errortype"] = _safe(code)
        headers["content-type"] = "application/json"
        return documents.dump_json(document)
    document = {"__type": code, **document}
    metadata = operation.service_model.metadata if operation else {}
    if "awsQueryCompatible" in metadata:
        service = operation.service_model.service_name if operation else ""
        headers["x-amzn-query-error"] = _safe(f"{_query_code(service, shape, error)};{_blame(error)}")
    if protocol == CBOR:
        headers["content-type"] = "application/cbor"
        return documents.dump_cbor(document)
    headers["content-type"] = _json_type(operation) if operation else "application/x-amz-json-1.1"
    return documents.dump_json(document)


def _error_members(
    shape: Shape | None, error: ApiError, notation: documents.Notation, headers: dict[str, str]
) -> dict[str, Any]:
    known = shape.members if shape else {}
    message = next((name for name in known if name.lower() == "message"), "message")
    document = {message: error.message}
    for name, value in error.members.items():
        if value is None:
            continue
        member = known.get(name)
        if member is None:
            document[name] = value
        elif member.serialization.get("location") == "header":
            headers.update(_to_headers(name, member, value))
        else:
            document[notation.name(name, member)] = documents.write(member, value, notation)
    return document


def _query_code(service: str, shape: Shape | None, error: ApiError) -> str:
    """The code of the query protocol, which clients of services that once spoke it still look for."""
    if shape is None:
        return error.code
    return QUERY_CODES.get(service, {}).get(shape.name) or shape.error_code or shape.name


def _blame(error: ApiError) -> str:
    return "Receiver" if error.status >= 500 else "Sender"


def _xml_members(shape: Shape | None, error: ApiError, headers: dict[str, str]) -> str:
    """The error's further members as elements; those that the model binds to headers go there."""
    known = shape.members if shape else {}
    elements = []
    for name, value in error.members.items():
        member = known.get(name)
        if value is None:
            continue
        if member is None:
            elements.append(f"<{name}>{escape_text(str(value))}</{name}>")
        elif member.serialization.get("location") == "header":
            headers.update(_to_headers(name, member, value))
        else:
            elements.append(write_xml(member, value, member.serialization.get("name", name)))
    return "".join(elements)


def _query_error(
    operation: Operation | None, shape: Shape | None, error: ApiError, request_id: str, headers: dict[str, str]
) -> bytes:
    service = operation.service_model.service_name if operation else ""
    code = _query_code(service, shape, error)
    namespace = operation.service_model.metadata.get("xmlNamespace", "") if operation else ""
    declared = f' xmlns="{namespace}"' if namespace else ""
    inner = (
        f"<Type>{_blame(error)}</Type><Code>{escape_text(code)}</Code>"
        f"<Message>{escape_text(error.message)}</Message>{_xml_members(shape, error, headers)}"
    )
    return (
        f"<ErrorResponse{declared}><Error>{inner}</Error>"
        f"<RequestId>{escape_text(request_id)}</RequestId></ErrorResponse>"
    ).encode()


def _s3_error(shape: Shape | None, error: ApiError, request_id: str, resource: str, headers: dict[str, str]) -> bytes:
    place = f"<Resource>{escape_text(resource)}</Resource>" if resource else ""
    return (
        f"{DECLARATION}<Error><Code>{escape_text(error.code)}</Code><Message>{escape_text(error.message)}</Message>"
        f"{_xml_members(shape, error, headers)}{place}<RequestId>{escape_text(request_id)}</RequestId>"
        f"<HostId>{_host_id(request_id)}</HostId></Error>"
    ).encode()
