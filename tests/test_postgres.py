"""PostgreSQL as the engine: one transaction a request under the caller's role, and what happens when the
database is slow, gone, or says no."""

import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from harness.postgres import Postgres
from harness.server import Project, Server, free_port

SCHEMA = """
create table public.notes (id int primary key, body text, made timestamptz default '2026-01-01 10:00+00');
alter table public.notes enable row level security;
create policy everybody on public.notes using (true) with check (true);
insert into public.notes select n, 'note ' || n from generate_series(1, 50) n;
analyze public.notes;
create table public.locked (id int primary key);
alter table public.locked enable row level security;
create policy everybody on public.locked using (true) with check (true);
insert into public.locked values (1);
create function public.nap(seconds float) returns int language sql volatile as 'select pg_sleep(seconds); select 1';
create function public.add_note(note int) returns int language sql volatile as
  'insert into public.notes values (note, ''new'') returning id';
create function public.whoami() returns json language sql stable as $$
  select json_build_object('role', current_user, 'path', current_setting('search_path'), 'zone', current_setting('timezone'),
    'method', current_setting('request.method'), 'read_only', current_setting('transaction_read_only'),
    'timeout', current_setting('statement_timeout'), 'claim', current_setting('request.jwt.claims')::json ->> 'role') $$;
create function public.teapot() returns void language sql volatile as $$
  select set_config('response.status', '418', true), set_config('response.headers', '[{"X-Tea": "green"}]', true) $$;
create function public.slow() returns int language sql stable set statement_timeout = '100ms' as 'select 1 from pg_sleep(5)';
alter role authenticated set statement_timeout = '7s';
alter role service_role set lock_timeout = '50ms';
"""
SETTINGS = """
[api]
plan = true
max_rows = 20
[limits]
anon_statement_ms = 2500
"""


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        yield running


@pytest.fixture(scope="module")
def server(postgres):
    project = Project({"migrations/0001_notes.sql": SCHEMA}, SETTINGS)
    with Server(project, environment={"BACKSTAY_DATABASE_URL": postgres.create("notes")}) as running:
        yield running


def started(project: Project, url: str):
    """What a command that needs the database says."""
    project.write({"backstay.toml": f'[database]\nurl = "{url}"\n'})
    return project.run("migrate", "status", ".", check=False)


@pytest.fixture(scope="module")
def project():
    made = Project({})
    yield made
    made.remove()


@pytest.mark.parametrize(
    "url,cause,remedy",
    [
        ("postgres://someone@127.0.0.1:1/shop", "cannot connect to database \"shop\" on 127.0.0.1:1", "Check that PostgreSQL runs"),
        ("postgres://nobody.example:99999/shop", "cannot be read", "Write it as postgres://"),
    ],
)
def test_a_database_out_of_reach_is_named_with_a_remedy(project, url, cause, remedy):
    done = started(project, url)
    assert done.returncode == 1
    said = " ".join(done.stderr.replace("│", " ").split())
    assert cause in said and remedy in said, done.stderr


def test_a_missing_database_and_a_wrong_password_are_named(project, postgres):
    done = started(project, postgres.url("nowhere"))
    assert done.returncode == 1 and "does not exist" in done.stderr and "database.url" in done.stderr, done.stderr
    postgres.psql("create role locked_out login password 'right'")
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all locked_out scram-sha-256\n" + before)
    postgres.psql("select pg_reload_conf()")
    try:
        url = postgres.url("postgres", "locked_out").replace("locked_out@", "locked_out:wrong@")
        done = started(project, url)
        assert done.returncode == 1 and "password" in done.stderr and "wrong@" not in done.stderr, done.stderr
    finally:
        rules.write_text(before)
        postgres.psql("select pg_reload_conf()")


def test_a_request_runs_as_its_role_with_its_settings(server):
    answer = server.rest("GET", "/rpc/whoami")
    assert answer.json() == {
        "role": "anon", "path": "public, extensions", "zone": "UTC", "method": "GET", "read_only": "on",
        "timeout": "2500ms", "claim": "anon",
    }
    user = "00000000-0000-4000-8000-000000000001"
    answer = server.rest("POST", "/rpc/whoami", user, headers={"Prefer": "timezone=Europe/Lisbon"})
    found = answer.json()
    assert (found["role"], found["zone"], found["timeout"]) == ("authenticated", "Europe/Lisbon", "7s")


def test_a_read_only_request_cannot_write(server):
    answer = server.rest("GET", "/rpc/add_note?note=900")
    assert (answer.status_code, answer.json()["code"]) == (405, "25006")
    assert server.rest("GET", "/notes?id=eq.900").json() == []


def test_a_function_shapes_the_response(server):
    answer = server.rest("POST", "/rpc/teapot", json_body={})
    assert (answer.status_code, answer.headers["x-tea"]) == (418, "green")


def test_limits_of_time_end_a_statement(server):
    answer = server.rest("GET", "/rpc/slow")
    assert answer.json()["code"] == "57014"
    answer = server.rest("POST", "/rpc/nap", json_body={"seconds": 30})
    assert (answer.json()["code"], answer.json()["message"]) == ("57014", "canceling statement due to statement timeout")
    assert server.rest("GET", "/notes?id=eq.1&select=id").json() == [{"id": 1}]


def test_counts_are_exact_planned_or_estimated(server):
    def total(kind, filter=""):
        answer = server.rest("GET", f"/notes?select=id&limit=1{filter}", headers={"Prefer": f"count={kind}"})
        assert answer.status_code == 206
        return int(answer.headers["content-range"].split("/")[1])

    assert total("exact") == 50
    assert total("planned") == 50
    assert total("estimated") == 50
    assert total("estimated", "&id=lt.4") == 3


def test_execution_plans_are_told_where_they_are_allowed(server):
    answer = server.rest("GET", "/notes?id=eq.1", headers={"Accept": "application/vnd.pgrst.plan"})
    assert answer.status_code == 200 and "Scan on notes" in answer.text, answer.text
    assert answer.headers["content-type"] == 'application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8'
    kind = "application/vnd.pgrst.plan+json; options=analyze|verbose"
    answer = server.rest("PATCH", "/notes?id=eq.1", headers={"Accept": kind}, json_body={"body": "planned"})
    assert answer.json()[0]["Plan"]["Actual Rows"] == 0
    assert server.rest("GET", "/notes?id=eq.1&select=body").json() == [{"body": "note 1"}]


def test_a_prepared_statement_survives_a_change_of_its_table(server, postgres):
    for _ in range(4):
        assert server.rest("GET", "/notes?id=eq.2&select=body").json() == [{"body": "note 2"}]
    postgres.psql("alter table notes alter body type varchar(50)", "notes")
    postgres.psql("alter table notes alter body type text", "notes")
    assert server.rest("GET", "/notes?id=eq.2&select=body").json() == [{"body": "note 2"}]


def test_a_caller_who_leaves_stops_the_statement(server, postgres):
    busy = "select count(*) from pg_stat_activity where state = 'active' and query like '%nap%' and pid <> pg_backend_pid()"
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/rest/v1/rpc/nap", headers=server.headers("service"), json={"seconds": 6}, timeout=0.7)
    for _ in range(100):
        if postgres.psql(busy, "notes").strip() == "0":
            return
        time.sleep(0.02)
    raise AssertionError("the statement goes on")


def test_a_lock_that_another_holds_is_named(server, postgres):
    holder = threading.Thread(
        target=postgres.psql, args=("begin; select * from locked for update; select pg_sleep(2); rollback", "notes")
    )
    holder.start()
    try:
        until = time.monotonic() + 1.5
        answer = None
        while time.monotonic() < until:
            answer = server.rest("PATCH", "/locked?id=eq.1", "service", json_body={"id": 1})
            if answer.status_code != 204:
                break
        assert answer.json()["code"] == "55P03" and answer.json()["hint"], answer.text
    finally:
        holder.join()


def test_more_requests_than_connections_wait_or_are_turned_away(postgres):
    project = Project({"migrations/0001_notes.sql": SCHEMA}, "[database]\nconnections = 1\nqueue = 1\nqueue_ms = 800\n")
    with Server(project, environment={"BACKSTAY_DATABASE_URL": postgres.create("narrow")}) as server:
        answers = []

        def nap():
            answers.append(server.rest("POST", "/rpc/nap", "service", json_body={"seconds": 1.5}))

        threads = [threading.Thread(target=nap) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 200 and 503 in statuses and set(statuses) <= {200, 503, 504}, statuses
        assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
        assert server.rest("GET", "/notes?id=eq.1&select=id").json() == [{"id": 1}]


def test_o24_a_lost_database_answers_503_and_comes_back_by_itself():
    with Postgres() as postgres:
        project = Project({"migrations/0001_notes.sql": SCHEMA})
        with Server(project, environment={"BACKSTAY_DATABASE_URL": postgres.create("lost")}) as server:
            assert server.rest("GET", "/notes?id=eq.1&select=id").json() == [{"id": 1}]
            postgres.halt()
            answer = server.rest("GET", "/notes?id=eq.1&select=id")
            assert answer.status_code == 503 and answer.headers["retry-after"], answer.text
            assert answer.json()["code"].startswith("PGRST00"), answer.text
            assert httpx.get(f"{server.url}/readyz").status_code == 503
            postgres.start()
            until = time.monotonic() + 20
            while server.rest("GET", "/notes?id=eq.1&select=id").status_code == 503 and time.monotonic() < until:
                time.sleep(0.05)
            assert server.rest("GET", "/notes?id=eq.1&select=id").json() == [{"id": 1}]
            assert httpx.get(f"{server.url}/readyz").status_code == 200


def certificates(folder: Path) -> None:
    """An authority, a server's certificate for `localhost` signed by it, and another authority."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)

    for name in ("authority", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "server.key", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey", "authority.key", "-days", "3650", "-copy_extensions", "copy", "-out", "server.crt")
    for path in folder.glob("server.*"):
        path.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres")


@pytest.fixture(scope="module")
def encrypted():
    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on"
    with Postgres(options, certificates) as running:
        rules = running.data / "pg_hba.conf"
        rules.write_text("hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n")
        running.port = port
        running.restart()
        yield running


@pytest.mark.parametrize(
    "host,options,served",
    [
        ("localhost", "sslmode=require", True),
        ("localhost", "sslmode=prefer", True),
        ("localhost", "sslmode=disable", False),
        ("localhost", "sslmode=verify-full&sslrootcert={authority}", True),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert={authority}", False),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert={authority}", True),
        ("localhost", "sslmode=verify-ca&sslrootcert={stranger}", False),
        ("localhost", "sslmode=require&sslrootcert={stranger}", False),
    ],
)
def test_the_connection_is_encrypted_and_checked_as_the_url_says(project, encrypted, host, options, served):
    options = options.format(**{name: encrypted.data / f"{name}.crt" for name in ("authority", "stranger")})
    done = started(project, f"postgres://postgres@{host}:{encrypted.port}/postgres?{options}")
    assert (done.returncode == 0) == served, done.stderr
    if not served:
        assert "database.url" in done.stderr, done.stderr


@pytest.fixture(scope="module")
def pooler(postgres):
    """PgBouncer in transaction mode: two connections for everybody."""
    settings = postgres.folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={postgres.folder} user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n"
        f"unix_socket_dir = {postgres.folder}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    process = subprocess.Popen(
        [*postgres.as_user, "/usr/sbin/pgbouncer", "-q", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (postgres.folder / ".s.PGSQL.6432").exists():
        assert process.poll() is None, "PgBouncer did not start"
        time.sleep(0.02)
    yield postgres.url("notes").replace("/notes", ":6432/notes")
    process.terminate()
    process.wait(timeout=20)


@pytest.mark.parametrize("option", ["", "?pgbouncer=true"])
def test_a_pooler_between_transactions_may_stand_between(server, pooler, option):
    project = Project({"migrations/0001_notes.sql": SCHEMA}, SETTINGS)
    with Server(project, environment={"BACKSTAY_DATABASE_URL": pooler + option}) as behind:

        def read_and_write(number: int):
            read = behind.rest("GET", f"/notes?id=eq.{number}&select=id")
            written = behind.rest("PATCH", f"/notes?id=eq.{number}", json_body={"body": f"note {number}"})
            return read.status_code, read.json(), written.status_code, written.text

        with ThreadPoolExecutor(8) as people:
            answers = list(people.map(read_and_write, range(1, 41)))
        assert answers == [(200, [{"id": number}], 204, "") for number in range(1, 41)]
