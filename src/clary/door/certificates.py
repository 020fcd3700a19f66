"""Makes the local certificate authority and the server certificate behind the HTTPS port.

`python -m clary.door.certificates` makes what is missing and renews what is about to expire; the supervisor runs
it before the doors start and once a day. Doors only read the files. The authority can vouch for nothing but this
machine: its certificate is limited to local names and private addresses.
"""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clary.base.durable import write_bytes
from clary.base.errors import ConfigurationError
from clary.base.layout import Layout
from clary.base.settings import Settings, load_settings
from clary.door.tls import TlsFiles, tls_files

_AUTHORITY_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=397)  # clients refuse server certificates that live longer
_RENEW_BEFORE = timedelta(days=30)
_BACKDATE = timedelta(hours=1)  # clocks differ
_PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Names:
    """What a server certificate is good for."""

    hosts: tuple[str, ...]
    addresses: tuple[Address, ...]


def names_for(host: str, machine: str) -> Names:
    """localhost and what is below it, the machine's name, and the address that is listened on."""
    hosts = ["localhost", "*.localhost", "*.s3.localhost"]
    addresses: list[Address] = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    for name in (machine, "" if host in _WILDCARDS else host):
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            if _is_dns_name(name) and name.lower() not in hosts:
                hosts.append(name.lower())
        else:
            if address not in addresses:
                addresses.append(address)
    return Names(tuple(hosts), tuple(addresses))


def ensure_tls(layout: Layout, host: str, now: datetime) -> TlsFiles:
    """Make or renew what is missing, about to expire, or not good for `host`. Safe to run at the same time twice."""
    files = tls_files(layout)
    names = names_for(host, socket.gethostname())
    with (files.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        authority = _load_authority(files, names, now)
        if authority is None:
            authority = _make_authority(files, names, now)
        if not _server_is_good(files, authority[0], names, now):
            _make_server(files, *authority, names, now)
    return files


def _load_authority(
    files: TlsFiles, names: Names, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    try:
        certificate = x509.load_pem_x509_certificate(files.authority.read_bytes())
        key = serialization.load_pem_private_key(files.authority_key.read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    if certificate.not_valid_after_utc - now < _SERVER_LIFE or not _permits(certificate, names):
        return None
    return certificate, key


def _permits(authority: x509.Certificate, names: Names) -> bool:
    try:
        permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    except x509.ExtensionNotFound:
        return False
    domains = [item.value for item in permitted if isinstance(item, x509.DNSName)]
    networks = [item.value for item in permitted if isinstance(item, x509.IPAddress)]
    return all(any(host == d or host.endswith(f".{d}") for d in domains) for host in names.hosts) and all(
        any(_contains(network, address) for network in networks) for address in names.addresses
    )


def _contains(network: object, address: Address) -> bool:
    if isinstance(network, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return network.version == address.version and address in network
    return False


def _server_is_good(files: TlsFiles, authority: x509.Certificate, names: Names, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(files.server.read_bytes())
        key = serialization.load_pem_private_key(files.server_key.read_bytes(), None)
        certificate.verify_directly_issued_by(authority)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature):
        return False
    return (
        certificate.public_key() == key.public_key()
        and certificate.not_valid_after_utc - now > _RENEW_BEFORE
        and set(names.hosts) <= set(found.get_values_for_type(x509.DNSName))
        and set(names.addresses) <= set(found.get_values_for_type(x509.IPAddress))
    )


def _make_authority(
    files: TlsFiles, names: Names, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Clary local authority {now:%Y-%m-%d}")])
    domains = sorted({host.removeprefix("*.") for host in names.hosts})
    networks: list[Network] = [ipaddress.ip_network(text) for text in _PRIVATE_NETWORKS]
    networks += [ipaddress.ip_network(a) for a in names.addresses if not any(_contains(n, a) for n in networks)]
    constraints = x509.NameConstraints(
        permitted_subtrees=[*map(x509.DNSName, domains), *map(x509.IPAddress, networks)], excluded_subtrees=None
    )
    builder = (
        _builder(subject, subject, key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    write_bytes(files.authority_key, _pem(key), mode=0o600)
    write_bytes(files.authority, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _make_server(
    files: TlsFiles,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Names,
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clary")])
    alternatives = [*map(x509.DNSName, names.hosts), *map(x509.IPAddress, names.addresses)]
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = (
        _builder(subject, authority.subject, key.public_key(), now, _SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
    )
    certificate = builder.sign(authority_key, hashes.SHA256())
    chain = [item.public_bytes(serialization.Encoding.PEM) for item in (certificate, authority)]
    write_bytes(files.server_key, _pem(key), mode=0o600)
    write_bytes(files.server, b"".join(chain))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _is_dns_name(name: str) -> bool:
    labels = name.split(".")
    return (
        0 < len(name) <= 253
        and name.isascii()
        and all(0 < len(label) <= 63 and label.replace("-", "a").isalnum() for label in labels)
    )


def main(settings: Settings) -> int:
    try:
        ensure_tls(settings.layout, settings.host, datetime.now(UTC))
    except (OSError, ConfigurationError) as error:
        sys.stderr.write(f"TLS files cannot be made: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(load_settings()))
