"""The command line's own clients of the public API, made with botocore like any user's."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

from clary.base.installation import load_installation
from clary.base.settings import Settings
from clary.cli.running import need_server


def client(settings: Settings, service: str, *, account: str | None = None) -> Any:
    """A botocore client with the root credentials of an account (without one, the installation's own);
    ConfigurationError when no server runs."""
    installation = load_installation(settings)
    key_id, secret = installation.root_key(account or installation.account)
    server = need_server(settings)
    return botocore.session.get_session().create_client(
        service,
        region_name=installation.region,
        endpoint_url=server.http_url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )
