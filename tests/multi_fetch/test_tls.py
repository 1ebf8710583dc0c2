import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.multi_fetch.fetching import Waits, fetch, fetch_all, job, kind, limits
from tests.multi_fetch.servers import FINE
from tests.support.rawserver import Connection, RawServer, Request
from toolroll_shared.retry import Backoff

TRIES = limits(backoff=Backoff(tries=3), idle_timeout=1.0)


def context_of(folder: Path, name: str, *, days: int) -> tuple[ssl.SSLContext, Path]:
    """Make a self-signed certificate, and what a server needs to show it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, which makes the certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key)]
    names = ["-subj", "/CN=loopback", "-addext", "basicConstraints=critical,CA:FALSE"]
    request = ["openssl", "req", "-new", *new, *names, "-addext", f"subjectAltName={name}"]
    sign = ["openssl", "x509", "-req", "-signkey", str(key), "-copy_extensions", "copyall"]
    made = subprocess.run(request, check=True, capture_output=True)
    signed = [*sign, "-days", str(days), "-out", str(certificate)]
    subprocess.run(signed, input=made.stdout, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def failure(context: ssl.SSLContext, host: str = "127.0.0.1") -> tuple[str | None, str, int]:
    with RawServer(FINE, tls=context) as server:
        url = server.url.replace("127.0.0.1", host)
        result = fetch(job(f"{url}/?s3cret"), TRIES, sleep=Waits())
        server.wait_until(lambda server: server.open == 0)
        assert server.requests == []
    return kind(result), str(result.error), result.attempts


def test_an_expired_certificate_is_told_and_met_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = context_of(tmp_path, "IP:127.0.0.1", days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert failure(context) == ("tls", "no TLS connection: the certificate has expired", 1)


@pytest.mark.parametrize("name", ["IP:127.0.0.2", "DNS:*.localhost", "DNS:localhost.example"])
def test_a_certificate_for_another_name_is_told_and_met_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    context, certificate = context_of(tmp_path, name, days=2)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    told = ("tls", "no TLS connection: the certificate is for another name", 1)
    assert failure(context, "localhost") == told


def test_an_untrusted_certificate_is_told_and_met_once(tls: ssl.SSLContext) -> None:
    assert failure(tls) == ("tls", "no TLS connection: the certificate is self-signed", 1)


def test_a_server_that_speaks_only_old_versions_is_met_once(trusted_tls: ssl.SSLContext) -> None:
    trusted_tls.set_ciphers("ALL:@SECLEVEL=0")
    trusted_tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        trusted_tls.maximum_version = ssl.TLSVersion.TLSv1
    assert failure(trusted_tls)[::2] == ("tls", 1)


def test_a_server_that_wants_our_certificate_is_no_tls_connection(
    trusted_tls: ssl.SSLContext, certificate: Path
) -> None:
    trusted_tls.load_verify_locations(certificate.with_suffix(".crt"))
    trusted_tls.verify_mode = ssl.CERT_REQUIRED
    trusted_tls.maximum_version = ssl.TLSVersion.TLSv1_2  # later ones tell it after the handshake
    assert failure(trusted_tls)[::2] == ("tls", 1)


def test_a_connection_without_the_last_word_is_cut_where_a_length_is_known(
    trusted_tls: ssl.SSLContext,
) -> None:
    def cut(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        connection.cut()

    with RawServer(cut, tls=trusted_tls) as server:
        result = fetch(job(server.url), TRIES, sleep=Waits())
    assert (kind(result), result.attempts) == ("reset", 3)


def test_a_body_that_only_an_end_ends_needs_the_last_word(trusted_tls: ssl.SSLContext) -> None:
    """Anybody on the way can close a connection; only the server can say that it is the end."""

    def cut(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        connection.cut()

    with RawServer(cut, tls=trusted_tls) as server:
        assert kind(fetch(job(server.url))) == "reset"


def test_tls_connections_are_used_again(trusted_tls: ssl.SSLContext) -> None:
    with RawServer(FINE, tls=trusted_tls) as server:
        results = fetch_all([job(server.url) for _ in range(5)], limits(concurrency=1))
        assert server.open <= 1
    assert [kind(result) for result in results] == [None] * 5
    assert results[0].timing is not None
    assert results[0].timing.tls > 0
    assert results[-1].timing is not None
    assert results[-1].timing.tls == 0
