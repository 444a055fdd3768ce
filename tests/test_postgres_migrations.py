"""Migrations, bootstrap and the catalogue on PostgreSQL."""

import time
from pathlib import Path

import pytest

from harness.postgres import Postgres
from harness.server import Project, Server

ODD = (Path(__file__).parent / "postgres" / "odd.sql").read_text()


@pytest.fixture(scope="module")
def postgres():
    with Postgres("-c shared_preload_libraries=pg_stat_statements") as running:
        yield running


def project_on(url: str, files: dict[str, str], settings: str = "") -> Project:
    return Project({name: text for name, text in files.items()}, f'{settings}\n[database]\nurl = "{url}"\n')


def migrate(project: Project, *arguments: str):
    return project.run("migrate", *arguments, check=False)


def said(done) -> str:
    return done.stdout + done.stderr


def test_migrations_run_as_they_are_once_and_are_recorded(postgres):
    files = {
        "migrations/0001_a.sql": "begin;\ncreate table public.a (id int primary key);\ncommit;\nset role anon;\n",
        "migrations/0002_b.sql": "create function public.f() returns int language plpgsql as $$ begin return 1; end $$;\n"
        "create index concurrently a_id on public.a (id);\ninsert into public.a values (1);\n",
    }
    project = project_on(postgres.create("m1"), files)
    try:
        assert "applied migrations/0002_b.sql" in said(migrate(project, "up"))
        assert said(migrate(project, "up")).strip() == "The database is up to date."
        status = said(migrate(project, "status"))
        assert status.split() == ["applied", "migrations/0001_a.sql", "applied", "migrations/0002_b.sql"]
        rows = postgres.psql("select version, name, cardinality(statements), length(checksum) from supabase_migrations.schema_migrations order by 1", "m1")
        assert rows.split() == ["0001|a|4|64", "0002|b|3|64"]
        assert postgres.psql("select indisvalid from pg_index where indexrelid = 'a_id'::regclass", "m1").strip() == "t"
        project.write({"migrations/0001_a.sql": "select 1"})
        assert "0001_a.sql was changed after it had been applied" in said(migrate(project, "up"))
    finally:
        project.remove()


def test_a_label_can_be_used_in_the_file_that_adds_it(postgres):
    files = {"migrations/0001_mood.sql": "create type mood as enum ('a');", "migrations/0002_more.sql": "alter type mood add value 'b';\ncreate table t (m mood default 'b');\n"}
    project = project_on(postgres.create("m2"), files)
    try:
        done = migrate(project, "up")
        assert done.returncode == 0, said(done)
        assert postgres.psql("select enum_range(null::mood)", "m2").strip() == "{a,b}"
    finally:
        project.remove()


def test_a_failing_migration_leaves_nothing_and_names_its_place(postgres):
    text = "create table public.whole (id int);\n-- größer\ncreate table public.half (\n  id int,\n  né nosuchtype\n);\n"
    project = project_on(postgres.create("m3"), {"migrations/0001_half.sql": text})
    try:
        done = migrate(project, "up")
        assert done.returncode != 0
        assert "migrations/0001_half.sql:5:6: type \"nosuchtype\" does not exist" in said(done)
        assert "42704" in said(done)
        assert postgres.psql("select to_regclass('public.whole') is null", "m3").strip() == "t"
    finally:
        project.remove()


def test_check_names_what_the_server_cannot_parse_and_changes_nothing(postgres):
    text = "create table public.a (id int);\ninsert into public.a values (1);\ncreate table public.b (\n  id int generated always as (1) virtual\n);\n"
    project = project_on(postgres.create("m4"), {"migrations/0001_new.sql": text})
    try:
        done = migrate(project, "check")
        assert done.returncode != 0
        assert "migrations/0001_new.sql:4:" in said(done) and "42601" in said(done)
        assert "1 found" in said(done)
        assert postgres.psql("select count(*) from pg_namespace where nspname = 'auth'", "m4").strip() == "0"
    finally:
        project.remove()


def test_several_nodes_that_start_at_once_apply_each_migration_once(postgres):
    url = postgres.create("m5")
    files = {f"migrations/000{n}_t.sql": f"select pg_sleep(0.1); create table public.t{n} (id int);" for n in (1, 2, 3)}
    projects = [project_on(url, files) for _ in range(3)]
    import subprocess

    from harness.server import BINARY, clean_environment

    try:
        running = [
            subprocess.Popen([BINARY, "migrate", "up", str(one.folder)], env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for one in projects
        ]
        outputs = [one.communicate(timeout=120)[0] for one in running]
        assert all(one.returncode == 0 for one in running), outputs
        assert sum(text.count("  applied ") for text in outputs) == 3
    finally:
        for one in projects:
            one.remove()


def test_reset_empties_a_database_of_ours_and_no_other(postgres):
    url = postgres.create("m6")
    postgres.psql("create table public.precious (id int)", "m6")
    project = project_on(url, {"migrations/0001_a.sql": "create table public.a (id int);", "seed.sql": "insert into public.a values (7);"})
    try:
        assert "no project of Backstay's made" in said(migrate(project, "reset", "--yes"))
        migrate(project, "up")
        done = migrate(project, "reset", "--yes")
        assert done.returncode == 0, said(done)
        assert postgres.psql("select to_regclass('public.precious') is null, (select id from public.a)", "m6").strip() == "t|7"
        assert postgres.psql("select auth.uid() is null", "m6").strip() == "t"
    finally:
        project.remove()


def test_the_bootstrap_makes_what_projects_rely_on_and_touches_nothing(postgres):
    url = postgres.create("m7")
    postgres.psql("create schema auth; create table auth.users (id int primary key, own text); create table public.mine (id int);", "m7")
    project = project_on(url, {"migrations/.keep": ""})
    try:
        done = migrate(project, "up")
        assert done.returncode == 0, said(done)
        ask = lambda sql: postgres.psql(sql, "m7").strip()
        assert ask("select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 'auth.users'::regclass and attnum > 0") == "id,own"
        assert ask("select relrowsecurity from pg_class where oid = 'auth.users'::regclass") == "f"
        assert ask("select count(*) from pg_default_acl d join pg_namespace n on n.oid = defaclnamespace where nspname = 'public'") == "0"
        assert ask("select relrowsecurity from pg_class where oid = 'storage.objects'::regclass") == "t"
        assert ask("select storage.foldername('a/b/c.png')") == "{a,b}"
        assert ask("select count(*) from pg_roles where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')") == "4"
        assert ask("select rolbypassrls from pg_roles where rolname = 'service_role'") == "t"
    finally:
        project.remove()


def test_an_ordinary_owner_gets_a_list_of_what_is_missing(postgres):
    postgres.psql("create role owner_of_m8 login; drop database if exists m8; create database m8 owner owner_of_m8")
    project = project_on(postgres.url("m8", user="owner_of_m8"), {"migrations/0001_a.sql": "create table public.a (id int primary key);"})
    try:
        done = migrate(project, "up")
        assert done.returncode == 0, said(done)
        assert ".backstay/missing.sql" in said(done)
        missing = (project.folder / ".backstay" / "missing.sql").read_text()
        assert "GRANT anon TO CURRENT_USER;" in missing
        postgres.psql("grant anon, authenticated, service_role to owner_of_m8")
        with Server(project, environment={}) as server:
            assert server.rest("GET", "/a", "service").json() == []
    finally:
        project.remove()


def eventually(condition, seconds: float = 30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to hold")


def test_changes_by_others_are_noticed(postgres):
    project = project_on(postgres.create("m9"), {"migrations/0001_a.sql": "create table public.a (id int primary key);"})
    with Server(project) as server:
        postgres.psql("alter table public.a add column told int", "m9")
        eventually(lambda: server.rest("GET", "/a?select=told", "service").status_code == 200)
        # Without the event trigger and without a word.
        postgres.psql("drop event trigger pgrst_ddl_watch; drop event trigger pgrst_drop_watch", "m9")
        postgres.psql("create table public.untold (id int primary key)", "m9")
        eventually(lambda: server.rest("GET", "/untold", "service").status_code == 200)
        postgres.restart()
        postgres.psql("create table public.during (id int primary key)", "m9")
        eventually(lambda: server.rest("GET", "/during", "service").status_code == 200)


def test_every_table_of_a_strange_database_answers(postgres):
    url = postgres.create("odd")
    postgres.psql(
        """do $$ declare e text; begin
           for e in select name from pg_available_extensions order by 1 loop
             begin execute format('create extension if not exists %I cascade', e);
             exception when others then raise warning '%: %', e, sqlerrm; end;
           end loop; end $$""",
        "odd",
    )
    project = project_on(url, {"migrations/.keep": ""}, '[api]\nrequire_rls = false\nschemas = ["public", "Odd Schema"]\n')
    try:
        migrate(project, "up")
        postgres.psql(ODD, "odd")
        postgres.psql('alter role service_role inherit; grant pg_monitor to service_role; grant usage on schema "Odd Schema" to service_role; grant all on all tables in schema public, "Odd Schema" to service_role', "odd")
        server = Server(project)
        try:
            for profile in ("public", "Odd Schema"):
                tables = postgres.psql(f"select relname from pg_class where relnamespace = '\"{profile}\"'::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm') and not relispartition", "odd")
                for table in tables.splitlines():
                    if table in ("far_away", "m2"):
                        continue  # a server that is not there; a view that was never filled
                    answer = server.rest("GET", f"/{table}?limit=5", "service", headers={"Accept-Profile": profile})
                    assert answer.status_code == 200, (table, answer.text)
            for column, value in [("a_store", 'cs."k"=>"v"'), ("a_tree", "eq.Top.Science"), ("an_lsn", "gt.16/0"), ("a_multi", "cs.{[1,2)}"), ("a_mac8", "in.(08:00:2b:01:02:03:04:05)")]:
                answer = server.rest("GET", f"/all_types?select=id&{column}={value}", "service")
                assert (answer.status_code, answer.json()) == (200, [{"id": 1}]), (column, answer.text)
            refused = server.rest("GET", "/all_types?a_tree=like.x", "service")
            assert refused.json()["code"] == "42883", refused.text
        finally:
            server.stop()
    finally:
        project.remove()


PULLED = """
create type public.mood as enum ('sad', 'it''s ok');
create domain public.positive as int default 1 check (value > 0);
create table public.makers (id bigint generated always as identity primary key, name text not null unique, tags text[] default '{}');
create table public.things (
  id uuid primary key default gen_random_uuid(), maker bigint not null references public.makers on delete cascade,
  price numeric(10, 2) check (price > 0), state public.mood default 'sad', amount public.positive, made timestamptz default now(),
  label varchar(20), twice int generated always as (coalesce(label::int, 1) * 2) stored
);
create index things_made on public.things (made desc) where price > 1;
create view public.cheap with (security_invoker = true) as select id, maker, price from public.things where price < 10;
create function public.how_many(floor_price numeric default 0) returns bigint language sql stable as 'select count(*) from public.things where price >= floor_price';
alter table public.things enable row level security;
create policy mine on public.things for select to authenticated using (price > 0);
create policy avatars on storage.objects for select to anon using (bucket_id = 'avatars');
grant execute on function public.how_many(numeric) to anon;
revoke insert on public.makers from anon;
comment on table public.things is 'What is sold';
comment on column public.things.price is 'in euros';
"""


def pulled(folder_of: Project) -> str:
    return (folder_of.folder / "migrations" / "0001_pulled.sql").read_text()


def test_a_pulled_schema_makes_the_same_schema_again_on_either_engine(postgres):
    url = postgres.create("p1")
    source = project_on(url, {"migrations/0001_things.sql": PULLED})
    lite = Project({"migrations/0001_things.sql": PULLED})
    made = []
    try:
        assert migrate(source, "up").returncode == 0
        done = migrate(lite, "up")
        assert done.returncode == 0, said(done)
        texts = {}
        for name, place in (("postgres", url), ("sqlite", str(lite.folder / ".backstay" / "data.db"))):
            project = Project({"public/x": ""})
            made.append(project)
            done = project.run("pull", "--from", place, check=False)
            assert done.returncode == 0, said(done)
            texts[name] = pulled(project)
        for name, text in texts.items():
            for target, to in (("postgres", postgres.create(f"p_{name}")), ("sqlite", "")):
                project = Project({"migrations/0001_pulled.sql": text}, f'[database]\nurl = "{to}"\n')
                made.append(project)
                done = migrate(project, "up")
                assert done.returncode == 0, (name, target, text, said(done))
                again = Project({"public/x": ""})
                made.append(again)
                done = again.run("pull", "--from", to or str(project.folder / ".backstay" / "data.db"), check=False)
                assert done.returncode == 0, said(done)
                if target == name:
                    assert pulled(again) == text, (name, target)
    finally:
        for project in (source, lite, *made):
            project.remove()


def test_a_strange_database_can_be_pulled_and_made_again(postgres):
    url = postgres.create("odd_again")
    project = Project({"public/x": ""}, f'[database]\nurl = "{url}"\n')
    copy = Project({"public/x": ""})
    try:
        migrate(project, "up")
        postgres.psql(ODD, "odd_again")
        done = project.run("pull", check=False)
        assert done.returncode == 0, said(done)
        assert "applied" in said(migrate(project, "status"))
        copy.write({"migrations/0001_pulled.sql": pulled(project), "backstay.toml": f'[database]\nurl = "{postgres.create("odd_copy")}"\n'})
        done = migrate(copy, "up")
        assert done.returncode == 0, said(done)
        kinds = "select relkind, count(*) from pg_class where relkind <> 'f' and relnamespace in ('public'::regnamespace, '\"Odd Schema\"'::regnamespace) group by 1 order by 1"
        assert postgres.psql(kinds, "odd_copy") == postgres.psql(kinds, "odd_again")
        assert "-- CREATE FOREIGN TABLE public.far_away (" in pulled(project)
    finally:
        project.remove()
        copy.remove()


OPERATORS = """
create function public.near(int, int) returns boolean language sql immutable as 'select abs($1 - $2) < 3';
create function public.far(int, int) returns boolean language sql immutable as 'select abs($1 - $2) >= 3';
create operator public.<~> (function = public.near, leftarg = int, rightarg = int, commutator = operator(public.<~>), negator = operator(public.<!>));
create operator public.<!> (function = public.far, leftarg = int, rightarg = int, negator = operator(public.<~>));
create function public.longest(text, text) returns text language sql immutable as 'select case when length($2) > length($1) then $2 else $1 end';
create aggregate public.longest(text) (sfunc = public.longest, stype = text, initcond = '', parallel = safe);
create table public.words (id int primary key, word text);
insert into public.words values (1, 'a'), (2, 'abc'), (7, 'ab');
create view public.told with (security_invoker = true) as select public.longest(word) as word, count(*) filter (where id operator(public.<~>) 1) as near from public.words;
"""


def test_operators_and_aggregates_are_pulled(postgres):
    project = project_on(postgres.create("operators"), {})
    postgres.psql(OPERATORS, "operators")
    copy = Project({})
    try:
        done = project.run("pull", check=False)
        assert done.returncode == 0, said(done)
        copy.write({"migrations/0001_pulled.sql": pulled(project), "backstay.toml": f'[database]\nurl = "{postgres.create("operators_copy")}"\n'})
        done = migrate(copy, "up")
        assert done.returncode == 0, said(done)
        made = "select oprname, oprcom::regoper, oprnegate::regoper from pg_operator where oid >= 16384 order by 1; select aggfnoid, aggtransfn, agginitval, proparallel from pg_aggregate join pg_proc on oid = aggfnoid where oid >= 16384"
        assert postgres.psql(made, "operators_copy") == postgres.psql(made, "operators") != ""
        postgres.psql("insert into public.words values (1, 'a'), (2, 'abc'), (7, 'ab')", "operators_copy")
        assert postgres.psql("select * from public.told", "operators_copy").strip() == "abc|2"
    finally:
        project.remove()
        copy.remove()


def test_what_a_migration_grants_is_open_and_what_came_by_default_is_not(postgres):
    text = """create table public.t (id int primary key); insert into public.t values (1);
      create view public.shown as select * from public.t; create view public.hidden as select * from public.t;
      create function public.told() returns int language sql stable security definer as 'select 1';
      create function public.untold() returns int language sql stable security definer as 'select 1';
      grant select on public.shown to anon; grant execute on function public.told() to anon;"""
    project = project_on(postgres.create("g1"), {"migrations/0001_t.sql": text})
    with Server(project) as server:
        assert server.rest("GET", "/shown").json() == [{"id": 1}]
        assert server.rest("GET", "/rpc/told").json() == 1
        assert server.rest("GET", "/hidden").json()["code"] == "42501"
        assert server.rest("GET", "/rpc/untold").json()["code"] == "42501"
        # A grant that is gone does not count, and neither does one on what had the name before.
        postgres.psql("revoke select on public.shown from anon; notify pgrst", "g1")
        eventually(lambda: server.rest("GET", "/shown").json() != [{"id": 1}])
        postgres.psql("drop view public.shown; create view public.shown as select * from public.t; notify pgrst", "g1")
        eventually(lambda: "row_security" in server.rest("GET", "/shown").text or "owner's rights" in server.rest("GET", "/shown").text)
