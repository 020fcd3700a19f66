"""Events of operations that answer with a stream of events, as their models describe them; `frames` has the bytes.

Control calls this once per event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.base.errors import ApiError
from clary.wire import documents
from clary.wire.catalog import Shape
from clary.wire.frames import HeaderValue, frame
from clary.wire.xml import write_xml


def event(stream: Shape, name: str, value: Mapping[str, Any], *, xml: bool = False) -> bytes:
    """The frame of one event: `name` is a member of the stream's shape, `value` that member's value.

    `stream` is the shape of the output member with the event stream (`event_stream_shape`); `xml` is for S3.
    """
    shape = stream.members[name]
    headers: dict[str, HeaderValue] = {":message-type": "event", ":event-type": name}
    for header, member in shape.members.items():
        if member.serialization.get("eventheader") and value.get(header) is not None:
            headers[header] = value[header]
    payload_name = next(
        (key for key, member in shape.members.items() if member.serialization.get("eventpayload")), ""
    )
    if payload_name:
        content_type, payload = _payload(shape.members[payload_name], value.get(payload_name), xml=xml)
    elif any(not member.serialization.get("eventheader") for member in shape.members.values()):
        content_type, payload = _payload(shape, value, xml=xml)
    else:
        return frame(headers, b"")
    headers[":content-type"] = content_type
    return frame(headers, payload)


def _payload(shape: Shape, value: Any, *, xml: bool) -> tuple[str, bytes]:
    if shape.type_name == "blob":
        return "application/octet-stream", value or b""
    if shape.type_name == "string":
        return "text/plain", (value or "").encode()
    if xml:
        return "text/xml", write_xml(shape, value or {}, shape.name).encode()
    return "application/json", documents.dump_json(documents.write(shape, value or {}, documents.JSON))


def event_stream_shape(output: Shape) -> Shape:
    """The shape of the output's member that is the event stream."""
    return next(member for member in output.members.values() if member.serialization.get("eventstream"))


def initial_response(output: Shape, value: Mapping[str, Any]) -> bytes:
    """The first frame of a json operation with an event stream: the output's other members."""
    others = {name: value[name] for name in value if not output.members[name].serialization.get("eventstream")}
    headers = {":message-type": "event", ":event-type": "initial-response", ":content-type": "application/json"}
    return frame(headers, documents.dump_json(documents.write(output, others, documents.JSON)))


def modelled_exception(stream: Shape, error: ApiError) -> bytes:
    """An error after the stream has begun, when the stream's shape has a member for it; otherwise an error frame."""
    for name, shape in stream.members.items():
        if shape.metadata.get("exception") and shape.name == error.code:
            headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
            values = {member: error.members.get(member) for member in shape.members}
            values.update({member: error.message for member in shape.members if member.lower() == "message"})
            return frame(headers, documents.dump_json(documents.write(shape, values, documents.JSON)))
    return error_frame(error)


def error_frame(error: ApiError) -> bytes:
    """An error that no member of the stream's shape describes."""
    headers = {":message-type": "error", ":error-code": error.code, ":error-message": error.message[:1024]}
    return frame(headers, b"")
