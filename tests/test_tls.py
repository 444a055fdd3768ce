"""TLS from files: HTTP/2 and HTTP/1.1, redirects, HSTS, and a certificate that is renewed."""

import datetime
import ipaddress
import os
import signal
import ssl
import subprocess
import time

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness.server import Project, Server, free_port

SCHEMA = """
create table public.notes (id int primary key);
alter table public.notes enable row level security;
create policy everybody on public.notes using (true);
insert into public.notes values (1);
"""


def certify(folder) -> x509.Certificate:
    """Writes a certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made


@pytest.fixture(scope="module")
def redirecting():
    return free_port()


@pytest.fixture(scope="module")
def server(redirecting):
    settings = f"""
[server]
http_redirect_port = {redirecting}
[server.tls]
cert = "cert.pem"
key = "key.pem"
hsts_seconds = 31536000
"""
    project = Project({"migrations/0001_notes.sql": SCHEMA}, settings)
    certify(project.folder)
    with Server(project, scheme="https") as running:
        yield running


def curl(server, *options: str) -> str:
    key = f"apikey: {server.keys['publishable']}"
    target = f"{server.url}/rest/v1/notes"
    trusted = str(server.project.folder / "cert.pem")
    command = ["curl", "-sS", "--cacert", trusted, "-H", key, "-w", " %{http_version} %{http_code}", *options, target]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_client_chooses_the_version_of_http(server):
    assert curl(server, "--http2") == '[{"id":1}] 2 200'
    assert curl(server, "--http1.1") == '[{"id":1}] 1.1 200'
    assert curl(server, "--http2", "--tlsv1.2", "--tls-max", "1.2") == '[{"id":1}] 2 200'


def test_browsers_are_told_to_stay_with_tls(server):
    assert server.rest("GET", "/notes").headers["strict-transport-security"] == "max-age=31536000"
    assert server.rest("GET", "/nothing").headers["strict-transport-security"] == "max-age=31536000"


def test_plain_http_is_sent_to_the_same_address_over_tls(server, redirecting):
    plain = f"http://127.0.0.1:{redirecting}"
    answer = httpx.post(f"{plain}/rest/v1/notes?select=id&x=%20", content="x")
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{server.url}/rest/v1/notes?select=id&x=%20"
    assert "strict-transport-security" not in answer.headers
    assert httpx.get(plain, headers={"Host": "x y"}).status_code == 400


def test_t16_plain_http_at_the_port_of_tls_gets_no_answer(server):
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url.replace("https:", "http:"))


def served(server) -> int:
    pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def wait_until(holds) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_t15_a_renewed_certificate_is_taken_into_use_and_connections_stay(server):
    assert server.rest("GET", "/notes").status_code == 200
    open_before = server.client._transport._pool.connections
    made = certify(server.project.folder)
    wait_until(lambda: served(server) == made.serial_number)
    assert server.rest("GET", "/notes").status_code == 200
    assert server.client._transport._pool.connections == open_before


def test_a_certificate_that_cannot_be_used_leaves_the_old_one(server):
    before = served(server)
    good = (server.project.folder / "cert.pem").read_bytes()
    (server.project.folder / "cert.pem").write_text("half")
    wait_until(lambda: "the old certificate stays in use" in server.log.read_text())
    assert served(server) == before
    (server.project.folder / "cert.pem").write_bytes(good)


def test_a_hangup_reads_the_certificate_again(server):
    def count():
        return server.log.read_text().count("the certificate was read again")

    before = count()
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: count() > before)
    assert server.rest("GET", "/notes").status_code == 200


@pytest.mark.parametrize(
    "settings,text",
    [
        ('[server.tls]\ncert = "cert.pem"', "`server.tls` has `cert` only"),
        ("[server]\nhttp_redirect_port = 8080", "`server.http_redirect_port` needs TLS"),
        ("[server.tls]\nhsts_seconds = 1", "`server.tls.hsts_seconds` needs TLS"),
        ('[server.tls]\ncert = "none.pem"\nkey = "key.pem"', "none.pem"),
        ('[server.tls]\ncert = "cert.pem"\nkey = "other.pem"', "cannot be used"),
    ],
)
def test_settings_that_do_not_go_together_are_told(settings, text):
    project = Project({"migrations/0001_notes.sql": SCHEMA}, settings)
    certify(project.folder)
    (project.folder / "key.pem").rename(project.folder / "other.pem")
    certify(project.folder)
    done = project.run("serve", "--port", "0", check=False)
    project.remove()
    assert done.returncode == 1
    assert text in " ".join(done.stderr.replace("│", " ").split()), done.stderr
