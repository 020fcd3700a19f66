"""Makes the Context of an operation from a call."""

from __future__ import annotations

from dataclasses import dataclass

from clary.access.evaluation import time_keys
from clary.base import ids
from clary.base.clock import Clock
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.control.authorization import Authorization, connection_keys
from clary.control.call import Call
from clary.services.context import Context
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.paging import Pager


@dataclass(frozen=True, slots=True)
class ContextMaker:
    """What all contexts of one control share."""

    database: Database
    blobs: Blobs
    installation: Installation
    settings: Settings
    pager: Pager
    clock: Clock

    def of_call(self, call: Call) -> Context:
        """For a request that came over the wire."""
        return self(
            Authorization(call.known_caller, connection_keys(call.head, call.region)),
            region=call.region,
            request_id=call.request_id,
            source_address=call.head.headers.get("x-clary-client", ""),
            user_agent=call.head.headers.get("user-agent", ""),
        )

    def __call__(
        self,
        authorization: Authorization,
        *,
        region: str,
        request_id: str | None = None,
        source_address: str = "",
        user_agent: str = "",
    ) -> Context:
        caller = authorization.caller
        # Clients see milliseconds, and compare times they have seen: nothing finer is kept.
        now = self.clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        authorization.keys |= time_keys(now)
        return Context(
            account=caller.principal.account,
            region=region,
            principal=caller.principal,
            request_id=request_id or ids.request_id(),
            now=now,
            database=self.database,
            blobs=self.blobs,
            installation=self.installation,
            settings=self.settings,
            pager=self.pager,
            authorize=authorization,
            source_address=source_address,
            user_agent=user_agent,
            policies=caller.policies,
            condition_keys={**authorization.keys, **caller.keys},
        )
