"""Mails that the mail server does not take at once: kept, sent later, once, and to nobody else's eyes."""

import re
import sqlite3
import subprocess
import time

import pytest
from aiosmtpd.controller import Controller

from harness.auth import PASSWORD, AuthServer, fresh_email
from harness.server import Project, Server, free_port
from test_auth_service import Sink


@pytest.fixture(params=["sqlite", "postgres"])
def environment(request, databases):
    return databases.environment(request.param)


def smtp(port: int, **more) -> dict:
    return {"email__smtp__host": "127.0.0.1", "email__smtp__port": port, "email__smtp__admin_email": "shop@example.com", **more}


def listening(sink, port: int) -> Controller:
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    return controller


def waiting(server) -> list[tuple[str, int]]:
    """What is kept of each mail, and how often it was tried, as the database holds them."""
    url = server.environment.get("BACKSTAY_DATABASE_URL")
    if url:
        command = ["psql", url, "-XqAt", "-F", " ", "-c", "select sealed, attempts from auth.mail_outbox"]
        rows = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")
        return [(row.split()[0], int(row.split()[1])) for row in rows if row]
    with sqlite3.connect(f"file:{server.project.folder}/.backstay/data.db?mode=ro", uri=True) as database:
        return database.execute('select sealed, attempts from "auth.mail_outbox"').fetchall()


def until(condition):
    """Waits for what will be so; the limit only ends a test that fails."""
    end = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def code_in(mail) -> str:
    return re.search(r"Your code: (\d+)", mail.get_body(("plain",)).get_content())[1]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_mail_outlives_the_server_while_the_mail_server_is_down(environment, end):
    port, email = free_port(), fresh_email()
    with AuthServer(None, environment, **smtp(port)) as server:
        assert server.auth("POST", "/signup", {"email": email, "password": PASSWORD}).status_code == 200
        if end == "kill":
            # It was tried, and is kept; the next try is seconds away.
            until(lambda: "a mail waits to be tried again" in server.log.read_text())
        getattr(server, end)()
        [(sealed, _)] = waiting(server)
        assert email not in sealed and "verify" not in sealed
        sink = Sink()
        controller = listening(sink, port)
        try:
            server.start()
            [(recipients, mail)] = sink.wait_for(1)
            assert recipients == [email]
            until(lambda: waiting(server) == [])
        finally:
            controller.stop()
        assert len(sink.mails) == 1
        confirmed = server.auth("POST", "/verify", {"type": "signup", "email": email, "token": code_in(mail)})
        assert confirmed.status_code == 200


def test_nobody_reads_the_outbox_by_the_api(environment):
    with AuthServer(None, environment, **smtp(free_port())) as server:
        server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD})
        until(lambda: waiting(server))
        for who in ("anon", "service", {"role": "authenticated"}):
            answer = server.rest("GET", "/mail_outbox", who, headers={"Accept-Profile": "auth"})
            assert answer.status_code in (401, 403, 404, 406), answer.text


def test_a_mail_whose_code_is_void_is_dropped():
    port = free_port()
    with AuthServer(None, None, email__otp_expiry=2, **smtp(port)) as server:
        server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD})
        until(lambda: waiting(server))
        until(lambda: waiting(server) == [])
        assert "a mail was dropped: what it says is void by now" in server.log.read_text()


class Moody(Sink):
    """Says no for now to the first tries, and never takes a mail to `nobody`."""

    def __init__(self, refusals: int):
        super().__init__()
        self.refusals = refusals

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 no such mailbox"
        with self.arrived:
            self.refusals -= 1
            if self.refusals >= 0:
                return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def test_a_mail_is_tried_again_where_that_helps_and_dropped_where_not():
    sink = Moody(1)
    controller = listening(sink, free_port())
    try:
        with AuthServer(None, None, **smtp(controller.port)) as server:
            email = fresh_email()
            server.auth("POST", "/signup", {"email": fresh_email("nobody"), "password": PASSWORD})
            server.auth("POST", "/signup", {"email": email, "password": PASSWORD})
            [(recipients, _)] = sink.wait_for(1)
            assert recipients == [email]
            until(lambda: waiting(server) == [])
    finally:
        controller.stop()
    assert sink.refusals == -1 and len(sink.mails) == 1


def test_several_nodes_send_a_mail_once(databases):
    environment, port = databases.environment("postgres"), free_port()
    emails = [fresh_email() for _ in range(8)]
    with AuthServer(None, environment, encryption_key="one for all nodes, and long enough", **smtp(port)) as server:
        for email in emails:
            assert server.auth("POST", "/signup", {"email": email, "password": PASSWORD}).status_code == 200
        until(lambda: len([row for row in waiting(server) if row[1] >= 1]) == len(emails))
        others = [Server(Project.copy_of(server.project.folder), "dev", environment) for _ in range(2)]
        sink = Sink()
        controller = listening(sink, port)
        try:
            sink.wait_for(len(emails))
            until(lambda: waiting(server) == [])
        finally:
            controller.stop()
            for other in others:
                other.__exit__()
    assert sorted(recipients[0] for recipients, _ in sink.mails) == sorted(emails)
