"""Clary's own paths below /clary/: readiness, credentials for running units, and the code of functions by link.

Nothing here is AWS's API.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl

from clary.access.code_links import PATH as CODE
from clary.access.code_links import open_code_link
from clary.access.principals import role_session
from clary.access.sessions import mint_session
from clary.access.unit_tokens import open_unit_token
from clary.base.clock import Clock
from clary.base.errors import AccessDenied, ApiError
from clary.base.installation import Installation
from clary.engine.replicas import is_current
from clary.engine.units import owner_of
from clary.store import contents, resources, work
from clary.store.blobs import BlobMissing, Blobs
from clary.store.database import Database
from clary.store.functions import FUNCTION
from clary.wire.http import RequestHead, Response

_HANDED_OUT = frozenset({"/clary/credentials", CODE})
_PATHS = _HANDED_OUT | {"/clary/ready"}


class InternalPaths:
    """Answers below /clary/. What is handed out is read from the store, so never on the event loop."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        installation: Installation,
        clock: Clock,
        lives: Callable[[str], bool],
        lifetime: timedelta = timedelta(hours=1),
    ) -> None:
        """`lives` says whether a unit runs; `lifetime` is that of credentials."""
        self._database = database
        self._blobs = blobs
        self._installation = installation
        self._clock = clock
        self._lives = lives
        self._lifetime = lifetime

    def answer(self, head: RequestHead) -> Response | None:
        """What can be answered at once; None for everything else."""
        if head.path not in _PATHS or self.hands_out(head):
            return None
        if head.method != "GET":
            return _json(404, {"message": "Clary has no such path."})
        return _json(200, {"status": "ready"})

    def hands_out(self, head: RequestHead) -> bool:
        return head.method == "GET" and head.path in _HANDED_OUT

    def hand_out(self, head: RequestHead) -> Response:
        """What only those get who have a token or a link."""
        try:
            if head.path == CODE:
                return self._code(dict(parse_qsl(head.query, max_num_fields=10)))
            return _json(200, self._credentials(head.headers.get("authorization", "")))
        except ApiError as error:
            return _json(403, {"code": error.code, "message": error.message})
        except ValueError:
            return _json(403, {"code": "AccessDenied", "message": "The query cannot be read."})

    def _credentials(self, token: str) -> dict[str, str]:
        """Credentials of the unit's role, in the form that AWS SDKs ask containers' credential endpoints for."""
        unit, role_arn, role_id = open_unit_token(self._installation.master_key, token)
        if not self._runs(unit):
            raise AccessDenied(f"The unit {unit} does not run any more.")
        with self._database.read() as tx:
            role = resources.find_by_arn(tx, role_arn)
        if role is None or role.document.get("RoleId") != role_id:
            raise AccessDenied(f"The role {role_arn} does not exist any more.")
        now = self._clock.now()
        principal = role_session(role_arn, role.document["RoleId"], "SageMaker")
        credentials = mint_session(
            self._installation.master_key, principal=principal, issued_at=now, expires_at=now + self._lifetime
        )
        return {
            "RoleArn": role_arn,
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token,
            "Expiration": (now + self._lifetime).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _runs(self, unit: str) -> bool:
        """Whether it runs, for a resource that is not at rest. Functions always are at rest."""
        resource_id = owner_of(unit)
        with self._database.read() as tx:
            owner = resources.find_by_id(tx, resource_id) if resource_id is not None else None
            if owner is None:
                return False
            busy = owner.kind == FUNCTION or (work.find(tx, owner.id) is not None and is_current(owner, unit))
        return busy and self._lives(unit)

    def _code(self, fields: dict[str, str]) -> Response:
        """A function's archive as it was given; it is gone once the function has other code."""
        content = open_code_link(self._installation.master_key, fields, self._clock.now())
        with self._database.read() as tx:
            extents = contents.extents(tx, content)
        try:
            archive = self._blobs.open(extents) if extents else None
        except BlobMissing:
            archive = None
        if archive is None:
            return _json(404, {"message": "This code is not there any more."})
        return Response(200, {"Content-Type": "application/zip"}, archive)


def _json(status: int, document: dict[str, str]) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(document).encode())
