"""The environment variables that point SDKs and the AWS CLI at a running Clary."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clary.access.principals import role_session
from clary.access.sessions import mint_session
from clary.base.installation import EXECUTION_ROLE, Installation, load_installation
from clary.base.settings import Settings
from clary.base.snapshots import read_access
from clary.cli.client_files import write_client_files
from clary.cli.running import need_server

_LIFETIME = timedelta(days=7)
_BASE_IMAGE = "sagemaker-base-python-{}{}:1.0".format(*sys.version_info)
_LOCAL = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Identity:
    """Credentials for one shell."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None


def client_environment(settings: Settings, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The whole environment of a child process whose AWS clients are to reach this server."""
    changes = shell_variables(settings, environment=environment)
    kept = {name: value for name, value in environment.items() if name not in changes}
    return kept | {name: value for name, value in changes.items() if value is not None}


def shell_variables(
    settings: Settings, *, root: bool = False, environment: Mapping[str, str] = os.environ
) -> dict[str, str | None]:
    """Variables for a shell, None for one to unset. The server must be running."""
    installation = load_installation(settings)
    server = need_server(settings)
    write_client_files(settings.layout, server.https_url)
    identity = _root(installation) if root else _execution_role(settings, installation)
    client = settings.layout.client
    variables: dict[str, str | None] = {
        # A profile named by the shell would have to exist, and may bring an endpoint or a region of its own.
        "AWS_PROFILE": None,
        "AWS_DEFAULT_PROFILE": None,
        "AWS_ENDPOINT_URL": server.http_url,
        "AWS_ACCESS_KEY_ID": identity.access_key_id,
        "AWS_SECRET_ACCESS_KEY": identity.secret_access_key,
        "AWS_SESSION_TOKEN": identity.session_token,
        "AWS_REGION": installation.region,
        "AWS_DEFAULT_REGION": installation.region,
        # The image of functions that name none (@remote, @step): the SDK itself knows some versions of Python only.
        "SAGEMAKER_INTERNAL_IMAGE_URI": _BASE_IMAGE,
        "AWS_CA_BUNDLE": str(client / "ca-bundle.pem"),
        "PYTHONPATH": _in_front(str(client / "python"), environment.get("PYTHONPATH", "")),
    }
    variables["NO_PROXY"] = ",".join(dict.fromkeys([*_LOCAL, *environment.get("NO_PROXY", "").split(",")])).strip(",")
    return variables


def _root(installation: Installation) -> Identity:
    return Identity(installation.access_key_id, installation.secret_access_key, None)


def _execution_role(settings: Settings, installation: Installation) -> Identity:
    """A session of the execution role, so that the SDK's get_execution_role() works as in a notebook."""
    arn = f"arn:aws:iam::{installation.account}:role/{EXECUTION_ROLE}"
    role = read_access(settings.layout.access).principals.get(arn)
    if role is None:
        return _root(installation)
    now = datetime.now(UTC)
    credentials = mint_session(
        installation.master_key,
        principal=role_session(arn, role.principal_id, "clary-env"),
        issued_at=now,
        expires_at=now + _LIFETIME,
    )
    return Identity(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)


def _in_front(entry: str, path: str) -> str:
    rest = [part for part in path.split(os.pathsep) if part and part != entry]
    return os.pathsep.join([entry, *rest])
