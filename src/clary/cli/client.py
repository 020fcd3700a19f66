"""The command line's own clients of the public API, made with botocore like any user's."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

from clary.base.installation import load_installation
from clary.base.settings import Settings
from clary.cli.running import need_server


def client(settings: Settings, service: str) -> Any:
    """A botocore client with root credentials; ConfigurationError when no server runs."""
    installation = load_installation(settings)
    server = need_server(settings)
    return botocore.session.get_session().create_client(
        service,
        region_name=installation.region,
        endpoint_url=server.http_url,
        aws_access_key_id=installation.access_key_id,
        aws_secret_access_key=installation.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )
