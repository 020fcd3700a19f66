"""Makes the Context of an operation from a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clary.access.evaluation import time_keys
from clary.base import ids
from clary.base.clock import Clock
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.control.authorization import Authorization, connection_keys
from clary.control.call import Call
from clary.services.context import Context, Functions
from clary.store import principals, tags
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.paging import Pager

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class ContextMaker:
    """What all contexts of one control share."""

    database: Database
    blobs: Blobs
    installation: Installation
    settings: Settings
    pager: Pager
    clock: Clock
    functions: Functions

    def of_call(self, call: Call) -> Context:
        """For a request that came over the wire."""
        return self(
            Authorization(call.known_caller, connection_keys(call.head, call.region)),
            region=call.region,
            request_id=call.request_id,
            source_address=call.head.headers.get("x-clary-client", ""),
            user_agent=call.head.headers.get("user-agent", ""),
            endpoint=_endpoint(call),
        )

    def __call__(
        self,
        authorization: Authorization,
        *,
        region: str,
        request_id: str | None = None,
        source_address: str = "",
        user_agent: str = "",
        endpoint: str = "",
    ) -> Context:
        caller = authorization.caller
        # Clients see milliseconds, and compare times they have seen: nothing finer is kept.
        now = self.clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        authorization.keys |= time_keys(now)
        authorization.resource_tags = self._tags_of
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
            endpoint=endpoint or self.settings.public_url,
            functions=self.functions,
            policies=caller.policies,
            condition_keys={**authorization.keys, **caller.keys},
        )

    def _tags_of(self, resource: str) -> Mapping[str, str]:
        """Of what the ARN names now; nothing for what does not exist yet."""
        with self.database.read() as tx:
            if ":iam:" in resource:
                return principals.tags_of(tx, resource)
            return tags.read(tx, resource.removesuffix(":*"))  # log groups are asked for with all that is in them


def _endpoint(call: Call) -> str:
    """Scheme and host as the caller wrote them, if they are fit for a URL."""
    host = call.head.headers.get("host", "")
    if not _HOST.fullmatch(host):
        return ""
    return f"{'https' if call.head.headers.get('x-clary-scheme') == 'https' else 'http'}://{host}"
