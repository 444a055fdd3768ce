"""What goes wrong with PostgreSQL is told with its cause and what to do about it, wherever it shows."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.postgres import Postgres
from harness.server import ROOT, Project, Server

SCHEMA = """
create table public.notes (id int primary key);
alter table public.notes enable row level security;
create policy everybody on public.notes using (true) with check (true);
insert into public.notes select generate_series(1, 20);
create function public.nap(seconds float) returns int language sql volatile as 'select pg_sleep(seconds); select 1';
"""
MIGRATION = {"migrations/0001_notes.sql": SCHEMA}


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        running.psql("create role kept_out login password 'right'; create role no_place login connection limit 0")
        running.psql("create database closed; revoke connect on database closed from public")
        rules = running.data / "pg_hba.conf"
        rules.write_text("local all kept_out scram-sha-256\n" + rules.read_text())
        running.psql("select pg_reload_conf()")
        yield running


@pytest.fixture
def project():
    made = Project(MIGRATION)
    yield made
    made.remove()


def said(project: Project, url: str, *command: str) -> str:
    """What a command says that ends with an error, in one line."""
    project.write({"backstay.toml": f'[database]\nurl = "{url}"\n'})
    done = project.run(*command, check=False)
    assert done.returncode == 1, done.stderr
    return " ".join((done.stdout + done.stderr).replace("│", " ").split())


COMMANDS = [("serve", "--port", "0"), ("dev", "--port", "0"), ("doctor",), ("migrate", "up")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_database_that_lets_nobody_in_is_named_with_a_remedy(postgres, project, command):
    cases = [
        (postgres.url("postgres", "kept_out").replace("kept_out@", "kept_out:wrong@"), "password authentication failed", "Check user and password in database.url"),
        ("postgres://someone@127.0.0.1:1/shop", 'cannot connect to database "shop" on 127.0.0.1:1', "Check that PostgreSQL runs there"),
        ("postgres://someone@nowhere.invalid/shop", "on nowhere.invalid:5432", "host, port and sslmode in database.url are right"),
        (postgres.url("nowhere"), 'database "nowhere" does not exist', "Create the database, or name another one"),
        (postgres.url("closed", "kept_out").replace("kept_out@", "kept_out:right@"), 'permission denied for database "closed"', "Grant CONNECT on the database"),
        (postgres.url("postgres", "no_place"), "too many connections for role", "Raise max_connections of the server, or lower database.connections"),
    ]
    for url, cause, remedy in cases:
        told = said(project, url, *command)
        assert cause in told and remedy in told, told
        assert "wrong@" not in told and "right@" not in told, told


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("migrate", "up")], ids=lambda command: command[0])
def test_a_migration_that_fails_in_the_middle_leaves_nothing_of_itself(postgres, project, command):
    project.write({"migrations/0002_half.sql": "create table public.half (id int);\n\nalter table public.nothing add x int;\n"})
    told = said(project, postgres.create("half"), *command)
    assert 'migrations/0002_half.sql:3:1: relation "public.nothing" does not exist' in told or (
        'relation "public.nothing" does not exist' in told and "0002_half.sql:3" in told
    ), told
    assert "Nothing of the file was applied: mend it" in told, told
    tables = "select string_agg(relname, ',') from pg_class where relname in ('notes', 'half') and relkind = 'r'"
    assert postgres.psql(tables, "half").strip() == "notes"
    project.write({"migrations/0002_half.sql": "create table public.half (id int);"})
    assert project.run("migrate", "up").returncode == 0
    assert postgres.psql("select count(*) from public.half", "half").strip() == "0"


def test_a_long_migration_that_fails_at_its_end_is_told(postgres):
    """What it locked must not keep the server from looking at what there is."""
    project = Project.copy_of(ROOT / "tests" / "idioms")
    migration = project.folder / "supabase" / "migrations" / "0001_idioms.sql"
    migration.write_text(migration.read_text() + "\nselect 1 / 0;\n")
    told = said(project, postgres.create("idioms"), "migrate", "up")
    project.remove()
    assert "division by zero" in told and "0001_idioms.sql" in told, told


def test_rights_that_a_migration_lacks_are_named(postgres, project):
    postgres.psql("create role plain login; create database rights")
    postgres.psql("create schema auth; grant usage on schema auth to plain; grant create on database rights to plain", "rights")
    told = said(project, postgres.url("rights", "plain"), "migrate", "up")
    assert "permission denied for schema public" in told and "0001_notes.sql:2" in told, told
    assert "Grant the right to the login of database.url" in told, told


def test_a_lock_that_a_migration_waits_for_too_long_is_named(postgres, project):
    url = postgres.create("locks")
    project.write({"backstay.toml": f'[database]\nurl = "{url}"\n'})
    assert project.run("migrate", "up").returncode == 0
    postgres.psql("alter database locks set lock_timeout = '100ms'")
    project.write({"migrations/0002_more.sql": "create table public.more (id int);\nalter table public.notes add more int;\n"})

    def read() -> None:
        # It is ended when the other has given up.
        with pytest.raises(RuntimeError, match="terminating connection"):
            postgres.psql("begin; select * from public.notes; select pg_sleep(60); rollback", "locks")

    reader = threading.Thread(target=read)
    reader.start()
    held = "select count(*) from pg_locks where relation = 'public.notes'::regclass and granted"
    try:
        while postgres.psql(held, "locks").strip() == "0":
            time.sleep(0.02)
        told = said(project, url, "migrate", "up")
    finally:
        postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()")
        reader.join()
    assert "canceling statement due to lock timeout" in told and "0002_more.sql:2" in told, told
    assert "Another transaction holds the row or table" in told, told
    assert postgres.psql("select to_regclass('public.more') is null", "locks").strip() == "t"


def test_a_server_without_connections_left_is_told_and_those_there_are_go_on(postgres):
    """The login may have three connections: one listens, two serve."""
    postgres.psql("create role narrow login; create database narrow owner narrow")
    project = Project(MIGRATION, f'[database]\nurl = "{postgres.url("narrow", "narrow")}"\nconnections = 10\n')
    with Server(project) as server:
        grant = "grant anon, authenticated, service_role to narrow; alter role narrow connection limit 3"
        postgres.psql(grant)
        answers = []

        def nap():
            answers.append(server.rest("POST", "/rpc/nap", "service", json_body={"seconds": 1}))

        threads = [threading.Thread(target=nap) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [answer for answer in answers if answer.status_code != 200]
        assert 0 < len(refused) < len(answers), [answer.text for answer in answers]
        for answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (503, "53300"), answer.text
            assert answer.headers["retry-after"] and answer.json()["hint"].startswith("Try again in a moment")
        assert server.rest("GET", "/notes?id=eq.1", "service").json() == [{"id": 1}]
        assert server.client.get(f"{server.url}/readyz").status_code == 200
        told = server.log.read_text()
        assert "too many connections for role" in told and "Raise max_connections of the server" in told, told


def test_requests_that_wait_too_long_are_told_what_to_do(postgres):
    project = Project(MIGRATION, f'[database]\nurl = "{postgres.create("waits")}"\nconnections = 1\nqueue_ms = 100\n[limits]\nanon_statement_ms = 1500\n')
    with Server(project) as server:
        napping = threading.Thread(target=lambda: napped.append(server.rest("POST", "/rpc/nap", json_body={"seconds": 60})))
        napped: list = []
        napping.start()
        answer = None
        while napping.is_alive() and (answer is None or answer.status_code == 200):
            answer = server.rest("GET", "/notes?id=eq.1", "service")
        napping.join()
        assert (answer.status_code, answer.json()["code"]) == (504, "PGRST003"), answer.text
        assert "raise database.connections" in answer.json()["hint"]
        [slow] = napped
        assert (slow.status_code, slow.json()["code"]) == (500, "57014"), slow.text
        assert "limits.anon_statement_ms" in slow.json()["hint"]


PAIRS = """
create table public.pairs (id int primary key, n int not null);
alter table public.pairs enable row level security;
create policy everybody on public.pairs using (true) with check (true);
insert into public.pairs values (1, 0), (2, 0);
create function public.both(one int, other int) returns void language plpgsql as $$
begin
  update public.pairs set n = n + 1 where id = one;
  -- Until the other call has its first row too.
  perform pg_sleep(0.3);
  update public.pairs set n = n + 1 where id = other;
end $$;
create function public.count_up() returns int language plpgsql set default_transaction_isolation = 'serializable' as $$
declare
  sum_before int := (select sum(n) from public.pairs);
begin
  perform pg_sleep(0.3);
  update public.pairs set n = sum_before + 1 where id = 1;
  return sum_before;
end $$;
"""


@pytest.fixture(scope="module")
def pairs(postgres):
    url = postgres.create("pairs")
    postgres.psql("alter database pairs set deadlock_timeout = '100ms'")
    with Server(Project({"migrations/0001_pairs.sql": PAIRS}, f'[database]\nurl = "{url}"\n')) as server:
        yield server


def at_once(*calls) -> list:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [call.result() for call in [pool.submit(call) for call in calls]]


def test_o26_of_two_calls_that_wait_for_each_other_one_is_done_and_one_is_told(pairs):
    def both(one: int, other: int):
        with httpx.Client(timeout=30) as client:
            url = f"{pairs.url}/rest/v1/rpc/both"
            return client.post(url, headers=pairs.headers("service"), json={"one": one, "other": other})

    answers = at_once(lambda: both(1, 2), lambda: both(2, 1))
    assert sorted(answer.status_code for answer in answers) == [204, 500]
    [failed] = [answer.json() for answer in answers if answer.status_code == 500]
    assert (failed["code"], failed["message"]) == ("40P01", "deadlock detected")
    assert pairs.rest("GET", "/pairs?select=n", "service").json() == [{"n": 1}, {"n": 1}]
    assert both(1, 2).status_code == 204


def test_o26_of_two_serializable_calls_none_is_lost(pairs):
    def count_up(_=None):
        with httpx.Client(timeout=30) as client:
            return client.post(f"{pairs.url}/rest/v1/rpc/count_up", headers=pairs.headers("service"), json={})

    before = sum(row["n"] for row in pairs.rest("GET", "/pairs?select=n", "service").json())
    answers = at_once(count_up, count_up, count_up)
    done = [answer.json() for answer in answers if answer.status_code == 200]
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 200]
    assert done and len(done) == len(set(done)), answers
    assert set(refused) <= {"40001"}
