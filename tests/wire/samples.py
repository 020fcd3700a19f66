"""Random values for shapes, and requests made of them by botocore's own serializers."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from botocore.serialize import create_serializer

from clary.wire.http import RequestHead

SCOPE = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature={}"


class Sampler:
    """Seeded, so that a failure comes back."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, shape: Any, depth: int = 0, *, in_header: bool = False) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self.structure(shape, depth)
        if kind == "list":
            return [
                self.value(shape.member, depth + 1, in_header=in_header) for _ in range(self.random.randint(1, 2))
            ]
        if kind == "map":
            keys = [self.value(shape.key, 9, in_header=in_header) + str(number) for number in range(2)]
            return {key.lower(): self.value(shape.value, depth + 1, in_header=in_header) for key in keys}
        return self.scalar(shape, in_header=in_header)

    def structure(self, shape: Any, depth: int) -> dict[str, Any]:
        if shape.is_document_type:
            return {"a": [1, {"b": "c"}]}
        members = shape.members
        if shape.is_tagged_union:
            name = self.random.choice(list(members))
            return {name: self.value(members[name], depth + 1)}
        chance = 0.5 if len(members) < 30 else 0.2
        result = {}
        for name, member in members.items():
            if member.serialization.get("eventstream") or depth > 7:
                continue
            if name in shape.required_members or (depth < 4 and self.random.random() < chance):
                bound = member.serialization.get("location") in ("header", "headers", "uri", "querystring")
                result[name] = self.value(member, depth + 1, in_header=bound)
        return result

    def scalar(self, shape: Any, *, in_header: bool) -> Any:
        kind, pick = shape.type_name, self.random
        if kind in ("integer", "long"):
            return pick.randint(0, 1000)
        if kind in ("float", "double"):
            return pick.randint(0, 80) / 8
        if kind == "boolean":
            return pick.random() < 0.5
        if kind == "timestamp":
            return datetime(2026, pick.randint(1, 12), 3, 4, 5, pick.randint(0, 59), tzinfo=UTC)
        if kind == "blob":
            return pick.randbytes(5)
        if shape.enum:
            return pick.choice(shape.enum)
        letters = "ab-9" if in_header else 'ab<>&"é /-9+%\U0001f600'
        return "x" + "".join(pick.choice(letters) for _ in range(6)) + "y"


def comparable(shape: Any, value: Any) -> Any:
    """A value without what protocols cannot carry: nulls and empty containers, and bytes as bytes."""
    if shape is None or value is None:
        return None
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        parts = {
            name: comparable(member, value.get(name))
            for name, member in shape.members.items()
            if not member.serialization.get("eventstream")
        }
        return {name: part for name, part in parts.items() if part not in (None, {}, [], b"")}
    if kind == "list":
        return [comparable(shape.member, item) for item in value]
    if kind == "map":
        return {key: comparable(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return value.read() if hasattr(value, "read") else value.encode() if isinstance(value, str) else bytes(value)
    return value


def request(operation: Any, protocol: str, params: dict[str, Any]) -> tuple[RequestHead, bytes]:
    """The request botocore would send; its signature is only good for telling services apart."""
    serializer = create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(params, operation)
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    if isinstance(body, str):
        body = body.encode()
    url = urlsplit(made["url_path"])
    headers = {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in made["headers"].items()
    }
    headers["authorization"] = SCOPE.format(operation.service_model.signing_name, "0" * 64)
    headers["host"] = "localhost:4600"
    query = "&".join(part for part in (url.query, _encoded(made["query_string"])) if part)
    return RequestHead(made["method"], url.path, query, headers), body or b""


def _encoded(query: Any) -> str:
    if isinstance(query, str):
        return query
    pairs = [
        (name, item) for name, value in query.items() for item in (value if isinstance(value, list) else [value])
    ]
    return "&".join(f"{quote(str(name), safe='')}={quote(str(value), safe='')}" for name, value in pairs)
