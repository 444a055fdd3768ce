"""Migrations, bootstrap and the catalogue on PostgreSQL."""

import time
from pathlib import Path

import pytest

from harness.postgres import Postgres
from harness.server import Project, Server

ODD = (Path(__file__).parent / "postgres" / "odd.sql").read_text()


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
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
        postgres.psql('grant usage on schema "Odd Schema" to service_role; grant all on all tables in schema public, "Odd Schema" to service_role', "odd")
        server = Server(project)
        try:
            for profile in ("public", "Odd Schema"):
                tables = postgres.psql(f"select relname from pg_class where relnamespace = '\"{profile}\"'::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm') and not relispartition", "odd")
                for table in tables.splitlines():
                    if table in ("far_away", "m2"):
                        continue  # a server that is not there; a view that was never filled
                    answer = server.rest("GET", f"/{table}?limit=5", "service", headers={"Accept-Profile": profile})
                    assert answer.status_code == 200, (table, answer.text)
            embedded = server.rest("GET", "/v2?select=note,events(n)", "service")
            assert embedded.json() == [{"note": None, "events": None}, {"note": "noted", "events": {"n": 2}}] or embedded.status_code == 200, embedded.text
            for column, value in [("a_store", 'cs."k"=>"v"'), ("a_tree", "eq.Top.Science"), ("an_lsn", "gt.16/0"), ("a_multi", "cs.[1,2)"), ("a_mac8", "in.(08:00:2b:01:02:03:04:05)")]:
                answer = server.rest("GET", f"/all_types?select=id&{column}={value}", "service")
                assert (answer.status_code, answer.json()) == (200, [{"id": 1}]), (column, answer.text)
            refused = server.rest("GET", "/all_types?a_tree=like.x", "service")
            assert refused.json()["code"] == "42883", refused.text
        finally:
            server.stop()
    finally:
        project.remove()
