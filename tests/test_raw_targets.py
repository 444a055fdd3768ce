"""Request targets as people type them: what a URI must not hold raw is served all the same."""

import json
import socket

import pytest

from harness.server import Project, Server

SCHEMA = """
create table public.things (id int primary key, tags text[], name text, extra jsonb);
alter table public.things enable row level security;
create policy "everybody" on public.things using (true) with check (true);
insert into public.things values (1, '{a,b}', 'a<b>"c"', '{"k": [1, 2]}'), (2, '{"x"}', 'é', null);
"""


@pytest.fixture(scope="module")
def server():
    with Server(Project({"migrations/0001_things.sql": SCHEMA})) as running:
        yield running


class Connection:
    """Sends bytes as they are and reads whole answers."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.reader = self.socket.makefile("rb")
        self.head = f"Host: a\r\napikey: {server.keys['publishable']}\r\n".encode()

    def send(self, target: bytes, method: bytes = b"GET", headers: bytes = b"", body: bytes = b"") -> None:
        self.socket.sendall(method + b" /rest/v1" + target + b" HTTP/1.1\r\n" + self.head + headers + b"\r\n" + body)

    def answer(self):
        status = int(self.reader.readline().split(b" ")[1])
        headers = {}
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        body = self.reader.read(int(headers.get(b"content-length", 0)))
        return status, json.loads(body) if body else None

    def ask(self, *args, **kwargs):
        self.send(*args, **kwargs)
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()


def test_raw_brackets_and_quotes_are_served(server):
    with Connection(server) as raw:
        for _ in range(2):
            assert raw.ask(b"/things?select=first:tags->0&id=eq.1") == (200, [{"first": "a"}])
            assert raw.ask(b"/things?select=k:extra->k->>1&id=eq.1") == (200, [{"k": "2"}])
            assert raw.ask(b'/things?select=id&name=eq.a<b>"c"') == (200, [{"id": 1}])
            assert raw.ask(b'/things?select=id&tags=cs.{"x"}') == (200, [{"id": 2}])
            assert raw.ask("/things?select=id&name=eq.é".encode()) == (200, [{"id": 2}])
            assert raw.ask(b"/things?select=id&name=eq.a_b__c_") == (200, [])
            assert raw.ask(b"/things?select=id&id=eq.2") == (200, [{"id": 2}])


def test_what_is_encoded_is_not_encoded_again(server):
    with Connection(server) as raw:
        assert raw.ask(b"/things?select=id,x:tags->0&name=eq.a%3Cb%3E%22c%22") == (200, [{"id": 1, "x": "a"}])


def test_a_target_that_comes_byte_by_byte_is_served(server):
    with Connection(server) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /rest/v1/things?select=x:tags->1&id=eq.1 HTTP/1.1\r\n" + raw.head + b"\r\n":
            raw.socket.sendall(bytes([byte]))
        assert raw.answer() == (200, [{"x": "b"}])


def test_a_body_that_looks_like_a_request_is_kept(server):
    text = 'GET /a>b<c" HTTP/1.1\r\n'
    with Connection(server) as raw:
        for wait in [b"", b"Expect: 100-continue\r\n"]:
            headers = b"Content-Type: text/csv\r\nPrefer: return=representation\r\n" + wait
            body = "PUT <x>,id\na>b,7\n".encode()
            headers += f"Content-Length: {len(body)}\r\n".encode()
            if not wait:
                status, error = raw.ask(b"/things", b"POST", headers, body)
            else:
                raw.send(b"/things", b"POST", headers)
                assert raw.answer() == (100, None)
                raw.socket.sendall(body)
                status, error = raw.answer()
            assert status == 400 and "'PUT <x>'" in error["message"], error
            body = json.dumps({"id": 8, "name": text}).encode()
            headers = f"Content-Type: application/json\r\nPrefer: return=representation\r\nContent-Length: {len(body)}\r\n".encode()
            assert raw.ask(b"/things?select=name,x:extra->k", b"POST", headers, body) == (201, [{"name": text, "x": None}])
            assert raw.ask(b"/things?id=eq.8", b"DELETE") == (204, None)


def test_bytes_that_are_no_utf8_are_read_as_the_replacement_character(server):
    with Connection(server) as raw:
        assert raw.ask(b"/things?select=id&name=eq.\xff\xfe") == (200, [])


@pytest.mark.parametrize("target", [b"/things?select=id&id=eq.1 2", b"/things?a\x00b", b"/things?a\x7fb", b"/things?a\tb"])
def test_control_characters_are_refused(server, target):
    with Connection(server) as raw:
        assert raw.ask(target)[0] == 400
