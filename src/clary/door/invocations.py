"""InvokeEndpoint: `POST /endpoints/NAME/invocations`, answered here without control.

The body is held until its signature has been checked, then goes to the endpoint's fleet. InvokeEndpointAsync
and response streams have other paths and are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from clary.base.arns import sagemaker_arn
from clary.base.errors import ApiError
from clary.door import answers, limits
from clary.door.authentication import Authentication, Identity
from clary.door.exchange import Exchange
from clary.serving.calls import Call, Headers, build_request
from clary.serving.errors import ServiceUnavailable, ValidationError
from clary.serving.forwarder import Forwarder

_TARGET = re.compile(rb"/endpoints/([^/?]+)/invocations(?:\?(.*))?", re.DOTALL)
_PRESIGNED = re.compile(rb"(?:^|&)X-Amz-Credential=[^&]*%2Fsagemaker%2F", re.IGNORECASE)
_NAME_PATTERN = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")
_ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
_VISIBLE_ASCII = re.compile(rb"[\x20-\x7e]{0,1024}")
_RETURNED = {
    b"content-type": b"Content-Type",
    _ATTRIBUTES: b"X-Amzn-SageMaker-Custom-Attributes",
    b"x-amzn-sagemaker-new-session-id": b"X-Amzn-SageMaker-New-Session-Id",
    b"x-amzn-sagemaker-closed-session-id": b"X-Amzn-SageMaker-Closed-Session-Id",
}

Step = Callable[["Invocation"], None]
"""Takes an invocation one step further, or raises ApiError."""


class Held:
    """How many bytes of invocation bodies this door holds."""

    def __init__(self, limit: int = limits.HELD_BODY_BYTES) -> None:
        self.limit = limit
        self.bytes = 0


class Invocation:
    """Handler of the exchange and receiver of the call's end."""

    bounded = True

    def __init__(self, exchange: Exchange, name: str, steps: tuple[Step, ...], largest: int, held: Held) -> None:
        self.exchange = exchange
        self.endpoint_name = name
        self.body = b""
        self.identity: Identity | None = None
        self.call: Call | None = None
        self._steps = steps
        self._largest = largest
        self._held = held
        self._chunks: list[bytes] = []
        self._size = 0

    # Handler

    def feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        self._held.bytes += len(chunk)
        if self._size > self._largest:
            self._end(payload_too_large(self._largest))
        elif self._held.bytes > self._held.limit:
            self._end(ServiceUnavailable("Too many large invocations at the same time. Try again."))
        else:
            self._chunks.append(chunk)

    def complete(self) -> None:
        self.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        for step in self._steps:
            step(self)

    def abandoned(self) -> None:
        if self.call is not None:
            self.call.abandon()
        self._let_go()

    def pause(self) -> None:
        """The answer is there as a whole; there is nothing to hold back."""

    def resume(self) -> None:
        """See `pause`."""

    # Receiver

    def answered(self, variant: str, headers: Headers, body: bytes) -> None:
        self._let_go()
        exchange = self.exchange
        lines = b"".join([b"%b: %b\r\n" % (_RETURNED[name], value) for name, value in headers if name in _RETURNED])
        own = (
            f"x-Amzn-Invoked-Production-Variant: {variant}\r\nx-amzn-RequestId: {exchange.identity()}\r\n"
            f"Content-Length: {len(body)}\r\n"
        )
        exchange.answer(answers.STATUS_200, lines + own.encode(), body)

    def failed(self, error: ApiError) -> None:
        self._end(error)

    def _end(self, error: ApiError) -> None:
        self._let_go()
        self.exchange.fail(error)

    def _let_go(self) -> None:
        self._held.bytes -= self._size
        self._size = 0
        self._chunks = []
        self.body = b""
        self.call = None


class InvokeEndpoint:
    """The link of the chain that takes invocations; `steps` are what happens to each, in order."""

    def __init__(self, largest: int, *steps: Step, held: Held | None = None) -> None:
        self._largest = largest
        self._steps = steps
        self._held = held or Held()

    def __call__(self, exchange: Exchange) -> Invocation | None:
        if exchange.method != b"POST":
            return None
        match = _TARGET.fullmatch(exchange.target)
        if match is None:
            return None
        # An object store knows POST /bucket/key?uploads; only a presigned invocation has a query.
        if match[2] and not _PRESIGNED.search(match[2]):
            return None
        if exchange.length > self._largest:
            raise payload_too_large(self._largest)
        exchange.invite_body()
        name = unquote(match[1].decode("ascii"), errors="replace")
        return Invocation(exchange, name, self._steps, self._largest, self._held)


def payload_too_large(limit: int) -> ApiError:
    return ValidationError(f"HTTP content length exceeded {limit} bytes.", status=413)


# The steps


class Authenticate:
    """SigV4, by long-term key or session."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def __call__(self, invocation: Invocation) -> None:
        invocation.identity = self._authentication.authenticate(invocation.exchange, invocation.body)


class Authorise:
    """`sagemaker:InvokeEndpoint` on the endpoint's ARN."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def __call__(self, invocation: Invocation) -> None:
        identity = identity_of(invocation)
        arn = sagemaker_arn(identity.region, identity.account, "endpoint", invocation.endpoint_name)
        self._authentication.authorise(identity, "sagemaker:InvokeEndpoint", arn, invocation.exchange)


def check_parameters(invocation: Invocation) -> None:
    """Name and attributes as the service model has them."""
    name = invocation.endpoint_name
    if _NAME.fullmatch(name) is None:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'endpointName' failed to satisfy constraint: Member "
            f"must satisfy regular expression pattern: {_NAME_PATTERN}"
        )
    attributes = invocation.exchange.fields.get(_ATTRIBUTES)
    if attributes is not None and _VISIBLE_ASCII.fullmatch(attributes) is None:
        raise ValidationError(
            "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must have "
            "length less than or equal to 1024 and consist of visible ASCII characters"
        )


class Serve:
    """Hand the call to the endpoint's fleet; the answer comes to the invocation."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def __call__(self, invocation: Invocation) -> None:
        identity = identity_of(invocation)
        fields = invocation.exchange.fields
        fleet = self._forwarder.find(identity.account, identity.region, invocation.endpoint_name)
        target = fields.get(b"x-amzn-sagemaker-target-variant")
        request = build_request(fields, invocation.body)
        invocation.body = b""  # the request has it now; twice would be too much of large ones
        invocation.call = Call(request, invocation, target.decode("latin-1") if target is not None else None)
        fleet.submit(invocation.call)


def identity_of(invocation: Invocation) -> Identity:
    if invocation.identity is None:
        raise LookupError("authenticate comes before everything that asks who calls")
    return invocation.identity
