"""What happens to a request, in order. Reading the list of links is reading the door.

A link takes the request's head and returns a handler, or None to leave it to the next; it raises ApiError to
refuse. The head itself has been checked before (`limits`, called by the connection).
"""

from __future__ import annotations

from collections.abc import Callable

from clary.base.errors import ApiError
from clary.base.log import get_logger
from clary.base.settings import Settings
from clary.door.authentication import Authentication
from clary.door.bodies import Held
from clary.door.control_link import ControlLink
from clary.door.exchange import Exchange, Handler
from clary.door.invocations import Authenticate, Authorise, InvokeEndpoint, Serve, Terms, check_parameters
from clary.door.passing_on import PassOn
from clary.serving.forwarder import Forwarder

log = get_logger(__name__)

Link = Callable[[Exchange], Handler | None]


class Chain:
    """The links, and the one place where an unexpected exception becomes an InternalFailure."""

    def __init__(
        self, settings: Settings, authentication: Authentication, forwarder: Forwarder, control: ControlLink
    ) -> None:
        self.links: tuple[Link, ...] = (
            refuse_faulty_head,
            InvokeEndpoint(
                Terms(
                    settings.max_invocation_bytes, settings.layout.run, Held(), authentication.known, self.complete
                ),
                Authenticate(authentication),
                Authorise(authentication, forwarder.tags_of),
                check_parameters,
                Serve(forwarder),
            ),
            PassOn(control),
        )

    def open(self, exchange: Exchange) -> None:
        """Find the handler of a request whose head has arrived."""
        self._guard(exchange, self._find)

    def complete(self, exchange: Exchange) -> None:
        """The body has arrived as well."""
        self._guard(exchange, _complete)

    def _find(self, exchange: Exchange) -> None:
        for link in self.links:
            exchange.handler = link(exchange)
            if exchange.handler is not None:
                return

    def _guard(self, exchange: Exchange, work: Callable[[Exchange], None]) -> None:
        try:
            work(exchange)
        except ApiError as error:
            self._fail(exchange, error)
        except Exception:
            log.exception("request failed", extra={"request_id": exchange.identity()})
            self._fail(exchange, ApiError("An internal failure occurred. Try your request again."))

    def _fail(self, exchange: Exchange, error: ApiError) -> None:
        if exchange.handler is not None:
            exchange.handler.abandoned()
        exchange.fail(error)


def refuse_faulty_head(exchange: Exchange) -> None:
    """Heads that were found faulty are answered in their turn."""
    if exchange.fault is not None:
        raise exchange.fault


def _complete(exchange: Exchange) -> None:
    if exchange.handler is not None:
        exchange.handler.complete()
