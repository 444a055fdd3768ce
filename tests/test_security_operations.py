"""Faults of one node: its processes, descriptors, clock, settings and logs (docs/security-cases.md, O)."""

import json
import os
import random
import resource
import signal
import socket
import stat
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jwt
import pytest

from harness.server import BINARY, Project, Server, clean_environment

SCHEMA = """
create table public.things (id int primary key, name text, made timestamptz default now());
alter table public.things enable row level security;
create policy everybody on public.things using (true) with check (true);
insert into public.things values (1, 'one');
"""
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def ids(server) -> list[int]:
    return [row["id"] for row in server.rest("GET", "/things?select=id&order=id", "service").json()]


def wait_until(holds, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_o11_descriptors_that_are_used_up_come_back():
    with Server(Project({"migrations/0001_things.sql": SCHEMA})) as server:
        used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + 30, used + 30))
        held = []
        try:
            for _ in range(100):
                connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
                connection.sendall(b"GET /healthz HTTP/1.1\r\n")
                held.append(connection)
            wait_until(lambda: "cannot accept connections" in server.log.read_text())
            # The connection that was there is served, reads and writes alike: the files of the data are open.
            assert server.rest("POST", "/things", "service", json_body={"id": 2}).status_code == 201
            assert ids(server) == [1, 2]
        finally:
            for connection in held:
                connection.close()
        def served() -> bool:
            try:
                return httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200
            except httpx.TransportError:
                return False
        wait_until(served)
        assert ids(server) == [1, 2]


class Clock:
    """The server's clock, which the test sets; monotonic time goes on."""

    def __init__(self, folder: Path):
        self.file = folder / "clock"
        self.set(0)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        made = self.file.with_suffix(".new")
        made.write_text(f"{seconds:+d}")
        made.rename(self.file)


def test_o12_a_clock_that_jumps_ends_tokens_in_time_and_nothing_else(tmp_path):
    clock = Clock(tmp_path)
    with Server(Project({"migrations/0001_things.sql": SCHEMA}), environment=clock.environment()) as server:
        def told(claims: dict) -> int:
            token = jwt.encode({"role": "authenticated", "aud": "authenticated", **claims}, server.keys["jwt_secret"], algorithm="HS256")
            headers = {"apikey": server.keys["publishable"], "Authorization": f"Bearer {token}"}
            return server.client.get(f"{server.url}/rest/v1/things?id=eq.1", headers=headers).status_code

        now = int(time.time())
        hour = {"exp": now + 3600}
        assert told(hour) == 200
        for number, jump in enumerate([-3600, 2 * 86400, -400 * 86400, 0, 60], 10):
            clock.set(jump)
            # A verified token is remembered until it expires, by the same clock.
            assert told(hour) == (401 if jump > 3600 else 200), jump
            assert told({"exp": now + jump + 600}) == 200, jump
            assert told({"exp": now + jump - 600}) == 401, jump
            assert told({"exp": now + jump + 600, "nbf": now + jump + 300}) == 401, jump
            made = server.rest("POST", "/things?select=id,made", "service", json_body={"id": number}, headers={"Prefer": "return=representation"})
            assert made.status_code == 201, made.text
            day = time.strftime("%Y-%m-%d", time.gmtime(now + jump))
            assert made.json()[0]["made"][:7] == day[:7], made.text
        assert ids(server) == [1, 10, 11, 12, 13, 14]
        assert "panicked" not in server.log.read_text()
        # Sessions of sign-in as well.
        clock.set(0)
        signed = server.client.post(f"{server.url}/auth/v1/admin/users", headers=server.headers("service"),
                                    json={"email": "ann@example.com", "password": "long enough 1", "email_confirm": True})
        assert signed.status_code == 200, signed.text
        def sign_in():
            return server.client.post(f"{server.url}/auth/v1/token?grant_type=password", headers=server.headers("anon"),
                                      json={"email": "ann@example.com", "password": "long enough 1"})
        session = sign_in().json()
        bearer = {"apikey": server.keys["publishable"], "Authorization": f"Bearer {session['access_token']}"}
        user = lambda: server.client.get(f"{server.url}/auth/v1/user", headers=bearer).status_code
        assert user() == 200
        clock.set(2 * 86400)
        assert user() in (401, 403)
        again = server.client.post(f"{server.url}/auth/v1/token?grant_type=refresh_token", headers=server.headers("anon"),
                                   json={"refresh_token": session["refresh_token"]})
        assert again.status_code == 200, again.text
        clock.set(-86400)
        assert sign_in().status_code == 200


def steps(count: int) -> dict[str, str]:
    """Migrations of which each makes a table, fills it and changes the one before."""
    files = {"migrations/0001_things.sql": SCHEMA}
    for number in range(2, count):
        before = f"alter table public.step_{number - 1} add column more text default 'm';" if number > 2 else ""
        files[f"migrations/{number:04}_step.sql"] = f"""
            create table public.step_{number} (id int primary key, body text not null);
            alter table public.step_{number} enable row level security;
            insert into public.step_{number} select n, repeat('x', 100) from generate_series(1, 300) n;
            create index on public.step_{number} (body);
            {before}
        """
    return files


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_o14_a_migration_that_is_killed_is_whole_or_not_there(databases, engine):
    count = 14
    project = Project(steps(count))
    environment = {**clean_environment(), **databases.environment(engine)}
    rng = random.Random(14)
    killed = 0
    try:
        for _ in range(12):
            running = subprocess.Popen([BINARY, "migrate", "up", str(project.folder)], env=environment,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            # Each file that was applied is told at once, so the kill falls among those that are left.
            said = "".join(running.stdout.readline() for _ in range(rng.randint(0, 2)))
            time.sleep(rng.uniform(0, 0.03))
            running.send_signal(signal.SIGKILL)
            said += running.communicate()[0]
            assert running.returncode in (0, -signal.SIGKILL), said
            killed += running.returncode != 0
        assert killed > 2
        with Server(project, environment=databases_of(environment)) as server:
            for number in range(2, count):
                answer = server.rest("GET", f"/step_{number}?select=id", "service", headers={"Prefer": "count=exact"})
                assert answer.headers["content-range"].endswith("/300"), answer.text
                more = server.rest("GET", f"/step_{number}?select=more&limit=1", "service")
                assert (more.status_code == 200) == (number < count - 1), more.text
            status = subprocess.run([BINARY, "migrate", "status", str(project.folder)], env=environment, capture_output=True, text=True, check=True)
            assert status.stdout.count("applied") == count - 1, status.stdout
    finally:
        project.remove()


def databases_of(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name == "BACKSTAY_DATABASE_URL"}


def test_o18_a_fresh_project_is_closed_and_its_keys_are_strong(tmp_path):
    environment = clean_environment()
    subprocess.run([BINARY, "new", "fresh"], cwd=tmp_path, check=True, capture_output=True, env=environment)
    project = Project({})
    project.remove()
    project.folder = tmp_path / "fresh"
    (project.folder / "migrations" / "0002_forgotten.sql").write_text("create table public.forgotten (id int primary key); insert into public.forgotten values (1);")
    with Server(project) as server:
        assert len(server.keys["jwt_secret"]) >= 32 and len(server.keys["secret"]) >= 32
        state = project.folder / ".backstay"
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        for file in (state / "keys.json", state / "data.db"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or stat.S_IMODE(state.stat().st_mode) == 0o700, file
        assert stat.S_IMODE((state / "keys.json").stat().st_mode) == 0o600
        assert server.rest("GET", "/forgotten", "anon").status_code == 401
        assert server.rest("GET", "/posts", "nobody").status_code == 401
        with open(f"/proc/{server.process.pid}/net/tcp") as table:
            listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
        port = f"{server.port:04X}"
        assert [address for address in listening if address.endswith(port)] == [f"0100007F:{port}"]
        other = server.keys["secret"]
    fresh = Project({"migrations/0001_things.sql": SCHEMA})
    with Server(fresh) as second:
        assert second.keys["secret"] != other


@pytest.mark.parametrize(
    "settings,told",
    [
        ('[server]\nhost = "0.0.0.0"\n[api]\ncors_origins = ["*"]\n', "api.cors_origins"),
        ('[server]\nhost = "0.0.0.0"\n[api]\nrequire_key = false\n', "api.require_key"),
        ("[api]\nrequire_rls = false\n", "api.require_rls"),
        ('[database]\ndurability = "off"\n', "database.durability"),
    ],
)
def test_o19_weak_settings_are_found_with_their_remedy(settings, told):
    project = Project({"migrations/0001_things.sql": SCHEMA}, settings)
    try:
        found = project.run("doctor", check=False)
        assert found.returncode != 0 and told in found.stdout, found.stdout
        lines = found.stdout.splitlines()
        at = next(number for number, line in enumerate(lines) if told in line)
        assert lines[at + 1].startswith("  "), found.stdout
    finally:
        project.remove()


def test_o19_a_short_secret_is_refused():
    project = Project({"migrations/0001_things.sql": SCHEMA}, '[auth]\njwt_secret = "short"\n')
    try:
        refused = project.run("serve", "--port", "0", check=False)
        assert refused.returncode != 0 and "jwt_secret" in refused.stderr, refused.stderr
    finally:
        project.remove()


def test_o22_nothing_secret_is_logged():
    with Server(Project({"migrations/0001_things.sql": SCHEMA}), environment={"BACKSTAY_LOG": "debug"}) as server:
        canary = "canary-0f3a9c"
        headers = {**server.headers("anon"), "Cookie": f"session={canary}", "X-Secret": canary}
        bearer = {"apikey": server.keys["publishable"], "Authorization": f"Bearer {canary}.{canary}.{canary}"}
        server.client.get(f"{server.url}/rest/v1/things?name=eq.{canary}&apikey={canary}", headers=headers)
        server.client.get(f"{server.url}/rest/v1/things?name=eq.{canary}", headers={"apikey": canary})
        server.client.get(f"{server.url}/rest/v1/things", headers=bearer)
        server.rest("POST", "/things", "service", json_body={"id": 5, "name": canary})
        server.rest("POST", "/things", "service", json_body={"id": 5, "name": canary})
        server.rest("POST", "/things", "service", content='{"name": "%s"' % canary)
        for path, body in [("signup", {"email": "ann@example.com", "password": canary}), ("token?grant_type=password", {"email": "ann@example.com", "password": canary}),
                           ("token?grant_type=refresh_token", {"refresh_token": canary}), ("verify", {"type": "signup", "token": canary, "email": "ann@example.com"})]:
            server.client.post(f"{server.url}/auth/v1/{path}", headers=headers, json=body)
        server.stop()
        log = server.log.read_text()
        assert "/rest/v1/things" in log
        for secret in (canary, server.keys["secret"], server.keys["jwt_secret"], server.keys["service_role"]):
            assert secret not in log, [line for line in log.splitlines() if secret in line][:3]


def test_o32_a_stop_under_load_finishes_what_runs():
    with Server(Project({"migrations/0001_things.sql": SCHEMA})) as server:
        acknowledged, stop = [], threading.Event()

        def write(worker: int) -> None:
            with httpx.Client(timeout=20) as client:
                for number in range(10_000):
                    if stop.is_set():
                        return
                    row = 1000 + worker * 10_000 + number
                    try:
                        answer = client.post(f"{server.url}/rest/v1/things", headers=server.headers("service"), json={"id": row})
                    except httpx.TransportError:
                        return
                    assert answer.status_code == 201, answer.text
                    acknowledged.append(row)

        with ThreadPoolExecutor(8) as pool:
            workers = [pool.submit(write, worker) for worker in range(8)]
            wait_until(lambda: len(acknowledged) > 100)
            code = server.stop()
            stop.set()
            for worker in workers:
                worker.result()
        assert code == 0, server.log.read_text()[-2000:]
        server.start()
        assert set(acknowledged) <= set(ids_of(server))


def ids_of(server) -> list[int]:
    found, step = [], 1000
    while True:
        page = server.rest("GET", f"/things?select=id&order=id&limit={step}&offset={len(found)}", "service").json()
        found += [row["id"] for row in page]
        if len(page) < step:
            return found


def memory(server, line: str) -> int:
    """A line of the process's status, in MiB."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(text.split()[1]) for text in status if text.startswith(line)) // 1024


@pytest.mark.parametrize(
    "body,senders",
    [(json.dumps([{"name": "n" * 50, "body": "b" * 50, "number": number} for number in range(65_000)]), 9), (json.dumps([{"body": "b" * 8_000_000}]), 24)],
    ids=["rows", "a large value"],
)
def test_o10_many_large_bodies_at_once_share_a_bounded_memory(body, senders):
    schema = """
        create table public.large (id int primary key generated always as identity, name text, body text, number int);
        alter table public.large enable row level security;
    """
    body = body.encode()
    settings = '[api]\ntx_end = "commit-allow-override"\n[limits]\nstatement_ms = 60000\n'
    with Server(Project({"migrations/0001_large.sql": schema}, settings)) as server:
        headers = {**server.headers("service"), "Prefer": "tx=rollback", "Content-Type": "application/json"}

        def send(_: int) -> httpx.Response:
            with httpx.Client(timeout=120) as client:
                return client.post(f"{server.url}/rest/v1/large", headers=headers, content=body)

        def leave(_: int) -> None:
            """Its work goes on, or is begun, when nobody waits any more."""
            head = "POST /rest/v1/large HTTP/1.1\r\nHost: a\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                try:
                    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                except ConnectionError:
                    pass

        with ThreadPoolExecutor(senders * 4 // 3) as pool:
            sent = [pool.submit(send, number) for number in range(senders)] + [pool.submit(leave, number) for number in range(senders // 3)]
            # Small bodies pass meanwhile.
            assert server.rest("POST", "/large", "service", json_body={"number": 1}).status_code == 201
            answers = [one.result() for one in sent][:senders]
        assert memory(server, "VmHWM") < 256
        for answer in answers:
            told = (answer.status_code, answer.headers.get("retry-after"))
            assert told == (201, None) or (told, answer.json()["code"]) == ((503, "1"), "BKS503"), answer.text
        assert 201 in [answer.status_code for answer in answers]
        # What was held is given back.
        assert send(0).status_code == 201
        assert len(server.rest("GET", "/large?select=id", "service").json()) == 1


def test_o09_long_reads_that_overlap_do_not_keep_the_log():
    schema = """
        create table public.grown (id int primary key, body text not null);
        alter table public.grown enable row level security;
        insert into public.grown values (1, '');
        create function public.slow_read() returns bigint language sql stable as
          'select count(*) from public.grown, generate_series(1, 350) as a(x), generate_series(1, 350) as b(y) where a.x * b.y % 7 = 3';
        create function public.write(mebibytes int) returns void language sql as
          'update public.grown set body = repeat(md5(random()::text), mebibytes * 32768) where id = 1';
    """
    limit, most = 64, 0
    with Server(Project({"migrations/0001_grown.sql": schema}, "[limits]\nstatement_ms = 60000\n")) as server:
        log, stop = server.project.folder / ".backstay" / "data.db-wal", threading.Event()
        begun = threading.Barrier(3)

        def read(number: int) -> int:
            """One of two who read all the time."""
            begun.wait()
            done = 0
            with httpx.Client(timeout=60) as client:
                while not stop.is_set():
                    answer = client.post(f"{server.url}/rest/v1/rpc/slow_read", headers=server.headers("service"))
                    assert answer.status_code == 200, answer.text
                    done += 1
            return done

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read, number) for number in range(2)]
            try:
                begun.wait()
                written = 0
                while written < 200:
                    wrote = server.rest("POST", "/rpc/write", "service", json_body={"mebibytes": 4})
                    assert wrote.status_code == 204, wrote.text
                    written += 4
                    most = max(most, log.stat().st_size // 2**20)
            finally:
                stop.set()
            done = [reader.result() for reader in readers]
    assert min(done) > 1, done
    assert most < 2 * limit, most
