"""Which service and operation a request is for.

One URL serves every service. A request names its operation in one of four ways, looked at in this order: the path
of smithy-rpc-v2-cbor, the header X-Amz-Target, the form field Action (query services), or method and path (REST
services, `routes`). The service name in the signature's scope tells the last two apart; a request without signature
can only be for S3, or a query request that names its version. Doors and control call this before anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from clary.base.errors import ApiError, NotServed
from clary.wire.catalog import Catalog, Operation
from clary.wire.compression import expanded, is_compressed
from clary.wire.facts import CBOR, MEBIBYTE, ServiceFacts
from clary.wire.http import RequestHead
from clary.wire.routes import RouteTable
from clary.wire.sigv4 import scope_service

_CBOR_PATH = re.compile(r".*/service/([A-Za-z0-9_.]+)/operation/([A-Za-z0-9_]+)")
_S3_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-][a-z0-9.-]+")
_SERVICE = re.compile(r"[a-z0-9-]{1,40}")
_FORM = "application/x-www-form-urlencoded"
_MAX_FORM_FIELDS = 40_000  # as many as a PutMetricData of AWS's size, 1 MB, can have
_OPERATION_FIELDS = frozenset({b"Action", b"Version"})
_MOST_OF_FIELD = 1000

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for. `path_parameters` are decoded; for S3 they hold Bucket and Key in either style."""

    service: str
    operation: Operation
    protocol: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def signing_name(self) -> str:
        """The service name that the signature's scope must have."""
        return str(self.operation.service_model.signing_name)

    @property
    def streams_input(self) -> bool:
        """The body is a stream of bytes to be handed to the handler unread."""
        member = _payload(self.operation.input_shape)
        return member is not None and member.type_name == "blob" and bool(member.serialization.get("streaming"))

    @property
    def event_stream_output(self) -> bool:
        return bool(self.operation.has_event_stream_output)


class Router:
    """Tells requests apart. `base_hosts` are the names under which `bucket.NAME` is a virtual-host S3 request."""

    def __init__(self, catalog: Catalog, base_hosts: Sequence[str] = ("localhost",)) -> None:
        self.catalog = catalog
        self._base_hosts = tuple(host.lower() for host in base_hosts)
        self._tables: dict[str, RouteTable] = {}
        self._by_prefix = {facts.target_prefix: facts for facts in catalog.facts.values() if facts.target_prefix}
        self._query_services = [facts for facts in catalog.facts.values() if facts.speaks_query]
        self._query_by_signing = {facts.signing_name: facts for facts in self._query_services}
        self._signing_names = frozenset(facts.signing_name for facts in catalog.facts.values())

    def needs_body(self, head: RequestHead) -> bool:
        """True when the operation's name is in the body, which must then be read before `identify`."""
        if head.method != "POST" or "x-amz-target" in head.headers or "smithy-protocol" in head.headers:
            return False
        if "Action=" in head.query:
            return False
        signed_as = scope_service(head)
        if signed_as:
            return signed_as in self._query_by_signing
        return _is_form(head)

    def most_body(self, head: RequestHead) -> int:
        """Of a query request, whose target is not known yet: what the service takes that it is signed for."""
        facts = self._query_by_signing.get(scope_service(head))
        return facts.most_body if facts else MEBIBYTE

    def protocol(self, head: RequestHead) -> str:
        """The protocol in which to word an error about a request that cannot be identified. Never fails."""
        if head.headers.get("smithy-protocol") == "rpc-v2-cbor":
            return CBOR
        if "x-amz-target" in head.headers:
            return "json"
        signed_as = scope_service(head)
        if signed_as in self._query_by_signing or (not signed_as and self.needs_body(head)):
            return "query"
        if signed_as not in self._signing_names and _is_form(head):
            return "query"  # of a service that Clary does not know, such as EC2
        return "rest-xml" if signed_as in ("", "s3") else "rest-json"

    def identify(self, head: RequestHead, form: Form | bytes | None = None) -> Target:
        """The request's target; raises ApiError as AWS words it. `form` is only looked at for query requests."""
        if head.headers.get("smithy-protocol") == "rpc-v2-cbor":
            return self._by_cbor_path(head)
        target = head.headers.get("x-amz-target")
        if target is not None:
            prefix, _, name = target.rpartition(".")
            if prefix not in self._by_prefix:
                self._refuse_unknown(head)
            return self._rpc(self._by_prefix.get(prefix), name, "json")
        signed_as = scope_service(head)
        if not signed_as:
            return self._unsigned(head, form)
        self._refuse_unknown(head)
        if signed_as in self._query_by_signing:
            return self._by_action(self._query_by_signing[signed_as], _fields(head, form))
        return self._by_route(signed_as, head)

    def _refuse_unknown(self, head: RequestHead) -> None:
        """Raise NotServed for a request that is signed for a service of which nothing is known here."""
        signed_as = scope_service(head)
        if signed_as and signed_as not in self._signing_names:
            name = signed_as if _SERVICE.fullmatch(signed_as) else "This service"
            raise NotServed(f"{name} is not served by this version of Clary; see docs/coverage.md.")

    def _by_cbor_path(self, head: RequestHead) -> Target:
        match = _CBOR_PATH.fullmatch(head.path)
        if match is None:
            raise _unknown_operation("The path does not name a service and an operation.", 404)
        return self._rpc(self._by_prefix.get(match[1]), match[2], CBOR)

    def _rpc(self, facts: ServiceFacts | None, name: str, protocol: str) -> Target:
        if facts is None or protocol not in facts.protocols:
            raise _unknown_operation(
                "The target names no service that this version of Clary serves; see docs/coverage.md."
            )
        operation = self.catalog.operation(facts.name, name)
        if operation is None:
            raise _unknown_operation(f"{facts.name} has no operation of this name.")
        return Target(facts.name, operation, protocol)

    def _by_action(self, facts: ServiceFacts, fields: Form) -> Target:
        action = fields.get("Action", "")
        if not action:
            raise ApiError("The request must contain the parameter Action", code="MissingAction", status=400)
        version = fields.get("Version", facts.version)
        operation = self.catalog.query_operation(facts.name, action) if version == facts.version else None
        if operation is None:
            text = f"Could not find operation {action[:128]} for version {version[:32]}"
            raise ApiError(text, code="InvalidAction", status=400)
        return Target(facts.name, operation, "query")

    def _unsigned(self, head: RequestHead, form: Form | bytes | None) -> Target:
        if form is not None or "Action=" in head.query:
            fields = _fields(head, form)
            for facts in self._query_services:
                if "Action" in fields and fields.get("Version") == facts.version:
                    return self._by_action(facts, fields)
        found, complete = self._find("s3", head)
        if not complete and head.method != "GET":
            # the paths of the SageMaker runtimes are no whole S3 request; let them be refused as what they are
            runtime, complete = self._find("sagemaker", head)
            found = runtime if complete else found
        return _known(found, "s3")

    def _by_route(self, signing_name: str, head: RequestHead) -> Target:
        return _known(self._find(signing_name, head)[0], signing_name)

    def _find(self, signing_name: str, head: RequestHead) -> tuple[Target | None, bool]:
        """The target by method and path, and whether the parameters that make out the operation are all there."""
        table = self._table(signing_name)
        path = self._s3_path(head) if signing_name == "s3" else head.path
        query = dict(reversed(head.query_pairs)) if head.query else {}
        found = table.find(head.method, path, query, head.headers) if table else None
        if found is None:
            return None, False
        route, labels = found
        try:
            decoded = {name: _bytes_of(value).decode() for name, value in labels.items()}
        except UnicodeDecodeError:
            raise ApiError("Couldn't parse the specified URI.", code="InvalidURI", status=400) from None
        target = Target(route.service, route.operation, self.catalog.facts[route.service].protocols[0], decoded)
        return target, route.has_required(query, head.headers)

    def _table(self, signing_name: str) -> RouteTable | None:
        table = self._tables.get(signing_name)
        if table is None:
            services = [facts.name for facts in self.catalog.signing_as(signing_name) if facts.is_rest]
            if not services:
                return None
            operations = (
                (service, self.catalog.operation(service, name))
                for service in services
                for name in self.catalog.service(service).operation_names
            )
            table = self._tables.setdefault(signing_name, RouteTable(operations))
        return table

    def bucket_of(self, head: RequestHead) -> str:
        """The bucket that a request of S3 speaks of; empty when it names none."""
        return _bytes_of(self._s3_path(head).lstrip("/").partition("/")[0]).decode("utf-8", "replace")

    def is_bucket(self, head: RequestHead) -> bool:
        """Whether the URL is that of a bucket, not of an object."""
        bucket, _, key = self._s3_path(head).lstrip("/").partition("/")
        return bool(bucket) and not key

    def _s3_path(self, head: RequestHead) -> str:
        """The path in path style: a bucket named by the Host header is put in front."""
        host = head.host
        for base in self._base_hosts:
            if host == base or host in ("s3." + base, "sync-" + base, "stream-" + base):
                return head.path
            if host.endswith("." + base):
                bucket = host[: -len(base) - 1].removesuffix(".s3")
                return f"/{bucket}{head.path}"
        match = _S3_HOST.fullmatch(host)
        return f"/{match['bucket']}{head.path}" if match else head.path


def _is_form(head: RequestHead) -> bool:
    return head.path == "/" and head.headers.get("content-type", "").startswith(_FORM)


def _bytes_of(escaped: str) -> bytes:
    """What a part of a path stands for, whether its bytes are escaped or not."""
    return unquote_to_bytes(escaped.encode("utf-8", "surrogateescape"))


def _payload(shape: Operation) -> Operation | None:
    name = shape.serialization.get("payload") if shape else None
    return shape.members[name] if name else None


def _fields(head: RequestHead, form: Form | bytes | None) -> dict[str, str]:
    """Query string and what the form says of the operation; the form wins."""
    fields = dict(head.query_pairs)
    if isinstance(form, bytes):
        form = _operation_of(expanded(form) if is_compressed(head) else form)
    fields.update(form or {})
    return fields


def _operation_of(body: bytes) -> dict[str, str]:
    """What a form says of its operation. No more is read of it until it is known who sent it."""
    found = {}
    parts = body.split(b"&", _MAX_FORM_FIELDS)
    if len(parts) > _MAX_FORM_FIELDS:
        raise _malformed_form()
    for part in parts:
        name, separator, value = part.partition(b"=")
        if separator and name in _OPERATION_FIELDS:
            try:
                found[name.decode()] = unquote_to_bytes(value[:_MOST_OF_FIELD]).decode()
            except UnicodeDecodeError:
                raise _malformed_form() from None
    return found


def parse_form(body: bytes) -> dict[str, str]:
    """A form body as names and values; of a repeated name the last value counts."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FORM_FIELDS, separator="&"
        )
    except ValueError:
        raise _malformed_form() from None
    return dict(pairs)


def _malformed_form() -> ApiError:
    return ApiError("The form body is malformed.", code="MalformedInput", status=400)


def _unknown_operation(message: str, status: int = 400) -> ApiError:
    return ApiError(message, code="UnknownOperationException", status=status)


def _known(target: Target | None, signing_name: str) -> Target:
    if target is not None:
        return target
    if signing_name == "s3":
        text = "The specified method is not allowed against this resource."
        raise ApiError(text, code="MethodNotAllowed", status=405)
    raise _unknown_operation("No operation has this method and path.", 404)
