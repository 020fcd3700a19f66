"""Cases of requests: what a client sends, read by Clary, must be what its caller gave."""

from __future__ import annotations

import base64
from typing import Any

from botocore.compress import maybe_compress_request
from botocore.config import Config
from botocore.serialize import create_serializer

from clary.base.errors import ApiError
from clary.wire.facts import CBOR
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from tests.conformance.corpora import SERVICE, Case
from tests.conformance.values import equal, without_holes, written

_SCOPE = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/{SERVICE}/aws4_request, SignedHeaders=host"
_COMPRESS_ALL = Config(request_min_compression_size_bytes=0, disable_request_compression=False)
_CONTENT_TYPES = {"query": "application/x-www-form-urlencoded"}


def difference(case: Case) -> str:
    """What is wrong with Clary's reading of the request; empty when nothing is."""
    head, body = request(case)
    router = case.router()
    try:
        target = router.identify(head, body if router.needs_body(head) else None)
        if target.operation.name != case.operation.name:
            return f"taken for {target.operation.name}"
        read = parse(target, head, body)
    except ApiError as error:
        return f"refused: {error.code}: {error.message}"
    got = _sayable(case, written(case.operation.input_shape, read))
    wanted = _sayable(case, without_holes(case.document.get("params", {})))
    return "" if equal(got, wanted) else f"{got} instead of {wanted}"


def _sayable(case: Case, values: dict[str, Any]) -> dict[str, Any]:
    """Without what a request cannot say: that a header, a part of the query, a form's map or a payload is empty.

    Tokens that a client makes up by itself are not compared either.
    """
    shape = case.operation.input_shape
    if shape is None:
        return values
    result = {}
    for name, value in values.items():
        member = shape.members[name]
        bound = (
            "location" in member.serialization
            or case.protocol == "query"
            or name == shape.serialization.get("payload")
        )
        made_up = member.metadata.get("idempotencyToken") and name not in case.document.get("params", {})
        if not made_up and not (bound and value in ({}, [])):
            result[name] = value
    return result


def request(case: Case) -> tuple[RequestHead, bytes]:
    """The case's request as a server sees it."""
    sent = case.document["serialized"]
    path, _, query = sent.get("uri", "/").partition("?")
    headers = {name.lower(): _one(value) for name, value in sent.get("headers", {}).items()}
    headers["host"] = sent.get("host", "localhost")
    headers["authorization"] = f"{_SCOPE}, Signature={'0' * 64}"
    if case.protocol in _CONTENT_TYPES:
        headers.setdefault("content-type", _CONTENT_TYPES[case.protocol])
    if case.protocol == "json":
        # cases about something else do not show it
        headers.setdefault("x-amz-target", f"{case.metadata.get('targetPrefix', '')}.{case.operation.name}")
    method = sent.get("method") or case.operation.http["method"]
    return RequestHead(method, path or "/", query, headers), _body(case)


def _body(case: Case) -> bytes:
    """The body that the case shows; where it shows none because it is compressed, botocore makes it."""
    sent = case.document["serialized"]
    if "body" in sent or not case.operation.request_compression:
        body = sent.get("body", "")
        return base64.b64decode(body) if case.protocol == CBOR else body.encode()
    serializer = create_serializer(case.protocol, include_validation=False)
    made = serializer.serialize_to_request(case.document["params"], case.operation)
    maybe_compress_request(_COMPRESS_ALL, made, case.operation)
    return bytes(made["body"])


def _one(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else value
