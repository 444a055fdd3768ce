"""`backstay move`: a project goes from SQLite to PostgreSQL and back, and every row with it."""

import os
import re
import signal
import subprocess
import time

import pytest

from harness.server import BINARY, ROOT, Project, Server, clean_environment
from test_chinook import MIGRATIONS

SUM = re.compile(r"^\s+(\S+): (\d+ rows, checksum \w+)$", re.M)
ROWS = 150_000
LARGE = """
create table public.large (id bigint generated always as identity primary key, word text not null, twice bigint generated always as (id * 2) stored);
create function public.fill(low int, high int) returns void language sql volatile
as $$ insert into public.large (word) select 'word ' || n from generate_series(low, high) as n $$;
"""
ODD = """
create type public.mood as enum ('sad', 'happy');
create domain public.small as int check (value < 100);
create table public.odd (a text, b uuid, primary key (a, b), n numeric, f double precision, r real, c char(4), flag boolean, day date, at timestamptz,
  span interval, data jsonb, raw json, bytes bytea, ints int[], words text[], span4 int4range, feeling mood, little small);
insert into public.odd values
  ('', '00000000-0000-4000-8000-000000000001', 1.50, 0.1, -2.25, 'ab', true, '0044-03-15 BC', '-infinity', '-1 year 2 days', '{"b": 1, "a": [null]}', '{"b": 1,  "a": 2}', '\\x00ff', '{1,NULL}', '{"a b",NULL,""}', '[1,5)', 'happy', 5),
  ('ü"\\,', '00000000-0000-4000-8000-000000000002', 'NaN', 1e20, 3, '', null, 'infinity', '2024-02-29 12:00:00.123456+02', null, 'null', 'null', '\\x', '{}', null, 'empty', null, null),
  (E'line\\nbreak', '00000000-0000-4000-8000-000000000003', null, null, null, null, false, null, null, null, null, null, null, null, null, null, 'sad', 99);
create table public.keyless (word text);
insert into public.keyless values ('a'), ('a'), (null);
create table public.child (id serial primary key, parent int references public.child deferrable initially deferred);
insert into public.child (id, parent) values (1, 3), (2, null), (3, 1);
select setval('public.child_id_seq', 41);
create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'not again'; end $$;
create trigger refuse before insert on public.keyless for each row execute function public.refuse();
"""


def moved(project: Project, to: str, source: dict | None = None, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run([BINARY, "move", "--to", to, str(project.folder)], capture_output=True, text=True, timeout=300,
                          env={**clean_environment(), **(source or {})})
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def sums(done: subprocess.CompletedProcess) -> dict[str, str]:
    return dict(SUM.findall(done.stdout))


def filled(files: dict[str, str]) -> Project:
    project = Project(files)
    project.run("migrate", "up", str(project.folder))
    return project


@pytest.fixture(params=["chinook", "shop", "odd"])
def project(request):
    if request.param == "chinook":
        files = {f"migrations/000{at}_part.sql": path.read_text() for at, path in enumerate(MIGRATIONS, 1)}
    elif request.param == "shop":
        files = {f"migrations/{path.name}": path.read_text() for path in (ROOT / "examples/shop/migrations").glob("*.sql")}
        seed = ROOT / "examples/shop/seed.sql"
        files |= {"migrations/0009_seed.sql": seed.read_text()} if seed.exists() else {}
    else:
        files = {"migrations/0001_odd.sql": ODD}
    made = filled(files)
    yield made
    made.remove()


def test_a_project_moves_to_postgres_and_back_with_equal_checksums(project, databases):
    target = databases.environment("postgres")
    url = target["BACKSTAY_DATABASE_URL"]
    there = sums(moved(project, url))
    back = sums(moved(project, "sqlite:back.db", source=target))
    assert there == back
    assert sum(int(told.split()[0]) for told in there.values()) > 5
    with Server(project, environment={"BACKSTAY_DATABASE_URL": "sqlite:back.db"}) as server:
        assert server.client.get(f"{server.url}/readyz").status_code == 200


def test_an_ordinary_owner_moves_past_triggers_and_keys_and_has_them_again(databases):
    project = filled({"migrations/0001_odd.sql": ODD, "migrations/0002_forced.sql": "alter table public.keyless enable row level security; alter table public.keyless force row level security;"})
    databases.environment("postgres")
    databases.postgres.psql("create role mover login; create database moved_by_owner owner mover")
    there = sums(moved(project, databases.postgres.url("moved_by_owner", "mover")))
    assert there["public.child"].startswith("3 rows") and there["public.keyless"].startswith("3 rows")
    found = """select (select string_agg(pg_get_constraintdef(oid), ',') from pg_constraint where contype = 'f' and conrelid = 'public.child'::regclass),
      (select string_agg(tgname || tgenabled, ',') from pg_trigger where tgrelid = 'public.keyless'::regclass and not tgisinternal),
      (select relforcerowsecurity from pg_class where oid = 'public.keyless'::regclass), to_regnamespace('backstay_moving') is null"""
    assert databases.postgres.psql(found, "moved_by_owner").strip() == "FOREIGN KEY (parent) REFERENCES public.child(id) DEFERRABLE INITIALLY DEFERRED|refuseO|t|t".replace("public.child(id)", "child(id)")
    project.remove()


def test_sequences_go_on_where_they_stood(databases):
    project = filled({"migrations/0001_odd.sql": ODD})
    target = databases.environment("postgres")
    moved(project, target["BACKSTAY_DATABASE_URL"])
    with Server(project, environment=target) as server:
        answer = server.rest("POST", "/child", "service", headers={"Prefer": "return=representation"}, json_body={"parent": 1})
        assert answer.status_code == 201 and answer.json() == [{"id": 42, "parent": 1}], answer.text


def test_a_target_that_is_not_empty_is_refused(databases):
    project = filled({"migrations/0001_odd.sql": ODD})
    target = databases.environment("postgres")
    databases.postgres.psql("create table mine (n int)", target["BACKSTAY_DATABASE_URL"].rsplit("/", 1)[1])
    done = moved(project, target["BACKSTAY_DATABASE_URL"], check=False)
    assert done.returncode != 0 and "the target is not empty" in done.stderr
    done = moved(project, "sqlite:.backstay/data.db", check=False)
    assert done.returncode != 0
    project.remove()


def test_a_move_that_was_killed_goes_on_where_it_was(databases):
    project = Project({"migrations/0001_large.sql": LARGE})
    server = Server(project)
    for low in range(1, ROWS, 5_000):
        assert server.rest("POST", "/rpc/fill", "service", json_body={"low": low, "high": low + 4_999}).status_code == 204
    server.stop()
    target = databases.environment("postgres")
    url = target["BACKSTAY_DATABASE_URL"]
    database = url.rsplit("/", 1)[1]

    def copied() -> int:
        made = databases.postgres.psql("select count(*) from pg_tables where schemaname = 'public' and tablename = 'large'", database)
        return int(databases.postgres.psql("select count(*) from public.large", database)) if int(made) else 0

    process = subprocess.Popen([BINARY, "move", "--to", url, str(project.folder)], env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while copied() == 0:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = copied()
    assert 0 < before < ROWS, before
    refused = subprocess.run([BINARY, "serve", str(project.folder), "--port", "0"], capture_output=True, text=True, timeout=60, env={**clean_environment(), **target})
    assert refused.returncode != 0 and "still to be moved" in refused.stderr
    oldest = databases.postgres.psql("select min(xmin::text::bigint) from public.large", database)
    done = moved(project, url)
    assert "gone on with" in done.stdout
    assert sums(done)["public.large"].startswith(f"{ROWS} rows")
    assert databases.postgres.psql("select min(xmin::text::bigint) from public.large", database) == oldest
    project.remove()


PARTITIONED = """
create extension if not exists citext schema extensions;
create table public.parts (day date, word text) partition by range (day);
create table public.names (name extensions.citext primary key);
insert into public.parts select date '2024-01-01' + n % 700, 'word ' || n from generate_series(1, 2600) n;
insert into public.names select chr(case when n % 2 = 0 then 65 else 97 end + n % 26) || n from generate_series(1, 2600) n;
"""


def test_partitions_and_keys_of_extensions_types_move_whole(databases):
    """More rows than a batch: the next one begins where the last ended, in the order of the key's type."""
    source = databases.environment("postgres")
    project = Project({"migrations/0001_parts.sql": PARTITIONED.replace("by range (day);", """by range (day);
        create table public.parts_2024 partition of public.parts for values from ('2024-01-01') to ('2025-01-01');
        create table public.parts_2025 partition of public.parts for values from ('2025-01-01') to ('2026-01-01');""")})
    done = subprocess.run([BINARY, "migrate", "up", str(project.folder)], capture_output=True, text=True, env={**clean_environment(), **source})
    assert done.returncode == 0, done.stdout + done.stderr
    target = databases.environment("postgres")
    found = sums(moved(project, target["BACKSTAY_DATABASE_URL"], source=source))
    assert found["public.parts"].startswith("2600 rows") and found["public.names"].startswith("2600 rows")
    assert "public.parts_2024" not in found
    in_parts = "select tableoid::regclass, count(*) from public.parts group by 1 order by 1"
    databases_of = [one["BACKSTAY_DATABASE_URL"].rsplit("/", 1)[1] for one in (source, target)]
    assert databases.postgres.psql(in_parts, databases_of[0]) == databases.postgres.psql(in_parts, databases_of[1])
    project.remove()
