"""The local authority and the server certificate, and HTTPS through a real door."""

from __future__ import annotations

import http.client
import ipaddress
import json
import multiprocessing
import socket
import ssl
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from cryptography import x509

from clary.base.layout import Layout
from clary.door.certificates import ensure_tls, names_for
from clary.door.tls import TlsFiles
from tests.door.harness import Harness

NOW = datetime.now(UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.tls.mkdir()
    return layout


def contents(files: TlsFiles) -> list[bytes]:
    return [path.read_bytes() for path in (files.authority, files.authority_key, files.server, files.server_key)]


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_what_is_made(layout: Layout) -> None:
    files = ensure_tls(layout, "127.0.0.1", NOW)
    assert [path.stat().st_mode & 0o777 for path in (files.authority_key, files.server_key)] == [0o600, 0o600]
    authority, server = certificate(files.authority), certificate(files.server)
    assert authority.not_valid_after_utc - NOW > timedelta(days=3640)
    assert server.not_valid_after_utc - NOW < timedelta(days=398)
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "*.localhost", socket.gethostname().lower()} <= set(names.get_values_for_type(x509.DNSName))
    wanted = {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    assert wanted <= set(names.get_values_for_type(x509.IPAddress))
    limited = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limited.critical


def test_it_is_made_once_and_renewed_before_it_ends(layout: Layout) -> None:
    first = contents(ensure_tls(layout, "127.0.0.1", NOW))
    assert contents(ensure_tls(layout, "127.0.0.1", NOW + timedelta(days=300))) == first
    renewed = contents(ensure_tls(layout, "127.0.0.1", NOW + timedelta(days=380)))
    assert renewed[:2] == first[:2], "clients go on trusting the authority"
    assert renewed[2:] != first[2:]
    late = contents(ensure_tls(layout, "127.0.0.1", NOW + timedelta(days=3500)))
    assert late[0] != first[0]


def test_another_address_gets_another_certificate_from_the_same_authority(layout: Layout) -> None:
    first = contents(ensure_tls(layout, "127.0.0.1", NOW))
    second = contents(ensure_tls(layout, "192.168.7.7", NOW))
    assert second[0] == first[0]
    names = certificate(layout.tls / "server.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert ipaddress.ip_address("192.168.7.7") in names.value.get_values_for_type(x509.IPAddress)
    ensure_tls(layout, "clary.example.org", NOW)
    assert contents(TlsFiles(layout.tls))[0] != first[0], "a name outside the authority's limits needs a new one"


@pytest.mark.parametrize("damaged", ["ca.pem", "ca.key", "server.pem", "server.key"])
def test_damaged_files_are_made_again(layout: Layout, damaged: str) -> None:
    files = ensure_tls(layout, "127.0.0.1", NOW)
    (layout.tls / damaged).write_text("not a certificate")
    ensure_tls(layout, "127.0.0.1", NOW)
    certificate(files.server).verify_directly_issued_by(certificate(files.authority))
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(files.server, files.server_key)


def test_two_at_the_same_time_agree(layout: Layout) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=ensure_tls, args=(layout, "127.0.0.1", NOW)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    files = TlsFiles(layout.tls)
    certificate(files.server).verify_directly_issued_by(certificate(files.authority))


def test_strange_host_names_do_no_harm() -> None:
    assert names_for("0.0.0.0", "bad_name!").hosts == ("localhost", "*.localhost", "*.s3.localhost")
    assert names_for("::", "").addresses == (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
    assert names_for("Clary.Example", "box").hosts[-2:] == ("box", "clary.example")


def test_https_with_the_local_authority(harness: Harness) -> None:
    files = ensure_tls(harness.settings.layout, "127.0.0.1", NOW)
    harness.serve(harness.model())
    harness.control()
    harness.door()
    port = harness.https.getsockname()[1]
    context = ssl.create_default_context(cafile=str(files.authority))
    for host in ("127.0.0.1", "localhost"):
        with closing(http.client.HTTPSConnection(host, port, context=context, timeout=30)) as connection:
            for _ in range(2):
                connection.request("GET", "/echo")
                response = connection.getresponse()
                assert dict(json.loads(response.read())["headers"])["x-clary-scheme"] == "https"
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"https://localhost:{port}",
        region_name=harness.installation.region,
        aws_access_key_id=harness.installation.access_key_id,
        aws_secret_access_key=harness.installation.secret_access_key,
        verify=str(files.authority),
        config=Config(retries={"total_max_attempts": 1}),
    )
    body = b"x" * 300_000
    assert client.invoke_endpoint(EndpointName="e", Body=body)["Body"].read().endswith(body)
    client.close()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP")
    assert harness.invoke(b"x").status == 200


def test_a_renewed_certificate_is_taken_up_while_serving(harness: Harness) -> None:
    files = ensure_tls(harness.settings.layout, "127.0.0.1", NOW - timedelta(days=380))
    harness.control()
    harness.door()
    port = harness.https.getsockname()[1]
    old = ssl.get_server_certificate(("127.0.0.1", port))
    ensure_tls(harness.settings.layout, "127.0.0.1", NOW)
    for _ in range(40):
        new = ssl.get_server_certificate(("127.0.0.1", port), ca_certs=str(files.authority))
        if new != old:
            break
        time.sleep(0.1)
    assert new != old
