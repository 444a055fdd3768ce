"""Aggregates that make a media type of a relation's rows: PostgreSQL runs them; SQLite refuses to make them."""

import pytest

from harness.server import Project, Server

SCHEMA = """
create domain "text/plain" as text;
create domain "text/html" as text;
create domain "application/x-lines" as bytea;
create table public.places (id int primary key, name text, secret text);
alter table public.places enable row level security;
create policy open on public.places for select using (id < 10);
insert into public.places values (1, 'Rome', 'a'), (2, 'Oslo', 'b'), (10, 'Atlantis', 'c');
create view public.towns as select id, name from public.places;
create function public.places() returns setof public.places language sql stable as 'select * from public.places';
create function public.add_line(state "text/plain", place public.places) returns "text/plain" language sql immutable as
  $$ select state || place.name || ';' $$;
create aggregate public.lines(public.places) (sfunc = public.add_line, stype = "text/plain", initcond = '');
create function public.add_row(state "application/x-lines", item anyelement) returns "application/x-lines" language sql immutable as
  $$ select state || convert_to(item::text, 'UTF8') $$;
create aggregate public.rows_of(anyelement) (sfunc = public.add_row, stype = "application/x-lines", initcond = '');
"""


@pytest.fixture(scope="module")
def server(databases):
    project = Project({"migrations/0001_schema.sql": SCHEMA}, "[api]\nrequire_rls = false")
    with Server(project, environment=databases.environment("postgres")) as server:
        yield server
    project.remove()


def ask(server, target, media, **more):
    return server.rest("GET", target, "anon", headers={"Accept": media, **more})


def test_rows_of_a_relation_are_made_into_its_media_type(server):
    answer = ask(server, "/places?order=name", "text/plain")
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "Oslo;Rome;", "text/plain")
    assert answer.headers["content-range"] == "0-1/*"


def test_filters_limits_and_counts_hold(server):
    answer = ask(server, "/places?order=id&limit=1", "text/plain", Prefer="count=exact")
    assert (answer.status_code, answer.text, answer.headers["content-range"]) == (206, "Rome;", "0-0/2")


def test_no_rows_are_the_aggregate_of_none(server):
    answer = ask(server, "/places?id=eq.10", "text/plain", Prefer="count=exact")
    assert (answer.status_code, answer.text, answer.headers["content-range"]) == (200, "", "*/0")


def test_chosen_columns_are_no_whole_rows(server):
    assert ask(server, "/places?select=id", "text/plain").json()["code"] == "PGRST107"
    assert ask(server, "/places?select=*", "text/plain").status_code == 200


def test_an_aggregate_of_any_rows_serves_every_relation_selection_and_function(server):
    assert ask(server, "/places?select=name&order=id", "application/x-lines").text == "(Rome)(Oslo)"
    assert ask(server, "/towns?id=eq.2", "application/x-lines").text == "(2,Oslo)"
    assert ask(server, "/rpc/places?id=eq.1", "application/x-lines").text == "(1,Rome,a)"


def test_an_aggregate_of_one_relation_serves_no_other(server):
    assert ask(server, "/towns", "text/plain").json()["code"] == "PGRST107"


def test_sqlite_refuses_the_aggregate_with_what_to_do_instead():
    project = Project({"migrations/0001_schema.sql": SCHEMA})
    done = project.run("migrate", "check", check=False)
    assert done.returncode != 0
    assert "CREATE AGGREGATE" in done.stdout + done.stderr
    project.remove()
