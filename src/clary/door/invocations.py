"""InvokeEndpoint and InvokeEndpointWithResponseStream: `POST /endpoints/NAME/invocations`, answered without control.

The body is held until its signature has been checked, then goes to the endpoint's fleet. InvokeEndpointAsync has
another path and is passed on.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from clary.base.arns import sagemaker_arn
from clary.base.errors import ApiError
from clary.base.log import get_logger
from clary.door import limits, parameters
from clary.door.authentication import Authentication, Identity
from clary.door.bodies import Held, RequestBody, SpooledFile, payload_too_large
from clary.door.exchange import Exchange
from clary.door.replies import PlainReply, Reply, StreamReply
from clary.serving import errors, sessions
from clary.serving.calls import Call, Headers, build_request
from clary.serving.forwarder import Forwarder

log = get_logger(__name__)

_TARGET = re.compile(rb"/endpoints/([^/?]+)/(invocations(?:-response-stream)?)(?:\?(.*))?", re.DOTALL)
_PRESIGNED = re.compile(rb"(?:^|&)X-Amz-Credential=[^&]*%2Fsagemaker%2F", re.IGNORECASE)

Step = Callable[["Invocation"], None]
"""Takes an invocation one step further, or raises ApiError."""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the two operations."""

    operation: str
    streamed: bool
    reply: type[Reply]


_FORMS = {
    b"invocations": Form("InvokeEndpoint", False, PlainReply),
    b"invocations-response-stream": Form("InvokeEndpointWithResponseStream", True, StreamReply),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What all invocations of a door have in common.

    `known` raises ApiError for a caller whose key nobody knows: not everybody may fill the disk. `go_on` brings an
    exchange whose body has been written to its handler's `complete`.
    """

    largest: int
    folder: Path
    held: Held
    known: Callable[[Exchange], None]
    go_on: Callable[[Exchange], None]


class Invocation:
    """Handler of the exchange and receiver of the call's end."""

    bounded = True

    def __init__(self, exchange: Exchange, name: str, form: Form, steps: tuple[Step, ...], terms: Terms) -> None:
        self.exchange = exchange
        self.endpoint_name = name
        self.form = form
        self.body = b""
        self.identity: Identity | None = None
        self.call: Call | None = None
        self._reply = form.reply(exchange)
        self._steps = steps
        self._terms = terms
        self._received = RequestBody(terms.held, terms.largest)
        self._writing: asyncio.Task[None] | None = None
        self._paused = False

    @property
    def file(self) -> SpooledFile | None:
        """Where a large body is; `body` is empty then."""
        return self._received.file

    def digest(self) -> str:
        return self.file.digest() if self.file is not None else hashlib.sha256(self.body).hexdigest()

    # Handler

    def feed(self, chunk: bytes) -> None:
        received = self._received
        try:
            received.feed(chunk)
            if received.large and self._writing is None:
                if received.file is None:
                    self._terms.known(self.exchange)
                self._writing = asyncio.get_running_loop().create_task(self._write_out())
        except ApiError as error:
            self._end(error)
            return
        if self._writing is not None and received.in_memory > 2 * limits.BODY_IN_MEMORY_BYTES:
            self.exchange.channel.hold_body(True)

    def complete(self) -> None:
        if self._writing is not None:
            return  # it is called again when all is written
        if self.file is None:
            self.body = self._received.take()
        for step in self._steps:
            step(self)

    def abandoned(self) -> None:
        if self.call is not None:
            self.call.abandon()
        self._let_go()

    def break_off(self, error: ApiError) -> bool:
        return self._reply.break_off(error)

    def pause(self) -> None:
        self._paused = True
        if self.call is not None:
            self.call.hold(True)

    def resume(self) -> None:
        self._paused = False
        if self.call is not None:
            self.call.hold(False)

    # Receiver

    def answered(self, variant: str, headers: Headers, body: bytes) -> None:
        self._let_go()
        self._reply.answered(variant, headers, body)

    def began(self, variant: str, headers: Headers) -> None:
        self._received.release()
        self._reply.began(variant, headers)
        if self._paused:
            self.pause()  # the client still has an earlier answer to read

    def part(self, data: bytes) -> None:
        self._reply.part(data)

    def ended(self) -> None:
        self._let_go()
        self._reply.ended()

    def failed(self, error: ApiError) -> None:
        self._end(error)

    # Inside

    async def _write_out(self) -> None:
        try:
            await self._received.write_out(self._terms.folder)
        except OSError as error:
            log.error("invocation body cannot be written", extra={"reason": str(error)})
            self._end(errors.InternalDependency("The request body could not be stored. Try again."))
            return
        self._writing = None
        if self.exchange.done:
            return
        self.exchange.channel.hold_body(False)
        if self.exchange.complete:
            self._terms.go_on(self.exchange)

    def _end(self, error: ApiError) -> None:
        self._let_go()
        self.exchange.fail(error)

    def _let_go(self) -> None:
        self._received.release()
        self.body = b""
        self.call = None


class InvokeEndpoint:
    """The link of the chain that takes invocations; `steps` are what happens to each, in order."""

    def __init__(self, terms: Terms, *steps: Step) -> None:
        self._terms = terms
        self._steps = steps

    def __call__(self, exchange: Exchange) -> Invocation | None:
        if exchange.method != b"POST":
            return None
        match = _TARGET.fullmatch(exchange.target)
        if match is None:
            return None
        # An object store knows POST /bucket/key?uploads; only a presigned invocation has a query.
        if match[3] and not _PRESIGNED.search(match[3]):
            return None
        if exchange.length > self._terms.largest:
            raise payload_too_large(self._terms.largest)
        exchange.invite_body()
        name = match[1].decode("ascii")
        if "%" in name:
            name = unquote(name, errors="replace")
        return Invocation(exchange, name, _FORMS[match[2]], self._steps, self._terms)


# The steps


class Authenticate:
    """SigV4, by long-term key or session."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def __call__(self, invocation: Invocation) -> None:
        invocation.identity = self._authentication.authenticate(invocation.exchange, invocation.digest())


class Authorise:
    """`sagemaker:InvokeEndpoint`, or what the other operation is called, on the endpoint's ARN."""

    def __init__(self, authentication: Authentication, tags_of: Callable[[str, str, str], Mapping[str, str]]) -> None:
        """`tags_of` gives the tags of an endpoint by account, region and name."""
        self._authentication = authentication
        self._tags_of = tags_of

    def __call__(self, invocation: Invocation) -> None:
        identity = identity_of(invocation)
        arn = sagemaker_arn(identity.region, identity.account, "endpoint", invocation.endpoint_name)
        action = f"sagemaker:{invocation.form.operation}"
        tags = self._tags_of(identity.account, identity.region, invocation.endpoint_name)
        self._authentication.authorise(identity, action, arn, invocation.exchange, tags)


def check_parameters(invocation: Invocation) -> None:
    """Name and headers as the service model has them."""
    parameters.check(invocation.exchange, invocation.endpoint_name, invocation.form.operation)


class Serve:
    """Hand the call to the endpoint's fleet; the answer comes to the invocation."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def __call__(self, invocation: Invocation) -> None:
        identity = identity_of(invocation)
        fields = invocation.exchange.fields
        fleet = self._forwarder.find(identity.account, identity.region, invocation.endpoint_name)
        if parameters.TARGET_MODEL in fields:
            raise errors.target_model_refused(fleet.endpoint)
        if parameters.TARGET_CONTAINER in fields:
            raise errors.target_container_refused(fleet.endpoint)
        invocation.call = _call(invocation)
        fleet.submit(invocation.call)


def _call(invocation: Invocation) -> Call:
    fields, file, streamed = invocation.exchange.fields, invocation.file, invocation.form.streamed
    session = None
    if sessions.HEADER in fields:
        session = sessions.read_session(fields[sessions.HEADER].decode("ascii"))
        fields = {**fields, sessions.HEADER: session.name.encode()}
    target = fields.get(parameters.TARGET_VARIANT)
    request = build_request(fields, invocation.body, length=file.size if file else None, streamed=streamed)
    invocation.body = b""  # the request has it now; twice would be too much of large ones
    return Call(
        request,
        invocation,
        target.decode("ascii") if target is not None else None,
        body=file,
        streamed=streamed,
        session=session,
        received_at=invocation.exchange.received_at,
    )


def identity_of(invocation: Invocation) -> Identity:
    if invocation.identity is None:
        raise LookupError("authenticate comes before everything that asks who calls")
    return invocation.identity
