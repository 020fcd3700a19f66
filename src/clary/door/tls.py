"""Where the TLS files lie, and the context that doors serve HTTPS with. They are made by `certificates`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from clary.base.layout import Layout


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths below the data folder's tls/. Keys have mode 0600."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def server(self) -> Path:
        """Server certificate, followed by the authority's."""
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"


def tls_files(layout: Layout) -> TlsFiles:
    return TlsFiles(layout.tls)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 or newer; `load_cert_chain` again takes up a renewed certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.server, files.server_key)
    return context
