"""Certificates by ACME, from an authority of our own: ordered, kept, renewed, refused."""

import datetime
import json
import os
import signal
import socket
import ssl
import time

import httpx
import pytest
from cryptography import x509

from harness.authority import Authority, Refusal
from harness.server import Project, Server, free_port

SCHEMA = "create table public.notes (id int primary key);"
DOMAINS = ["blog.example.com", "www.example.com"]


def settings(authority: Authority, redirecting: int) -> str:
    return f"""
[server]
http_redirect_port = {redirecting}
[server.tls.acme]
domains = {json.dumps(DOMAINS)}
contact = "admin@example.com"
directory = "{authority.url}/directory"
"""


class Site(Server):
    """A server that counts as ready when it answers plain HTTP: a certificate may never come."""

    def __init__(self, project: Project, authority: Authority, redirecting: int):
        self.redirecting = redirecting
        super().__init__(project, environment={"SSL_CERT_FILE": str(authority.root_file)}, scheme="https")

    def wait_until_ready(self, seconds: float = 30) -> None:
        wait_until(lambda: self.process.poll() is not None or answers(self.redirecting))
        assert self.process.poll() is None, self.log.read_text()

    def certificate(self) -> x509.Certificate | None:
        """What it shows to who asks for a domain of it."""
        context = ssl.create_default_context(cafile=self.environment["SSL_CERT_FILE"])
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as plain, context.wrap_socket(plain, server_hostname=DOMAINS[0]) as tls:
                return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
        except (ssl.SSLError, ConnectionError):
            return None

    def shows(self, certificate: x509.Certificate) -> bool:
        found = self.certificate()
        return found is not None and found.serial_number == certificate.serial_number


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/x").status_code == 308
    except httpx.TransportError:
        return False


def wait_until(holds) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def redirecting():
    return free_port()


@pytest.fixture
def authority(tmp_path, redirecting):
    made = Authority(tmp_path, redirecting)
    yield made
    made.stop()
    assert made.errors == []


@pytest.fixture
def site(authority, redirecting):
    """Makes servers; the project stays between them."""
    project = Project({"migrations/0001_notes.sql": SCHEMA}, settings(authority, redirecting))
    made = []

    def make() -> Site:
        made.append(Site(project, authority, redirecting))
        return made[-1]

    yield make
    for one in made:
        one.client.close()
        one.stop()
    project.remove()


def test_a_certificate_is_ordered_used_and_kept(site, authority):
    authority.bad_nonces = 2
    running = site()
    wait_until(lambda: running.certificate() is not None)
    [issued] = authority.issued
    assert running.shows(issued)
    assert authority.contacts == [["mailto:admin@example.com"]]
    assert running.client.get(f"{running.url}/healthz").status_code == 200
    plain = httpx.get(f"http://127.0.0.1:{running.redirecting}/.well-known/acme-challenge/token-0-0")
    assert plain.status_code == 308, "answers to challenges are forgotten"
    folder = running.project.folder / ".backstay" / "acme"
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {"account.json": 0o600, "certificate.pem": 0o600}
    running.stop()

    again = site()
    wait_until(lambda: again.shows(issued))
    assert len(authority.issued) == 1, "a certificate that does is not ordered again"


def test_a_certificate_is_renewed_before_it_ends_and_the_account_stays(site, authority):
    authority.lifetime = datetime.timedelta(seconds=9)
    running = site()
    wait_until(lambda: len(authority.issued) >= 2)
    authority.lifetime = datetime.timedelta(days=90)
    first, second = authority.issued[:2]
    assert second.not_valid_before_utc < first.not_valid_after_utc
    assert len(authority.accounts) == 1
    count = len(authority.issued)
    wait_until(lambda: running.shows(authority.issued[-1]))
    assert len(authority.issued) - count <= 1


def test_a_refusal_is_told_and_tried_again_at_a_hangup(site, authority):
    authority.refuses = Refusal("unauthorized", "it leads to another machine")
    running = site()
    wait_until(lambda: "tried again" in running.log.read_text())
    told = running.log.read_text()
    assert "could not check that `blog.example.com` leads here: it leads to another machine (unauthorized)" in told
    assert "port 80 there to server.http_redirect_port" in told
    assert running.certificate() is None
    assert httpx.get(f"http://127.0.0.1:{running.redirecting}/x").status_code == 308

    authority.refuses = Refusal("rateLimited", "too many certificates", 429)
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: "refuses: too many certificates (rateLimited)" in running.log.read_text())
    assert authority.issued == []

    authority.refuses = None
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: running.certificate() is not None)
    assert len(authority.accounts) == 1


def test_an_account_that_the_authority_forgot_is_made_anew(site, authority):
    running = site()
    wait_until(lambda: running.certificate() is not None)
    (running.project.folder / ".backstay" / "acme" / "certificate.pem").write_text("half")
    authority.accounts.clear()
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: "no such account (accountDoesNotExist)" in running.log.read_text())
    assert running.shows(authority.issued[0]), "the certificate in use stays"
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: len(authority.issued) == 2 and running.shows(authority.issued[1]))


def test_an_authority_out_of_reach_is_named(site, authority):
    authority.stop()
    running = site()
    wait_until(lambda: "tried again" in running.log.read_text())
    told = running.log.read_text()
    assert f"the authority {authority.url}/directory cannot be asked" in told and "Connection refused" in told
    assert "check server.tls.acme.directory" in told


@pytest.mark.parametrize(
    "changed,text",
    [
        ({"http_redirect_port = 1": "http_redirect_port = 0"}, "`server.tls.acme` needs `server.http_redirect_port`"),
        ({"[server.tls.acme]": '[server.tls]\ncert = "a"\nkey = "b"\n[server.tls.acme]'}, "both say where the certificate comes from"),
        ({"https://": "http://"}, "`server.tls.acme.directory` is no https address"),
        ({"www.example.com": "*.example.com"}, "names `*.example.com`, which no certificate can be had for"),
        ({"www.example.com": "127.0.0.1"}, "names `127.0.0.1`"),
    ],
)
def test_settings_that_cannot_lead_to_a_certificate_are_told(changed, text):
    class Nowhere:
        url = "https://localhost"

    written = settings(Nowhere, 1)
    for old, new in changed.items():
        assert old in written
        written = written.replace(old, new)
    project = Project({"migrations/0001_notes.sql": SCHEMA}, written)
    done = project.run("serve", "--port", "0", check=False)
    project.remove()
    assert done.returncode == 1
    assert text in " ".join(done.stderr.replace("│", " ").split()), done.stderr
