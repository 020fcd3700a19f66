"""Signed requests with one thing changed, each to be refused, and the kind of refusal that is right for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from clary.wire import sigv4
from clary.wire.sigv4 import Signature, read_signature
from tests.wire.signing import Signed

Mutant = tuple[str, str, Signed]

_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_ESCAPE = re.compile("%[0-9A-F]{2}")


def flip(text: str, index: int) -> str:
    """The text with one character replaced by another of its kind."""
    if not text:
        return "x"
    character = text[index]
    other = {"a": "b", "A": "B", "0": "1", "z": "y", "Z": "Y", "9": "8"}.get(character)
    if other is None:
        other = chr(ord(character) + 1) if character.isalnum() else "x"
    return text[:index] + other + text[index + 1 :]


def signature_of(signed: Signed) -> Signature:
    """The signature of a request that has one."""
    signature = read_signature(signed.head)
    assert signature is not None
    return signature


def mutants(signed: Signed) -> Iterator[Mutant]:
    """Every change at a time."""
    makers = (target_mutants, query_mutants, header_mutants, body_mutants, credential_mutants, name_mutants)
    for make in (*makers, time_mutants):
        yield from make(signed)


def target_mutants(signed: Signed) -> Iterator[Mutant]:
    """Method and path."""
    head = signed.head
    for method in sorted({"GET", "PUT", "POST", "DELETE", "HEAD"} - {head.method}):
        yield f"method {method}", "mismatch", signed.changed(method=method)
    for path in (head.path + "x", "/x" + head.path, head.path + "%20", head.path + "/y/", *s3_paths(signed)):
        yield f"path {path}", "mismatch", signed.changed(path=path)


def query_mutants(signed: Signed) -> Iterator[Mutant]:
    """Parts more, parts less, and every part in another form."""
    head = signed.head
    for extra in ("a=b", "acl", "X-Amz-Extra=1", "%00=", "partNumber=2"):
        query = f"{head.query}&{extra}" if head.query else extra
        yield f"query {query}", "mismatch", signed.changed(query=query)
    parts = head.query.split("&") if head.query else []
    for index, part in enumerate(parts):
        if part.startswith("X-Amz-"):
            continue
        rest = parts[:index] + parts[index + 1 :]
        yield f"without {part}", "mismatch", signed.changed(query="&".join(rest))
        for other in _other_parts(part):
            query = "&".join([*rest, other])
            yield f"query {query}", "mismatch", signed.changed(query=query)


def _other_parts(part: str) -> set[str]:
    """A part with another value, once more, under a name of another case, and with the value inside the name."""
    name, _, value = part.partition("=")
    swapped = name if "%" in name else name.swapcase()
    others = {f"{part}1", f"{part}&{part}", f"{swapped}={value}", f"{name}%3D{value}", f"{name}={value}%00"}
    return others - {part}


def header_mutants(signed: Signed) -> Iterator[Mutant]:
    """Every signed header but those that have mutants of their own, and headers that nobody signed."""
    signature = signature_of(signed)
    headers = signed.head.headers
    for name in signature.signed_headers:
        if name in ("x-amz-date", "x-amz-content-sha256"):
            continue
        for changed in _other_values(name, headers[name]):
            yield f"header {name}: {changed}", "mismatch", signed.with_header(name, changed)
        yield f"without header {name}", "mismatch", signed.without_header(name)
    for name in ("x-amz-acl", "x-amz-security-token", "x-amz-new", "x-amz-copy-source"):
        if name not in headers:
            yield f"extra header {name}", "unsigned", signed.with_header(name, "value")


def _other_values(name: str, value: str) -> list[str]:
    """Values that a header may be changed to; that of a header given twice is joined by a comma."""
    others = [f"{value}x", flip(value, 0), f"{value},{value}", f",{value}", f"{value} x", ""]
    if name == "host":
        bare = value.partition(":")[0]
        others += [f"{bare}:80", f"{bare}:4601", f"{bare}.", f"bucket.{value}", bare]
    return [other for other in others if other != value]


def s3_paths(signed: Signed) -> list[str]:
    """Paths that are another object's in S3, and the same resource's everywhere else."""
    path = signed.head.path
    if signed.service != "s3":
        return []
    changed = (path.replace("/", "//"), f"/.{path}", f"/x/..{path}", f"{path}/.", f"{path}/", f"{path}%2F")
    return [other for other in changed if other != path]


def harmless(signed: Signed) -> Iterator[tuple[str, Signed]]:
    """The same request in other words: what proxies and HTTP libraries do to it on the way."""
    head = signed.head
    parts = head.query.split("&") if head.query else []
    if len(parts) > 1:
        yield "query in another order", signed.changed(query="&".join(reversed(parts)))
        yield "query with an empty part", signed.changed(query="&".join([*parts, ""]))
    for part in parts:
        if not part.startswith("X-Amz-") and "=" not in part:
            query = "&".join(f"{item}=" if item == part else item for item in parts)
            yield f"{part} with an equals sign", signed.changed(query=query)
    for name, value in head.headers.items():
        if name not in ("authorization", "x-amz-date", "x-amz-content-sha256"):
            yield f"white space around {name}", signed.with_header(name, f"  {value}\t")
        if " " in value and name != "authorization":
            yield f"more white space in {name}", signed.with_header(name, value.replace(" ", "   "))
    yield "a header more that nobody signed", signed.with_header("via", "1.1 proxy")
    if signed.service == "s3":
        yield "path in other escapes", signed.changed(path=head.path.replace("k", "%6B").replace("b", "%62"))
        yield "small hexadecimal digits", signed.changed(path=_ESCAPE.sub(lambda match: match[0].lower(), head.path))
    elif "//" not in head.path:
        yield "a dot segment", signed.changed(path=f"/.{head.path}")
        yield "two slashes", signed.changed(path=f"/{head.path}")


def body_mutants(signed: Signed) -> Iterator[Mutant]:
    signature = signature_of(signed)
    if signature.payload_hash != sigv4.UNSIGNED_PAYLOAD:
        for body in (signed.body + b" ", b"x", signed.body[::-1] + b"\x00", signed.body[1:] + b"2"):
            yield f"body {body!r}", "body", replace(signed, body=body)
    if "x-amz-content-sha256" in signed.head.headers:
        for value in (hashlib.sha256(b"other").hexdigest(), "0" * 64):
            yield "declared hash", "body", signed.with_header("x-amz-content-sha256", value)
        for word in sorted({sigv4.UNSIGNED_PAYLOAD, *sigv4.STREAMING} - {signature.payload_hash}):
            yield f"body said to be {word}", "mismatch", signed.with_header("x-amz-content-sha256", word)


def _swapped(signed: Signed, old: str, new: str) -> Signed:
    """With another text in the signature's own parameters."""
    if signature_of(signed).presigned:
        query = signed.head.query
        assert quote(old, safe="") in query
        return signed.changed(query=query.replace(quote(old, safe=""), quote(new, safe="")))
    value = signed.head.headers["authorization"]
    assert old in value
    return signed.with_header("authorization", value.replace(old, new))


def credential_mutants(signed: Signed) -> Iterator[Mutant]:
    """Every part of the credential, the signature and the token."""
    signature = signature_of(signed)
    key, scope, given = signature.access_key_id, signature.scope, signature.signature
    for index in (0, 5, len(key) - 1):
        yield f"key {index}", "key", _swapped(signed, key, flip(key, index))
    changed = [flip(given, index).replace("g", "0") for index in range(0, 64, 9)]
    for other in (*changed, given[:-1], given[::-1], f"{given}0", "0" * 64):
        yield f"signature {other}", "mismatch", _swapped(signed, given, other)
    date, region, service, _ = scope.split("/")
    for other in ("us-west-2", "us-east-11", "eu-west-1"):
        yield f"region {other}", "mismatch", _swapped(signed, scope, f"{date}/{other}/{service}/aws4_request")
    for other in (_moved(date, -1), _moved(date, 1), _moved(date, -365)):
        yield f"date {other}", "scope", _swapped(signed, scope, f"{other}/{region}/{service}/aws4_request")
    for other in ("ec2", "execute-api"):
        yield f"service {other}", "service", _swapped(signed, scope, f"{date}/{region}/{other}/aws4_request")
    yield "terminator", "incomplete", _swapped(signed, scope, f"{date}/{region}/{service}/aws5_request")
    token = signature.session_token
    if not token:
        return
    for other in (f"{token}x", flip(token, 0)):
        in_query = _swapped(signed, token, other) if signature.presigned else None
        yield "token", "mismatch", in_query or signed.with_header("x-amz-security-token", other)
    if not signature.presigned:
        yield "no token", "mismatch", signed.without_header("x-amz-security-token")


def name_mutants(signed: Signed) -> Iterator[Mutant]:
    """The list of signed headers."""
    signature = signature_of(signed)
    listed = signature.signed_headers
    names = ";".join(listed)
    without_host = ";".join(name for name in listed if name != "host") or "x"
    yield "names without host", "unsigned", _swapped(signed, names, without_host)
    yield "one name more", "mismatch", _swapped(signed, names, f"{names};user-agent")
    yield "a name twice", "mismatch", _swapped(signed, names, f"{names};host")
    for name in listed:
        if name != "host":
            rest = ";".join(other for other in listed if other != name)
            kind = "unsigned" if name.startswith("x-amz-") else "mismatch"
            yield f"{name} not signed", kind, _swapped(signed, names, rest)
    if len(listed) > 1:
        yield "names in another order", "mismatch", _swapped(signed, names, ";".join(reversed(listed)))


def _moved(date: str, days: int) -> str:
    return (datetime.strptime(date, "%Y%m%d") + timedelta(days=days)).strftime("%Y%m%d")  # noqa: DTZ007 - a day only


def time_mutants(signed: Signed) -> Iterator[Mutant]:
    """The moment of signing, and how long a URL is good."""
    signature = signature_of(signed)
    when = datetime.strptime(signature.timestamp, _TIMESTAMP).replace(tzinfo=UTC)
    for moved in ((when + timedelta(seconds=step)).strftime(_TIMESTAMP) for step in (1, -60)):
        if signature.presigned:
            query = signed.head.query.replace(signature.timestamp, moved)
            yield f"timestamp {moved}", "mismatch", signed.changed(query=query)
        else:
            yield f"timestamp {moved}", "mismatch", signed.with_header("x-amz-date", moved)
    if signature.presigned:
        for expires in ("3601", "604800", "1", "0"):
            query = signed.head.query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={expires}")
            yield f"expires {expires}", "mismatch", signed.changed(query=query)
