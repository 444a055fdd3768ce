"""Attacks on the server and its transport (docs/security-cases.md, T)."""

import http.client
import json
import os
import random
import socket
import threading
import time

import httpx
import pytest

from harness.server import Project, Server

SCHEMA = """
create table public.things (id int primary key, name text);
alter table public.things enable row level security;
create policy everybody on public.things using (true) with check (true);
insert into public.things values (1, 'one');
"""


@pytest.fixture(scope="module")
def server():
    settings = "[limits]\nbody_bytes = 100000\nurl_bytes = 8000\nheader_bytes = 16000\nconnections = 60\n[api]\ncors_origins = [\"https://app.example\"]\n"
    with Server(Project({"migrations/0001_things.sql": SCHEMA, "public/index.html": "<p>hello</p>"}, settings)) as running:
        yield running


def exchange(server, *pieces: bytes) -> bytes:
    """Everything that comes back for bytes sent as they are, until the server closes or falls silent."""
    came = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65536):
                came += received
        except OSError:
            pass
    return came


def statuses(came: bytes) -> list[int]:
    return [int(line.split(b" ")[1]) for line in came.split(b"\r\n") if line.startswith(b"HTTP/1.")]


def rows(server) -> list:
    return server.rest("GET", "/things?select=id&order=id").json()


HIDDEN = b"GET /rest/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "headers,body",
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
        (b"Content-Length: 4\r\nContent-Length: 60\r\n", b"null" + HIDDEN),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\n" + HIDDEN),
        (b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff1\r\n" + HIDDEN),
        (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + HIDDEN),
        (b"Content-Length : 4\r\n", b"null" + HIDDEN),
        (b"X: a\r\n Content-Length: 4\r\n", b"null" + HIDDEN),
        (b"Content-Length: +4\r\n", b"null" + HIDDEN),
        (b"Transfer-Encoding: chunked\r\n", b"1;" + b"a" * 50_000 + b"\r\n"),
    ],
    ids=["both", "two lengths", "no size", "huge size", "unknown coding", "space before the colon", "folded", "signed", "huge extension"],
)
def test_t01_a_request_is_never_read_as_two(server, headers, body):
    head = b"POST /rest/v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + headers + b"\r\n"
    came = exchange(server, head + body)
    assert b"smuggled" not in came, came
    assert len(statuses(came)) <= 1 or all(status in (400, 401) for status in statuses(came)), came
    assert all(400 <= status < 500 for status in statuses(came)), came


@pytest.mark.parametrize(
    "request_,status",
    [
        (b"GET /rest/v1/things?id=eq." + b"1" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}),
        (b"GET /rest/v1/things HTTP/1.1\r\nHost: a\r\nX-Long: " + b"y" * 60_000 + b"\r\n\r\n", {431}),
        (b"GET /rest/v1/things HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(400)) + b"\r\n", {431}),
    ],
    ids=["a long target", "a long header", "many headers"],
)
def test_t02_what_is_over_the_limits_of_the_head_is_refused(server, request_, status):
    came = exchange(server, request_)
    # A server that stops reading may be heard as the end of the connection alone.
    assert set(statuses(came)) in (status, set()), came[:300]


def test_t03_a_body_over_the_limit_is_refused_however_it_comes(server):
    headers = {**server.headers("service"), "Content-Type": "application/json"}

    def chunks():
        yield b'[{"id": 7, "name": "'
        for _ in range(200):
            yield b"x" * 1000
        yield b'"}]'

    refused = server.client.post(f"{server.url}/rest/v1/things", headers=headers, content=chunks())
    assert refused.status_code == 413, refused.text
    declared = b"POST /rest/v1/things HTTP/1.1\r\nHost: a\r\napikey: %s\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n"
    came = exchange(server, declared % server.keys["secret"].encode())
    assert statuses(came) == [413], came
    assert rows(server) == [{"id": 1}]


def test_t03_a_refused_request_leaves_its_connection_usable(server):
    """What is not read of a body must not end the connection under the next request."""
    head = b"POST /rest/v1/nothing HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        answers = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(head)
            connection.sendall(b" " * 20000)
            status = answers.readline()
            assert status.startswith(b"HTTP/1.1 401"), status
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            assert len(answers.read(length)) == length


def test_t05_connections_over_the_limit_are_refused_and_the_others_served(server):
    # Not the harness's client: that one closes a connection which was idle for a while, and a new one would be over the limit.
    kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

    def seen() -> list:
        kept.request("GET", "/rest/v1/things?select=id", headers=server.headers("anon"))
        return json.loads(kept.getresponse().read())

    assert seen() == [{"id": 1}]
    held = []
    try:
        for _ in range(200):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
            connection.sendall(b"GET /rest/v1/things HTTP/1.1\r\n")
            held.append(connection)
        refused = 0
        for connection in held:
            connection.settimeout(0.2)
            try:
                refused += connection.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                refused += 1
        assert refused >= 100
        assert seen() == [{"id": 1}]
    finally:
        for connection in [*held, kept]:
            connection.close()
    wait_until(lambda: statuses(exchange(server, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) == [200])


def wait_until(holds, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    "path",
    ["//rest/v1/things", "/rest//v1/things", "/rest/./v1/things", "/x/../rest/v1/things", "/%2e%2e/rest/v1/things", "/rest%2fv1/things",
     "/rest/v1;x/things", "/REST/v1/things", "/rest/v1/things/extra/more", "/rest/v1/%2e%2e/%2e%2e/healthz", "/rest/v1/..%2f..%2fmetrics",
     "/../../etc/passwd", "/%2e%2e/%2e%2e/.backstay/keys.json", "/.backstay/keys.json", "/..%5c..%5cbackstay.toml"],
)
def test_t07_a_path_means_one_thing(server, path):
    """Whatever the form, it is the data API with its key, or nothing."""
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    without = exchange(server, f"{head}\r\n".encode())
    assert all(400 <= status < 500 for status in statuses(without)), without
    assert b"jwt_secret" not in without and b"root:" not in without and b"backstay_" not in without
    known = exchange(server, f"{head}apikey: {server.keys['publishable']}\r\n\r\n".encode())
    assert all(400 <= status < 500 for status in statuses(known)), known


def test_t08_what_a_stranger_says_of_proxies_is_ignored(server):
    headers = {
        **server.headers("anon"), "X-Forwarded-For": "10.9.8.7", "X-Real-IP": "10.9.8.7", "Forwarded": "for=10.9.8.7;proto=https;host=evil.example",
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Original-URL": "/metrics", "X-Rewrite-URL": "/metrics",
        "X-HTTP-Method-Override": "DELETE",
    }
    plain = server.client.get(f"{server.url}/rest/v1/things", headers=server.headers("anon"))
    answer = server.client.get(f"{server.url}/rest/v1/things", headers=headers)
    assert (answer.status_code, answer.text) == (plain.status_code, plain.text)
    assert "evil.example" not in str(answer.headers) and "strict-transport-security" not in answer.headers
    assert "10.9.8.7" not in server.log.read_text()
    described = server.client.get(f"{server.url}/rest/v1/", headers=headers)
    assert "evil.example" not in described.text


def test_t09_hop_by_hop_headers_take_no_right_away_and_give_none(server):
    for name in ("Authorization", "apikey", "Content-Length", "close, apikey"):
        headers = {**server.headers("anon"), "Authorization": "Bearer a.b.c", "Connection": name}
        answer = server.client.get(f"{server.url}/rest/v1/things", headers=headers)
        assert answer.status_code == 401, (name, answer.text)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.evil.example", "https://xapp.example", "http://app.example",
               "https://app.example:444", "https://sub.app.example", "https://APP.example.evil", ""])
def test_t10_only_the_listed_origins_are_told_that_they_may(server, origin):
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "apikey"}
    preflight = server.client.options(f"{server.url}/rest/v1/things", headers=asked)
    answer = server.client.get(f"{server.url}/rest/v1/things", headers={**server.headers("anon"), "Origin": origin})
    for one in (preflight, answer):
        assert "access-control-allow-origin" not in one.headers, one.headers
    allowed = server.client.get(f"{server.url}/rest/v1/things", headers={**server.headers("anon"), "Origin": "https://app.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example" and "Origin" in allowed.headers["vary"]


def test_t12_every_kind_of_answer_has_its_security_headers(server):
    asked = [
        ("GET", "/rest/v1/things", 200), ("GET", "/rest/v1/nothing", 404), ("GET", "/", 200), ("GET", "/nowhere", 404), ("GET", "/docs", 200),
        ("GET", "/healthz", 200), ("GET", "/metrics", 403), ("POST", "/auth/v1/token?grant_type=password", 400), ("TRACE", "/rest/v1/things", 405),
    ]
    for method, path, status in asked:
        answer = server.client.request(method, f"{server.url}{path}", headers=server.headers("anon"))
        assert answer.status_code == status or (method == "TRACE" and answer.status_code in (400, 405, 501)) or path == "/metrics", (path, answer)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["referrer-policy"], path
        assert answer.headers["x-frame-options"] == "DENY", path
        assert "server" not in answer.headers and "x-powered-by" not in answer.headers, path


@pytest.mark.parametrize(
    "method,target,body",
    [("GET", "/rest/v1/nothing", None), ("GET", "/rest/v1/things?id=eq.x", None), ("GET", "/rest/v1/things?select=(", None),
     ("POST", "/rest/v1/things", "{"), ("POST", "/rest/v1/rpc/nothing", "{}"), ("PUT", "/rest/v1/things", "[]"), ("GET", "/auth/v1/user", None),
     ("POST", "/auth/v1/token?grant_type=nonsense", "{}"), ("GET", "/nowhere", None), ("POST", "/rest/v1/things", '[{"id": 1}]')],
)
def test_t17_every_error_tells_what_it_may_and_no_more(server, method, target, body):
    headers = {**server.headers("anon"), "Content-Type": "application/json"}
    answer = server.client.request(method, f"{server.url}{target}", headers=headers, content=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["x-request-id"]
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    answer.json()
    for secret in ("SELECT", "INSERT", "crates/", ".rs:", "/tmp/", "sqlite", "panicked", server.keys["jwt_secret"]):
        assert secret not in answer.text, answer.text


@pytest.mark.parametrize(
    "request_",
    [
        b"TRACE /rest/v1/things HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n",
        b"BREW /rest/v1/things HTTP/1.1\r\nHost: a\r\n\r\n", b"get /rest/v1/things HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://other.example/rest/v1/things HTTP/1.1\r\nHost: other.example\r\n\r\n", b"GET /rest/v1/things\r\n\r\n",
        b"GET /rest/v1/things HTTP/9.9\r\nHost: a\r\n\r\n", b"GET /rest/v1/things HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /rest/v1/things HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /rest/v1/things HTTP/1.0\r\n\r\n", b"\x00" * 100,
    ],
)
def test_t18_other_forms_of_requests_are_refused(server, request_):
    """Without a key the plain request would be 401; nothing else may come of these."""
    came = exchange(server, request_)
    assert all(status in (400, 401, 404, 405, 501, 505) for status in statuses(came)), came
    assert b'"id"' not in came
    assert rows(server) == [{"id": 1}]


def test_t20_generated_bad_requests_get_no_5xx_and_little_memory(server):
    rng = random.Random(20)
    words = ["id", "eq.", "select=", "(", ")", "%00", "%ff", ",", "*", "in.(", "or=", "->", "::", "\\", "'", '"', "…", "limit=-1", "&", "=", "not.", "💩", "order="]
    methods = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]

    def memory() -> int:
        lines = open(f"/proc/{server.process.pid}/status").read().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def ask(count: int) -> None:
        for _ in range(count):
            target = "/things?" + "".join(rng.choice(words) for _ in range(rng.randint(1, 12)))
            body = rng.choice([None, "{", "[]", '[{"id": "x"}]', '{"id": 1e999}', "\\u0000", "[" * 200, '{"name": "\\ud800"}'])
            headers = {"Prefer": rng.choice(["", "count=exact", "return=representation", "handling=strict, x", "tx=rollback"])}
            answer = server.rest(rng.choice(methods), target.encode("utf-8", "ignore").decode(), headers=headers, content=body)
            assert answer.status_code < 500, (target, body, answer.text)
            if answer.status_code in (200, 201, 204) and answer.request.method in ("POST", "PATCH", "DELETE", "PUT"):
                server.rest("DELETE", "/things?id=gte.0", "service")
                server.rest("POST", "/things", "service", json_body={"id": 1, "name": "one"})

    ask(500)
    before = memory()
    ask(1500)
    assert memory() - before < 20 * 1024


def test_t21_clients_who_leave_leave_nothing_behind(server):
    def sockets() -> int:
        """Files are not counted: readers of the database are opened when they are first wanted, and stay."""
        held = f"/proc/{server.process.pid}/fd"
        return sum(target_of(f"{held}/{name}").startswith("socket:") for name in os.listdir(held))

    rows(server)
    before = sockets()
    head = f"GET /rest/v1/things HTTP/1.1\r\nHost: a\r\napikey: {server.keys['publishable']}\r\n\r\n".encode()

    def leave(count: int) -> None:
        for at in range(count):
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
                # A reset rather than a farewell.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                try:
                    connection.sendall(head[: 20 + at % len(head)])
                except ConnectionError:
                    pass

    threads = [threading.Thread(target=leave, args=(100,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: served(server) and sockets() <= before)


def target_of(link: str) -> str:
    """Where a link leads, or nothing when it has gone meanwhile."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def served(server) -> bool:
    """Connections may still wait in the system's queue before those that count."""
    try:
        return rows(server) == [{"id": 1}]
    except httpx.TransportError:
        return False


def test_t22_health_tells_nothing_secret(server):
    for path in ("/healthz", "/readyz"):
        for headers in ({}, server.headers("anon"), {"apikey": "wrong"}):
            answer = server.client.get(f"{server.url}{path}", headers=headers)
            assert answer.status_code == 200 and len(answer.content) < 50, answer.text


def test_t23_what_is_for_operators_needs_the_secret_key(server):
    for headers in ({}, server.headers("anon"), server.headers("00000000-0000-4000-8000-000000000001"), {"apikey": "wrong"}):
        assert server.client.get(f"{server.url}/metrics", headers=headers).status_code in (401, 403)
    assert server.client.get(f"{server.url}/metrics", headers=server.headers("service")).status_code == 200
    for path in ("/debug", "/debug/pprof", "/admin", "/dev/mail", "/.env", "/backstay.toml", "/config", "/status", "/rest/v1/../../metrics"):
        assert server.client.get(f"{server.url}{path}", headers=server.headers("anon")).status_code in (401, 403, 404), path
