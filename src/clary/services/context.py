"""What every operation is handed: who calls, when, and the parts of the house it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from clary.access.evaluation import Document, PolicySet
from clary.access.principals import Principal
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.paging import Pager


class Authorize(Protocol):
    """Raises AccessDenied unless the caller may do `action` on `resource` (an ARN or `*`).

    `resource_policies` are the policies of the resource itself, for kinds that have any.
    """

    def __call__(
        self,
        action: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
        resource_policies: Sequence[Document] = (),
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """One call. `authorize` is for checks beyond the operation's own (iam:PassRole, the source of a copy).

    `policies` and `condition_keys` are what bears on the caller: only sts needs them, to weigh them together with
    the trust policy of a role.
    """

    account: str
    region: str
    principal: Principal
    request_id: str
    now: datetime
    database: Database
    blobs: Blobs
    installation: Installation
    settings: Settings
    pager: Pager
    authorize: Authorize
    source_address: str = ""
    user_agent: str = ""
    policies: PolicySet = field(default_factory=PolicySet)
    condition_keys: Mapping[str, str | list[str]] = field(default_factory=dict)
