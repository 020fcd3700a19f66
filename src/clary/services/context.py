"""What every operation is handed: who calls, when, and the parts of the house it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from clary.access.evaluation import Document, PolicySet
from clary.access.principals import Principal
from clary.base.errors import NotServed
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.store.functions import FunctionCall, FunctionOutcome
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


class Functions(Protocol):
    """Runs Lambda functions; implemented by the engine. All of them raise ApiErrors."""

    def check_runtime(self, runtime: str) -> None:
        """Whether functions of this runtime can run on this machine."""

    def check_archive(self, archive: Path) -> None:
        """Whether this is a zip file that may be unpacked."""

    def invoke(self, call: FunctionCall) -> FunctionOutcome:
        """Run the function and wait for it."""


class NoFunctions:
    """For contexts without an engine."""

    def check_runtime(self, runtime: str) -> None:
        return

    def check_archive(self, archive: Path) -> None:
        return

    def invoke(self, call: FunctionCall) -> FunctionOutcome:
        raise NotServed(f"No engine runs here that could invoke {call.arn}.")


@dataclass(frozen=True, slots=True)
class Context:
    """One call. `authorize` is for checks beyond the operation's own (iam:PassRole, the source of a copy).

    `policies` and `condition_keys` are what bears on the caller: only sts needs them, to weigh them together with
    the trust policy of a role. `endpoint` is the URL (scheme and host) under which the caller has reached Clary.
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
    endpoint: str = ""
    functions: Functions = field(default_factory=NoFunctions)
    policies: PolicySet = field(default_factory=PolicySet)
    condition_keys: Mapping[str, str | list[str]] = field(default_factory=dict)
