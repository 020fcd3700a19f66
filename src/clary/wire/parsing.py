"""From a request to the operation's parameters, in any of the five protocols.

Called by control (and by doors for the operations they answer). Malformed requests end in an ApiError with status
4xx, whatever they contain; what the model says about well-formed values is checked by `validation`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from clary.base.errors import ApiError
from clary.wire import documents
from clary.wire.catalog import Shape
from clary.wire.compression import expanded, expanded_head, is_compressed
from clary.wire.error_codes import serialization_error
from clary.wire.facts import CBOR
from clary.wire.forms import form_tree, read_form
from clary.wire.header_lists import split_list
from clary.wire.http import RequestHead
from clary.wire.routing import Target, parse_form
from clary.wire.scalars import Malformed, check_text, read_text
from clary.wire.xml import load_xml, read_xml

Parameters = dict[str, Any]

_ANY_CASE = frozenset({"ChecksumMode", "ChecksumAlgorithm"})
"""Words of S3 in headers that clients write as they like; the SDK for C++ (pyarrow's) has them in small letters."""


def parse(target: Target, head: RequestHead, body: Any) -> Parameters:
    """The parameters of the request. `body` is bytes, or for `target.streams_input` any object: it is passed on."""
    shape = target.operation.input_shape
    if shape is None:
        return {}
    if target.operation.request_compression and is_compressed(head):
        head, body = expanded_head(head), expanded(body)
    try:
        if target.protocol == "json":
            return _object(shape, documents.load_json(body), documents.JSON) if body else {}
        if target.protocol == CBOR:
            return _object(shape, documents.load_cbor(body), documents.CBOR) if body else {}
        if target.protocol == "query":
            fields = dict(head.query_pairs) | parse_form(body)
            if "QueueUrl" in shape.members:  # it may be said by the address that is called
                fields.setdefault("QueueUrl", head.path)
            return _object_of(read_form(shape, form_tree(fields)))
        return _parse_rest(target, shape, head, body)
    except Malformed as error:
        raise serialization_error(target.protocol, str(error)) from None
    except RecursionError:
        raise serialization_error(target.protocol, "The request is nested too deeply") from None


def _object(shape: Shape, document: Any, notation: documents.Notation) -> Parameters:
    if not isinstance(document, dict):
        raise Malformed("Unexpected value where a structure was expected")
    return _object_of(documents.read(shape, document, notation))


def _object_of(value: Any) -> Parameters:
    assert isinstance(value, dict)  # noqa: S101 - every input shape is a structure
    return value


def _parse_rest(target: Target, shape: Shape, head: RequestHead, body: Any) -> Parameters:
    query: dict[str, list[str]] = {}
    for name, value in head.query_pairs:
        query.setdefault(name, []).append(value)
    result: Parameters = {}
    in_body = False
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        try:
            if location == "uri":
                result[name] = read_text(member, target.path_parameters[key])
            elif location == "querystring":
                _put(result, name, _from_query(target, member, key, query))
            elif location == "header":
                _put(result, name, _from_header(member, _header(head.headers, key.lower())))
            elif location == "headers":
                _put(result, name, _from_prefix(member.serialization.get("name", "").lower(), head.headers))
            else:
                in_body = True
        except Malformed as error:
            raise _binding_error(target, key, error) from None
    payload = shape.serialization.get("payload")
    if payload:
        _put(result, payload, _from_payload(target, shape.members[payload], body))
    elif in_body and body:
        result.update(_from_body(target, shape, body))
    return result


def _put(result: Parameters, name: str, value: Any) -> None:
    if value is not None:
        result[name] = value


def _binding_error(target: Target, key: str, error: Malformed) -> ApiError:
    """S3 has a word of its own for a bad header or query parameter: its body is not at fault."""
    if target.protocol == "rest-xml":
        return ApiError(f"Invalid value for '{key}': {error}", code="InvalidArgument", status=400, ArgumentName=key)
    return serialization_error(target.protocol, f"Invalid value for '{key}': {error}")


def _from_query(target: Target, member: Shape, key: str, query: Mapping[str, list[str]]) -> Any:
    if member.type_name == "map":
        # the map takes what no other member and no literal of the URI is named after
        bound = set(parse_qs(target.operation.http["requestUri"].partition("?")[2], keep_blank_values=True)) | {
            other.serialization.get("name", name)
            for name, other in target.operation.input_shape.members.items()
            if other.serialization.get("location") == "querystring"
        }
        many = member.value.type_name == "list"
        free = {name: values if many else values[0] for name, values in query.items() if name not in bound}
        return free or None
    values = query.get(key)
    if values is None:
        return None
    if member.type_name == "list":
        return [read_text(member.member, value) for value in values]
    return read_text(member, values[0])


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """A header's value; `aws-chunked` says how the request was sent, not how the content is encoded."""
    value = headers.get(name)
    if value is not None and name == "content-encoding" and "aws-chunked" in value:
        value = ",".join(item for item in map(str.strip, value.split(",")) if item != "aws-chunked") or None
    return value


def _from_header(member: Shape, value: str | None) -> Any:
    if value is None:
        return None
    if member.type_name == "list":
        return [read_text(member.member, item, "rfc822") for item in split_list(member.member, value)]
    if member.serialization.get("jsonvalue"):
        try:
            return json.loads(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError, RecursionError):
            raise Malformed("the header is not JSON in base64") from None
    return read_text(member, value.upper() if member.name in _ANY_CASE else value, "rfc822")


def _from_prefix(prefix: str, headers: Mapping[str, str]) -> dict[str, str] | None:
    found = {name[len(prefix) :]: check_text(value) for name, value in headers.items() if name.startswith(prefix)}
    return found or None


def _from_payload(target: Target, member: Shape, body: Any) -> Any:
    if member.type_name == "blob":
        # an object that is not bytes is a stream: whether it is empty only its reader learns
        return body if body or not isinstance(body, bytes) else None
    if not body:
        return None
    if member.type_name == "string":
        try:
            return body.decode()
        except UnicodeDecodeError:
            raise Malformed("The body is not valid UTF-8") from None
    if target.protocol == "rest-json":
        return documents.read(member, documents.load_json(body), documents.JSON)
    root = load_xml(body)
    expected = member.serialization.get("name")
    if expected and root.name != expected:
        raise Malformed(f"Expected the element {expected}")
    return read_xml(member, root)


def _from_body(target: Target, shape: Shape, body: Any) -> Parameters:
    if target.protocol == "rest-json":
        values = _object(shape, documents.load_json(body), documents.JSON)
    else:
        values = _object_of(read_xml(shape, load_xml(body)))
    return {name: value for name, value in values.items() if "location" not in shape.members[name].serialization}
