"""Clary's own paths below /clary/: readiness, and credentials for running units. Nothing here is AWS's API."""

from __future__ import annotations

import json
from datetime import timedelta

from clary.access.principals import role_session
from clary.access.sessions import mint_session
from clary.access.unit_tokens import open_unit_token
from clary.base.clock import Clock
from clary.base.errors import AccessDenied, ApiError
from clary.base.installation import Installation
from clary.engine.replicas import is_current
from clary.engine.units import owner_of
from clary.store import resources, work
from clary.store.database import Database
from clary.store.functions import FUNCTION
from clary.wire.http import RequestHead, Response

_LIFETIME = timedelta(hours=1)
_PATHS = frozenset({"/clary/ready", "/clary/credentials"})


class InternalPaths:
    """Answers below /clary/, None for everything else."""

    def __init__(self, database: Database, installation: Installation, clock: Clock) -> None:
        self._database = database
        self._installation = installation
        self._clock = clock

    def answer(self, head: RequestHead) -> Response | None:
        if head.path not in _PATHS:
            return None
        if head.method == "GET" and head.path == "/clary/ready":
            return _json(200, {"status": "ready"})
        if head.method == "GET" and head.path == "/clary/credentials":
            try:
                return _json(200, self._credentials(head.headers.get("authorization", "")))
            except ApiError as error:
                return _json(403, {"code": error.code, "message": error.message})
        return _json(404, {"message": "Clary has no such path."})

    def _credentials(self, token: str) -> dict[str, str]:
        """Credentials of the unit's role, in the form that AWS SDKs ask containers' credential endpoints for."""
        unit, role_arn, role_id = open_unit_token(self._installation.master_key, token)
        resource_id = owner_of(unit)
        with self._database.read() as tx:
            role = resources.find_by_arn(tx, role_arn)
            owner = resources.find_by_id(tx, resource_id) if resource_id is not None else None
            busy = owner is not None and (
                owner.kind == FUNCTION or (work.find(tx, owner.id) is not None and is_current(owner, unit))
            )
        if not busy:
            raise AccessDenied(f"The unit {unit} does not run any more.")
        if role is None or role.document.get("RoleId") != role_id:
            raise AccessDenied(f"The role {role_arn} does not exist any more.")
        now = self._clock.now()
        principal = role_session(role_arn, role.document["RoleId"], "SageMaker")
        credentials = mint_session(
            self._installation.master_key, principal=principal, issued_at=now, expires_at=now + _LIFETIME
        )
        return {
            "RoleArn": role_arn,
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token,
            "Expiration": (now + _LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _json(status: int, document: dict[str, str]) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(document).encode())
