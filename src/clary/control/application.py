"""The ASGI application. Reading the list in `Application.__call__` is reading what happens to a request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import Any

from clary.base.errors import AccessDenied, ApiError
from clary.base.log import get_logger
from clary.control import bodies
from clary.control.audit import AuditTrail
from clary.control.authentication import Authentication
from clary.control.authorization import authorize_operation
from clary.control.call import Call
from clary.control.cross_origin import CrossOrigin
from clary.control.dispatch import find_operation
from clary.control.form_uploads import FormUploads
from clary.control.hold import Hold
from clary.control.internal import InternalPaths
from clary.control.sending import send_response
from clary.control.spool import Spool
from clary.services.context import Context
from clary.services.operation import Operation
from clary.store.blobs import Incoming
from clary.store.database import disk_is_full
from clary.wire.error_codes import localize
from clary.wire.facts import FACTS
from clary.wire.http import RequestHead
from clary.wire.parsing import parse
from clary.wire.rendering import render, render_error
from clary.wire.routing import Router
from clary.wire.validation import validate

log = get_logger(__name__)

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ContextFactory = Callable[[Call], Context]


class Application:
    """Everything the chain needs is handed in by `composition`."""

    def __init__(
        self,
        internal: InternalPaths,
        router: Router,
        authentication: Authentication,
        hold: Hold,
        make_context: ContextFactory,
        open_spool: Callable[[Call], Spool],
        pool: ThreadPoolExecutor,
        waiting_pool: ThreadPoolExecutor,
        audit: AuditTrail,
        cross_origin: CrossOrigin,
        forms: FormUploads,
    ) -> None:
        """`waiting_pool` is for handlers that wait for somebody else's work."""
        self._internal = internal
        self._router = router
        self._authentication = authentication
        self._hold = hold
        self._make_context = make_context
        self._open_spool = open_spool
        self._pool = pool
        self._waiting_pool = waiting_pool
        self._audit = audit
        self._cross_origin = cross_origin
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        call = Call(_head_of(scope), receive)
        try:
            call.response = self._internal.answer(call.head)
            if self._internal.hands_out(call.head):
                call.response = await self._in_thread(self._internal.hand_out, call.head)
            if call.response is None and self._cross_origin.is_preflight(call.head):
                call.response = await self._in_thread(self._cross_origin.preflight, call.head)
            if call.response is None and self._forms.applies(call.head):
                await self._take_form(call)
            if call.response is None:
                await self._identify(call)
                await self._take_body(call)
                await self._in_thread(self._check, call)
                await self._perform(call)
        except bodies.ClientGone:
            return
        except ApiError as error:
            self._audit.of_call(call, None, error)
            call.response = self._error(call, error)
        except Exception as error:
            log.exception("internal failure", extra={"request_id": call.request_id, "path": call.head.path})
            failure = ApiError(f"Clary failed; its log has more under request id {call.request_id}.")
            if disk_is_full(error):
                failure = ApiError("The disk that Clary's data folder is on is full; nothing was changed.")
            self._audit.of_call(call, None, failure)
            call.response = self._error(call, failure)
        if isinstance(call.body, Incoming):
            call.body.discard()
        if call.response is not None and "origin" in call.head.headers:
            call.response.headers.update(await self._in_thread(self._cross_origin.headers_for, call))
        await send_response(call, send, self._pool)

    async def _identify(self, call: Call) -> None:
        """Which service and operation. Query services name theirs in the body, so that is read first."""
        if self._router.needs_body(call.head):
            call.body = await bodies.read_body(call, self._router.most_body(call.head))
        call.target = self._router.identify(call.head, call.body)

    async def _take_body(self, call: Call) -> None:
        """A streamed body is only taken from somebody who is known, so its sender is authenticated on the way."""
        if call.known_target.streams_input:
            await self._in_thread(self._admit, call)
            call.body = await bodies.spool_body(call, self._open_spool(call), self._pool)
            return
        if call.body is None:
            most = FACTS[call.known_target.service].most_body_of(call.known_target.operation.name)
            call.body = await bodies.read_body(call, most)

    def _admit(self, call: Call) -> None:
        """Who sends a body that streams. Of strangers no byte is kept before it is sure that they may send it."""
        self._authentication.check(call, "")
        operation = find_operation(call.known_target)
        if call.known_caller.principal.kind == "anonymous":
            self._read(call, b"")
            authorize_operation(call.known_target, operation, self._make_context(call), call.parameters)

    async def _take_form(self, call: Call) -> None:
        """A form upload is PutObject said in another way."""
        form = await self._forms.take(call)
        await self._perform(call)
        call.response = form.answer(call.known_response)

    def _check(self, call: Call) -> None:
        """Authenticate (unless done), parse, validate against the service model, authorise."""
        if call.caller is None:
            self._authentication.check(call, sha256(call.body).hexdigest())
            if call.known_target.service == "s3":
                bodies.check_declared(call)
        self._read(call, call.body)
        operation = find_operation(call.known_target)
        authorize_operation(call.known_target, operation, self._make_context(call), call.parameters)

    def _read(self, call: Call, body: bytes) -> None:
        """Strangers do not learn what is wrong with their request: most of them have only forgotten to sign it."""
        try:
            call.parameters = parse(call.known_target, call.head, body)
            validate(call.known_target, call.parameters)
        except ApiError:
            if call.known_caller.principal.kind == "anonymous":
                raise AccessDenied("Access Denied") from None
            raise

    async def _perform(self, call: Call) -> None:
        """Run the handler; for the SageMaker SDK wait until a young job has ended; render; record."""
        name = call.known_target.operation.name
        operation = find_operation(call.known_target)
        again = partial(self._handle, call, operation)
        result = await again()
        if self._hold.applies(name, call.head, result):
            result = await self._hold.until_finished(name, call.head, again, result)
        elif operation.hold is not None:
            result = await self._hold.until_good(partial(operation.hold, call.parameters), again, result)
        call.response = render(call.known_target, result, call.request_id)
        self._audit.of_call(call, result, None)

    async def _handle(self, call: Call, operation: Operation) -> dict[str, Any]:
        def run() -> dict[str, Any]:
            return operation.handler(self._make_context(call), call.parameters)

        pool = self._waiting_pool if operation.waits else self._pool
        return await asyncio.get_running_loop().run_in_executor(pool, run)

    def _error(self, call: Call, error: ApiError) -> Any:
        if call.target is None:
            protocol = self._router.protocol(call.head)
            return render_error(protocol, error, call.request_id, call.head.path, method=call.head.method)
        return render_error(call.target, localize(call.target.service, error), call.request_id, call.head.path)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)


def _head_of(scope: Scope) -> RequestHead:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = _text(raw_name).lower(), _text(raw_value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return RequestHead(
        method=scope["method"], path=_text(scope["raw_path"]), query=_text(scope["query_string"]), headers=headers
    )


def _text(raw: bytes) -> str:
    """Text from which a signature can get the very same bytes back."""
    return raw.decode("utf-8", "surrogateescape")
