"""Who sends this request: signature, credentials, time. Nobody gets past here unsigned."""

from __future__ import annotations

from collections.abc import Callable

from clary.access import callers
from clary.base.clock import Clock
from clary.base.snapshots import Access
from clary.control.call import Call
from clary.wire.sigv4 import Verifier, missing_signature, read_signature


class Authentication:
    """Checks signatures against the current credentials (the same records the doors read)."""

    def __init__(self, access: Callable[[], Access], master_key: str, clock: Clock) -> None:
        self._access = access
        self._master_key = master_key
        self._clock = clock
        self._verifier = Verifier()

    def check(self, call: Call, payload_sha256: str) -> None:
        """Fill in `signature` and `caller`, or raise the error AWS answers."""
        target = call.known_target
        signature = read_signature(call.head)
        if signature is None:
            raise missing_signature(target.service)
        now = self._clock.now()
        caller = callers.identify(
            self._access(), self._master_key, signature.access_key_id, signature.session_token, now
        )
        self._verifier.verify(call.head, signature, caller.secret, payload_sha256, now)
        call.signature, call.caller = signature, caller
