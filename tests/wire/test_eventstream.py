from __future__ import annotations

from datetime import UTC, datetime

from botocore.eventstream import EventStreamBuffer

from clary.base.errors import ApiError
from clary.wire.catalog import Catalog
from clary.wire.eventstream import (
    error_frame,
    event,
    event_stream_shape,
    initial_response,
    modelled_exception,
)
from clary.wire.frames import frame

CATALOG = Catalog()


def decoded(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def stream_of(service: str, operation: str) -> object:
    return event_stream_shape(CATALOG.operation(service, operation).output_shape)


def test_frames_are_read_by_botocore_one_by_one() -> None:
    data = frame({":message-type": "event", "é": "ü"}, b"\x00\xff") + frame({}, b"")
    assert decoded(data) == [({":message-type": "event", "é": "ü"}, b"\x00\xff"), ({}, b"")]


def test_headers_have_the_type_of_their_value() -> None:
    when = datetime(2026, 3, 4, 5, 6, 7, 250_000, tzinfo=UTC)
    headers = {
        "yes": True,
        "no": False,
        "small": -7,
        "large": 1 << 40,
        "bytes": b"\x00\xff",
        "when": when,
        "text": "é",
    }
    [(found, _)] = decoded(frame(headers, b""))
    assert found == {**headers, "when": round(when.timestamp() * 1000)}
    assert [type(found[name]) for name in ("yes", "no", "small")] == [bool, bool, int]


def test_a_blob_event() -> None:
    stream = stream_of("sagemaker-runtime", "InvokeEndpointWithResponseStream")
    [(headers, payload)] = decoded(event(stream, "PayloadPart", {"Bytes": b"token"}))
    assert payload == b"token"
    assert headers == {
        ":message-type": "event",
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
    }


def test_structure_events_in_json_and_xml() -> None:
    lines = stream_of("logs", "StartLiveTail")
    value = {"sessionResults": [{"message": "m", "timestamp": 5}]}
    [(headers, payload)] = decoded(event(lines, "sessionUpdate", value))
    assert headers[":content-type"] == "application/json"
    assert payload == b'{"sessionResults":[{"message":"m","timestamp":5}]}'
    select = stream_of("s3", "SelectObjectContent")
    [(headers, payload)] = decoded(event(select, "Stats", {"Details": {"BytesScanned": 7}}, xml=True))
    assert headers[":content-type"] == "text/xml"
    assert b"<BytesScanned>7</BytesScanned>" in payload
    [(headers, payload)] = decoded(event(select, "End", {}, xml=True))
    assert (headers[":event-type"], payload) == ("End", b"")


def test_the_initial_response_of_a_json_operation() -> None:
    output = CATALOG.operation("logs", "StartLiveTail").output_shape
    [(headers, payload)] = decoded(initial_response(output, {"responseStream": iter([])}))
    assert (headers[":event-type"], payload) == ("initial-response", b"{}")


def test_errors_in_the_middle_of_a_stream() -> None:
    stream = stream_of("sagemaker-runtime", "InvokeEndpointWithResponseStream")
    error = ApiError("the model broke", code="ModelStreamError", status=400, ErrorCode="ModelInvocationTimeExceeded")
    [(headers, payload)] = decoded(modelled_exception(stream, error))
    assert headers[":message-type"] == "exception"
    assert headers[":exception-type"] == "ModelStreamError"
    assert payload == b'{"Message":"the model broke","ErrorCode":"ModelInvocationTimeExceeded"}'
    other = ApiError("no", code="Unheard", status=400)
    assert modelled_exception(stream, other) == error_frame(other)
    [(headers, _)] = decoded(error_frame(other))
    assert (headers[":error-code"], headers[":error-message"]) == ("Unheard", "no")
