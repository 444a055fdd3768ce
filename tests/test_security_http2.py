"""Clients that speak HTTP/2 wrongly or too much (docs/security-cases.md, T06)."""

import socket
import ssl
import struct

import pytest

from harness.server import Project, Server
from test_tls import SCHEMA, certify

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# `GET /rest/v1/notes` at `localhost`, as literals that no table keeps.
REQUEST = b"\x82\x87" + b"\x04\x0e/rest/v1/notes" + b"\x01\x09localhost"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def streams(count: int):
    return range(1, 2 * count, 2)


FLOODS = {
    "rapid resets": (frame(HEADERS, END_STREAM | END_HEADERS, at, REQUEST) + frame(RST_STREAM, 0, at, struct.pack(">I", 8)) for at in streams(20_000)),
    "continuations": (frame(HEADERS, 0, 1, REQUEST) if at == 0 else frame(CONTINUATION, 0, 1, b"\x00\x03abc\x7f" + b"\xff\x01" + b"x" * 8000) for at in range(20_000)),
    "settings": (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535 + at % 2)) for at in range(300_000)),
    "pings": (frame(PING, 0, 0, struct.pack(">Q", at)) for at in range(300_000)),
    "priorities": (frame(PRIORITY, 0, 2 * at + 1, struct.pack(">IB", 0, at % 256)) for at in range(300_000)),
    "empty data": (frame(HEADERS, END_HEADERS, 1, b"\x83" + REQUEST[1:]) if at == 0 else frame(DATA, 0, 1) for at in range(300_000)),
    "resets of nothing": (frame(RST_STREAM, 0, at, struct.pack(">I", 8)) for at in streams(100_000)),
}
# What no honest client does is answered by the end of the connection; the others may only cost little.
CLOSED = {"rapid resets", "continuations", "resets of nothing"}


@pytest.fixture(scope="module")
def server():
    project = Project({"migrations/0001_notes.sql": SCHEMA}, '[server.tls]\ncert = "cert.pem"\nkey = "key.pem"\n')
    certify(project.folder)
    with Server(project, scheme="https") as running:
        yield running


def connected(server) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=server.project.folder / "cert.pem")
    context.set_alpn_protocols(["h2"])
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=3), server_hostname="localhost")
    assert connection.selected_alpn_protocol() == "h2"
    return connection


def memory_kib(server) -> int:
    with open(f"/proc/{server.process.pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def pour(server, frames) -> bool:
    """Sends the frames and reads nothing; did the server close the connection?"""
    with connected(server) as connection:
        try:
            connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
            gathered = bytearray()
            for one in frames:
                gathered += one
                if len(gathered) > 60_000:
                    connection.sendall(gathered)
                    gathered.clear()
            connection.sendall(gathered)
        except TimeoutError:
            # It takes no more as long as its own answers are not read.
            return False
        except OSError:
            return True
        return b"" == tail(connection)


def tail(connection) -> bytes:
    """Empty if the connection ends."""
    try:
        while received := connection.recv(1 << 16):
            pass
        return received
    except TimeoutError:
        return b"open"
    except OSError:
        return b""


@pytest.mark.parametrize("name", FLOODS)
def test_t06_floods_of_frames_cost_little_and_hinder_nobody(server, name):
    assert server.rest("GET", "/notes").status_code == 200
    before = memory_kib(server)
    closed = pour(server, FLOODS[name])
    assert closed or name not in CLOSED
    assert server.rest("GET", "/notes").json() == [{"id": 1}]
    assert memory_kib(server) - before < 20 * 1024
    assert "panicked" not in server.log.read_text()


def test_t06_a_huge_table_of_headers_is_not_kept(server):
    before = memory_kib(server)
    with connected(server) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 2**32 - 1)))
        for stream in streams(50):
            connection.sendall(frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST))
            assert connection.recv(1 << 16)
    assert memory_kib(server) - before < 20 * 1024
