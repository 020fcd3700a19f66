"""Who this installation is: account, region, root credentials and the master key. Made at the first start."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass

from clary.base import ids
from clary.base.data_folder import refuse_half
from clary.base.durable import write_json
from clary.base.errors import ConfigurationError
from clary.base.settings import Settings

EXECUTION_ROLE = "ClaryExecutionRole"


@dataclass(frozen=True, slots=True)
class Installation:
    """Contents of installation.json (mode 0600). The root access key may do everything in `account`."""

    account: str
    region: str
    access_key_id: str
    secret_access_key: str
    master_key: str

    def __repr__(self) -> str:
        return f"Installation(account={self.account!r}, region={self.region!r})"

    @property
    def root_arn(self) -> str:
        return f"arn:aws:iam::{self.account}:root"

    def root_key(self, account: str) -> tuple[str, str]:
        """Access key id and secret of the owner of any account in this installation."""
        if account == self.account:
            return self.access_key_id, self.secret_access_key
        digits = base64.b32encode(self._derive("root key of account", account))[:16].decode()
        return f"AKIA{digits}", self.secret_of(f"AKIA{digits}")

    def secret_of(self, access_key_id: str) -> str:
        """The secret of a long-term key. It follows from the master key, so nothing need store it."""
        return base64.urlsafe_b64encode(self._derive("secret of key", access_key_id)).decode()[:40]

    def _derive(self, purpose: str, name: str) -> bytes:
        return hmac.digest(bytes.fromhex(self.master_key), f"{purpose}/{name}".encode(), hashlib.sha256)


def load_installation(settings: Settings) -> Installation:
    """Read installation.json; ConfigurationError when there is none or it is damaged."""
    path = settings.layout.installation
    try:
        return Installation(**json.loads(path.read_text()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError(
            f"No Clary installation in {settings.data}; start one with `clary serve{settings.data_option}`."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}); only the user who runs Clary can."
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} is damaged; restore it from a backup.") from error


def ensure_installation(settings: Settings) -> Installation:
    """Load the installation or make one with random credentials."""
    layout = settings.layout
    layout.create()
    refuse_half(layout)
    if not layout.installation.exists():
        fresh = Installation(
            account=ids.account_id(),
            region=settings.region,
            access_key_id=ids.access_key_id(),
            secret_access_key=ids.secret_access_key(),
            master_key=ids.master_key(),
        )
        write_json(layout.installation, asdict(fresh), mode=0o600)
    return load_installation(settings)
