"""Who calls, and may they? The only file of the door that knows signatures, sessions and policies.

Answers from the access snapshot. Root's own key needs no policy; everybody else is decided per request, because
conditions may look at the time and at the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clary.access.callers import Caller, identify
from clary.access.sessions import ExpiredToken, InvalidClientTokenId
from clary.base.clock import Clock
from clary.base.errors import AccessDenied
from clary.base.snapshots import Access
from clary.door.exchange import Exchange
from clary.wire.error_codes import CredentialFault, credential_error
from clary.wire.http import RequestHead
from clary.wire.sigv4 import Signature, Verifier, read_signature

_SERVICE = "sagemaker"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose signature was right, and the region the request was signed for."""

    caller: Caller
    region: str

    @property
    def account(self) -> str:
        return self.caller.principal.account


class Authentication:
    """Checks signatures and policies against the snapshot that was applied last."""

    def __init__(self, master_key: str, clock: Clock) -> None:
        self._master_key = master_key
        self._clock = clock
        self._access = Access()
        self._verifier = Verifier()
        self._callers: dict[str, Caller] = {}

    def apply(self, access: Access) -> None:
        self._access = access
        self._callers = {}

    def authenticate(self, exchange: Exchange, digest: str) -> Identity:
        """Raises ApiError when the request is not signed, or not rightly. `digest`: SHA-256 of the body."""
        head = request_head(exchange)
        signature, caller = self._claimed(head)
        self._verifier.verify(head, signature, caller.secret, digest, self._clock.now(), service=_SERVICE)
        return Identity(caller, signature.region)

    def known(self, exchange: Exchange) -> None:
        """Raises ApiError when the request names no key that is in force. Proves nothing yet."""
        self._claimed(request_head(exchange))

    def authorise(
        self, identity: Identity, action: str, resource: str, exchange: Exchange, tags: Mapping[str, str]
    ) -> None:
        """AccessDenied, in AWS's words, unless a policy allows it. `tags` are those of the resource."""
        caller = identity.caller
        if caller.principal.kind == "root" and not caller.policies.identity and caller.policies.session is None:
            return
        context = self._context(identity, exchange)
        for key, value in tags.items():
            context |= {f"{prefix}:resourcetag/{key.lower()}": value for prefix in ("aws", _SERVICE)}
        decision = caller.may(action, resource, context)
        if not decision.allowed:
            raise AccessDenied(decision.message(caller.request(action, resource, context)))

    def _claimed(self, head: RequestHead) -> tuple[Signature, Caller]:
        signature = read_signature(head)
        if signature is None:
            raise credential_error(CredentialFault.MISSING, head, _SERVICE)
        try:
            return signature, self._caller(signature.access_key_id, signature.session_token)
        except ExpiredToken as error:
            raise credential_error(CredentialFault.EXPIRED_TOKEN, head, _SERVICE) from error
        except InvalidClientTokenId as error:
            raise credential_error(CredentialFault.UNKNOWN_KEY, head, _SERVICE) from error

    def _caller(self, access_key_id: str, token: str) -> Caller:
        """Long-term keys are remembered until the next snapshot; sessions end by time, so they are not."""
        if token:
            return identify(self._access, self._master_key, access_key_id, token, self._clock.now())
        caller = self._callers.get(access_key_id)
        if caller is None:
            caller = identify(self._access, self._master_key, access_key_id, None, self._clock.now())
            self._callers[access_key_id] = caller
        return caller

    def _context(self, identity: Identity, exchange: Exchange) -> dict[str, str | list[str]]:
        now = self._clock.now()
        return {
            "aws:sourceip": exchange.channel.client,
            "aws:securetransport": "true" if exchange.channel.scheme == "https" else "false",
            "aws:useragent": exchange.fields.get(b"user-agent", b"").decode("utf-8", "replace"),
            "aws:requestedregion": identity.region,
            "aws:viaawsservice": "false",
            "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:epochtime": str(int(now.timestamp())),
        }


def request_head(exchange: Exchange) -> RequestHead:
    """The head as signatures see it."""
    path, _, query = exchange.target.decode("utf-8", "surrogateescape").partition("?")
    headers = {
        name.decode("ascii"): value.decode("utf-8", "surrogateescape") for name, value in exchange.fields.items()
    }
    return RequestHead(exchange.method.decode("ascii"), path, query, headers)
