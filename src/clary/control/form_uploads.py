"""Objects that browsers upload with a form (POST to the bucket's URL): read, checked, then put like all others.

Fields come before the file; as soon as they are known, signature, policy and permission are checked, so that no byte
of a file is kept for somebody who may not put it. How large it may be is checked while it comes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

from clary.base.errors import ApiError
from clary.control.authentication import Authentication
from clary.control.authorization import authorize_operation
from clary.control.bodies import chunks
from clary.control.call import Call
from clary.control.context import ContextMaker
from clary.control.dispatch import find_operation
from clary.control.spool import Spool, SpoolOpener
from clary.wire import form_policies
from clary.wire.form_policies import Sizes
from clary.wire.http import RequestHead, Response
from clary.wire.multipart_forms import FormReader, boundary_of
from clary.wire.parsing import parse
from clary.wire.routing import Router, Target
from clary.wire.sigpost import missing_field
from clary.wire.validation import validate
from clary.wire.xml import DECLARATION

_PIECE = 1024 * 1024
_HEADERS = frozenset(
    {"cache-control", "content-disposition", "content-encoding", "content-md5", "content-type", "expires"}
)
_OF_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature"}
)
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f]")
_VARIABLE = "${filename}"


@dataclass(frozen=True, slots=True)
class Form:
    """What the answer depends on."""

    bucket: str
    key: str
    fields: Mapping[str, str]
    url: str

    def answer(self, response: Response) -> Response:
        """Instead of what PutObject answers: a redirect, a small document, or nothing."""
        etag = response.headers.get("ETag", response.headers.get("etag", ""))
        target = self.fields.get("success_action_redirect") or self.fields.get("redirect") or ""
        if _is_url(target):
            told = urlencode({"bucket": self.bucket, "key": self.key, "etag": etag})
            where = f"{target}{'&' if '?' in target else '?'}{told}"
            return Response(303, {**response.headers, "location": where}, b"")
        headers = {**response.headers, "location": self.url}
        status = self.fields.get("success_action_status")
        if status != "201":
            return Response(200 if status == "200" else 204, headers, b"")
        shown = {"Location": self.url, "Bucket": self.bucket, "Key": self.key, "ETag": etag}
        members = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in shown.items())
        body = f"{DECLARATION}<PostResponse>{members}</PostResponse>".encode()
        return Response(201, {**headers, "content-type": "application/xml"}, body)


class FormUploads:
    """Threads may share it."""

    def __init__(
        self,
        router: Router,
        authentication: Authentication,
        make_context: ContextMaker,
        open_spool: SpoolOpener,
        pool: Executor,
    ) -> None:
        self._router = router
        self._authentication = authentication
        self._make_context = make_context
        self._open_spool = open_spool
        self._pool = pool

    def applies(self, head: RequestHead) -> bool:
        """An unsigned POST of a form to the URL of a bucket."""
        if head.method != "POST" or head.query or "authorization" in head.headers or "x-amz-target" in head.headers:
            return False
        return self._router.is_bucket(head) and head.headers.get("content-type", "").startswith("multipart/form-data")

    async def take(self, call: Call) -> Form:
        """Fill in target, caller, parameters and body; the caller may do it when this has returned."""
        loop = asyncio.get_running_loop()
        reader = FormReader(boundary_of(call.head.headers["content-type"]))
        upload: _Upload | None = None
        piece = bytearray()
        try:
            async for chunk in chunks(call.receive):
                piece += reader.feed(chunk)
                if upload is None and reader.at_file:
                    upload = await loop.run_in_executor(self._pool, self._begin, call, reader)
                if upload is not None and len(piece) >= _PIECE:
                    await loop.run_in_executor(self._pool, upload.write, bytes(piece))
                    piece.clear()
            reader.finish()
            if upload is None:
                raise AssertionError("a finished form has a file")
            call.body = await loop.run_in_executor(self._pool, upload.finish, bytes(piece))
        except BaseException:
            if upload is not None:
                upload.spool.discard()
            raise
        call.parameters["Body"] = call.body
        return upload.form

    def _begin(self, call: Call, reader: FormReader) -> _Upload:
        bucket = self._router.bucket_of(call.head)
        fields = {name: value.replace(_VARIABLE, reader.file_name) for name, value in reader.fields.items()}
        fields |= {name: reader.fields[name] for name in ("policy",) if name in reader.fields}
        if not fields.get("key"):
            raise missing_field("key")
        call.target = self._target("PutObject", bucket, fields["key"])
        self._authentication.check_form(call, fields)
        sizes = Sizes()
        if call.signature is not None and call.at is not None:
            sizes = form_policies.check(fields["policy"], {**fields, "bucket": bucket}, call.at)
        headers = _headers(fields)
        call.parameters = parse(call.target, replace(call.head, method="PUT", headers=headers), b"")
        call.parameters.pop("Body", None)
        if "tagging" in fields:
            call.parameters["Tagging"] = self._tagging(call, bucket, fields)
        validate(call.target, call.parameters)
        authorize_operation(
            call.target, find_operation(call.target), self._make_context.of_call(call), call.parameters
        )
        form = Form(bucket, fields["key"], fields, _url(call.head, fields["key"]))
        return _Upload(form, sizes, self._open_spool.of_file(headers))

    def _target(self, operation: str, bucket: str, key: str) -> Target:
        shapes = self._router.catalog.operation("s3", operation)
        return Target("s3", shapes, "rest-xml", {"Bucket": bucket, "Key": key})

    def _tagging(self, call: Call, bucket: str, fields: Mapping[str, str]) -> str:
        """The field is a document; PutObject has tags as the text of a query."""
        target = self._target("PutObjectTagging", bucket, fields["key"])
        read = parse(target, replace(call.head, method="PUT", headers={}), fields["tagging"].encode())
        validate(target, read)
        return urlencode([(tag["Key"], tag["Value"]) for tag in read["Tagging"].get("TagSet") or []])


@dataclass(slots=True)
class _Upload:
    """The file on its way."""

    form: Form
    sizes: Sizes
    spool: Spool
    size: int = 0

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self.sizes.check_most(self.size)
        self.spool.write(piece)

    def finish(self, piece: bytes) -> Any:
        self.size += len(piece)
        self.sizes.check(self.size)
        return self.spool.finish(piece)


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The headers that PutObject would have for the same."""
    kept = {
        name: value
        for name, value in fields.items()
        if name in _HEADERS or (name.startswith("x-amz-") and name not in _OF_SIGNATURE)
    }
    for name, value in kept.items():
        if not _NAME.fullmatch(name) or _CONTROLS.search(value):
            text = "A field that becomes a header holds characters that headers cannot have."
            raise ApiError(text, code="InvalidArgument", status=400, ArgumentName=name[:100], ArgumentValue="")
    return {**kept, **({"x-amz-acl": fields["acl"]} if "acl" in fields else {})}


def _is_url(text: str) -> bool:
    """Whether it may stand in a Location header."""
    parts = urlsplit(text) if text.isascii() and text.isprintable() and " " not in text else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)


def _url(head: RequestHead, key: str) -> str:
    scheme = "https" if head.headers.get("x-clary-scheme") == "https" else "http"
    path = f"{head.path.rstrip('/')}/{quote(key)}"
    return f"{scheme}://{quote(head.headers.get('host', ''), safe=':[]')}{path}"
