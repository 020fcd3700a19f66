"""The data folder: every path that Clary owns has its name here and nowhere else.

    DATA/
      installation.json   0600  account, region, root access key, master key (made at the first start)
      clary.db                  SQLite database
      blobs/                    object bytes, named by random id, never by key
      units/ID/                 one folder per job instance or model-server replica (the shim's durable files)
      routes.json               the doors' snapshot of endpoints, numbered
      access.json         0600  the doors' snapshot of credentials and policies, numbered
      credentials/        0700  keys that `clary account` and `clary user` have made, one file each, 0600
      audit/              0700  calls that are not in the audit table yet
      tls/                      local certificate authority and server certificate
      client/                   what `clary env` hands to SDKs (CA bundle, endpoint data, sitecustomize)
      run/                      server.json (addresses and process ids) and lock files
      logs/                     Clary's own logs, one per process kind

Unix sockets live in a short folder of their own below /tmp, because their paths may not pass 107 bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from clary.base.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one data folder."""

    data: Path

    @property
    def names(self) -> frozenset[str]:
        """What lies directly in the data folder."""
        files = (self.installation, self.database, self.routes, self.access)
        folders = (self.blobs, self.units, self.credentials, self.audit, self.tls, self.client, self.run, self.logs)
        return frozenset(path.name for path in (*files, *folders))

    @property
    def installation(self) -> Path:
        return self.data / "installation.json"

    @property
    def database(self) -> Path:
        return self.data / "clary.db"

    @property
    def blobs(self) -> Path:
        return self.data / "blobs"

    @property
    def units(self) -> Path:
        return self.data / "units"

    @property
    def routes(self) -> Path:
        return self.data / "routes.json"

    @property
    def access(self) -> Path:
        return self.data / "access.json"

    @property
    def credentials(self) -> Path:
        return self.data / "credentials"

    @property
    def audit(self) -> Path:
        return self.data / "audit"

    @property
    def tls(self) -> Path:
        return self.data / "tls"

    @property
    def client(self) -> Path:
        return self.data / "client"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def invocation_reports(self) -> Path:
        """Files that doors write and control takes."""
        return self.run / "invocations"

    @property
    def server_file(self) -> Path:
        return self.run / "server.json"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def sockets(self) -> Path:
        """Short private folder for unix sockets: /tmp/clary-UID-HASH."""
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"clary-{os.getuid()}-{digest}"

    @property
    def control_socket(self) -> Path:
        return self.sockets / "control.sock"

    @property
    def wake_socket(self) -> Path:
        """Datagram socket on which shims tell the engine that something changed (a hint, never a fact)."""
        return self.sockets / "wake.sock"

    def unit_socket(self, unit_id: str) -> Path:
        """Where a model server listens; hashed because unit ids may be long."""
        return self.sockets / f"u-{hashlib.sha256(unit_id.encode()).hexdigest()[:20]}.sock"

    def create(self) -> None:
        """Make all folders. The data folder and the socket folder are private to the user."""
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self.data.chmod(0o700)
            for folder in (self.blobs, self.units, self.tls, self.client, self.run, self.logs):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}"
            raise ConfigurationError(f"The data folder {self.data} cannot be used ({reason}).") from error
        self.create_sockets()

    def remove_sockets(self) -> None:
        """At the end of a server. Sockets of model servers that live on stay, and the folder with them."""
        for path in (self.control_socket, self.wake_socket, *self.sockets.glob("door-*.sock")):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.sockets.rmdir()

    def create_sockets(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        status = self.sockets.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise ConfigurationError(f"{self.sockets} belongs to someone else; remove it or set TMPDIR.")
