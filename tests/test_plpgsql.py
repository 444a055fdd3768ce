"""Bodies in PL/pgSQL and triggers: the same text gives the same results and errors as on PostgreSQL.

`plpgsql/*.sql` hold the cases: `--- title`, what to make, then `--> statement` lines that run one after the
other, each in a transaction of its own. Both databases run them through one function, `probe`.
"""

import json
import re
from pathlib import Path

import pytest

from harness.postgres import Postgres
from harness.server import Project, Server

FOLDER = Path(__file__).parent / "plpgsql"

PROBE = """
create function public.probe(q text) returns jsonb language plpgsql as $probe$
declare r jsonb; n bigint; c text; m text; d text; h text;
begin
  if q ~* '^\\s*select' then
    execute 'select coalesce(jsonb_agg(to_jsonb(t)), ''[]'') from (' || q || ') t' into r;
    return jsonb_build_object('rows', r);
  end if;
  execute q;
  get diagnostics n = row_count;
  return jsonb_build_object('count', n);
exception when assert_failure or others then
  get stacked diagnostics c = returned_sqlstate, m = message_text, d = pg_exception_detail, h = pg_exception_hint;
  return jsonb_build_object('code', c, 'message', m, 'details', d, 'hint', h);
end $probe$;
"""

USER = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"

# What only a project here has: users, roles of the API, the time of a statement.
PROJECT = """
create table public.profiles (id uuid primary key references auth.users on delete cascade, email text not null, name text not null);
alter table public.profiles enable row level security;
create policy own on public.profiles for select using (auth.uid() = id);
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, email, name)
  values (new.id, new.email, coalesce(new.raw_user_meta_data ->> 'full_name', split_part(new.email, '@', 1)))
  on conflict (id) do nothing;
  return new;
end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
insert into auth.users (id, email, raw_user_meta_data) values
  ('%(user)s', 'ada@example.test', '{"full_name": "Ada"}'), ('%(other)s', 'bob@example.test', '{}');

create table public.diary (id int primary key, owner uuid not null default auth.uid(), line text);
create table public.changes (n serial primary key, who uuid, line text);
alter table public.diary enable row level security;
alter table public.changes enable row level security;
create policy own on public.diary for all using (owner = auth.uid()) with check (owner = auth.uid());
create function public.note_as_caller() returns trigger language plpgsql as $$
begin
  if new.line like 'caller%%' then insert into public.changes (who, line) values (auth.uid(), new.line); end if;
  return new;
end $$;
create function public.note_as_owner() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.line like 'owner%%' then insert into public.changes (who, line) values (auth.uid(), new.line || ' as ' || current_user); end if;
  return new;
end $$;
create trigger as_caller after insert on public.diary for each row execute function public.note_as_caller();
create trigger as_owner after insert on public.diary for each row execute function public.note_as_owner();
create function public.count_diary() returns bigint language plpgsql stable as $$ begin return (select count(*) from public.diary); end $$;

create function public.make_nameless_user() returns void language sql security definer set search_path = '' as $$
  insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000009', null) $$;
create function public.count_users() returns bigint language sql security definer set search_path = '' as $$
  select count(*) from auth.users $$;

create function public.spin() returns int language plpgsql as $$
declare n int := 0;
begin
  loop n := (n + 1) %% 1000; end loop;
exception when others then
  return n;
end $$;
create function public.grow() returns int language plpgsql as $$
declare t text := 'x';
begin
  loop t := t || t; end loop;
end $$;
""" % {"user": USER, "other": OTHER}

# Where the answers differ on purpose: the hint of the depth limit speaks of what there is here.
LIMITS = {"54001"}


class Case:
    def __init__(self, file: str, text: str):
        title, _, body = text.partition("\n")
        lines = body.splitlines()
        self.title = f"{file}: {title.strip()}"
        self.calls = [line[3:].strip() for line in lines if line.startswith("-->")]
        self.setup = "\n".join(line for line in lines if not line.startswith("-->"))


def cases_of(path: Path) -> list[Case]:
    parts = path.read_text().split("\n--- ")
    parts[0] = parts[0].removeprefix("--- ")
    return [Case(path.stem, part) for part in parts]


CASES = [case for path in sorted(FOLDER.glob("0*.sql")) for case in cases_of(path)]
REFUSED = cases_of(FOLDER / "refused.sql")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comparable(answer: dict) -> dict:
    if answer.get("code") in LIMITS:
        return {"code": answer["code"], "message": answer["message"]}
    return answer


def answers_of_postgresql() -> dict[str, list]:
    """What PostgreSQL answers, by case."""
    with Postgres() as postgres:
        script = ["set client_min_messages = error;", PROBE]
        # Migrations come first here too: a later case may change what an earlier one made.
        script += [case.setup for case in CASES]
        script += [f"select probe({quoted(call)});" for case in CASES for call in case.calls]
        lines = iter(postgres.psql("\n".join(script)).splitlines())
        answers = {case.title: [json.loads(next(lines)) for _ in case.calls] for case in CASES}
        answers |= {case.title: refusal(postgres, case) for case in REFUSED}
    return answers


@pytest.fixture(scope="module")
def expected() -> dict[str, list]:
    return answers_of_postgresql()


def refusal(postgres: Postgres, case: Case) -> list[str]:
    try:
        postgres.psql(f"\\set VERBOSITY verbose\nbegin;\n{case.setup}\nrollback;")
    except RuntimeError as error:
        line = next(line for line in str(error).splitlines() if "ERROR:" in line)
        return line.split("ERROR:", 1)[1].strip().split(": ", 1)
    return ["", "no error"]


@pytest.fixture(scope="module")
def server():
    files = {"migrations/0000_probe.sql": PROBE}
    for at, case in enumerate(CASES, start=1):
        files[f"migrations/{at:04}_case.sql"] = case.setup
    files["migrations/9000_project.sql"] = PROJECT
    # What grows must reach its size, however busy the machine is; only visitors are short of time.
    project = Project(files, "[limits]\nstatement_ms = 60000\n")
    try:
        with Server(project) as server:
            yield server
    finally:
        project.remove()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_body_answers_as_on_postgresql(case, server, expected):
    for call, wanted in zip(case.calls, expected[case.title], strict=True):
        answer = server.rest("POST", "/rpc/probe", "service", json_body={"q": call})
        assert answer.status_code == 200, f"{call}: {answer.text}"
        assert comparable(answer.json()) == comparable(wanted), call


def test_there_are_enough_bodies():
    assert sum(case.setup.lower().count("language plpgsql") for case in CASES) >= 150


def test_a_new_user_gets_a_profile(server):
    found = server.rest("GET", "/profiles?select=email,name", USER)
    assert found.json() == [{"email": "ada@example.test", "name": "Ada"}]
    assert server.rest("GET", "/profiles?select=name", OTHER).json() == [{"name": "bob"}]


def test_a_user_whose_profile_fails_is_not_made(server):
    answer = server.rest("POST", "/rpc/make_nameless_user", "service", json_body={}).json()
    assert (answer["code"], "profiles" in answer["message"]) == ("23502", True)
    assert server.rest("POST", "/rpc/count_users", "service", json_body={}).json() == 2


def test_a_trigger_has_the_rights_of_its_caller(server):
    refused = server.rest("POST", "/diary", USER, json_body={"id": 1, "line": "caller writes"})
    assert (refused.status_code, refused.json()["code"]) == (403, "42501")
    assert server.rest("GET", "/diary", USER).json() == []


def test_a_definers_trigger_has_the_rights_of_its_owner(server):
    assert server.rest("POST", "/diary", USER, json_body={"id": 2, "line": "owner writes"}).status_code == 201
    noted = server.rest("GET", "/changes?select=who,line", "service").json()
    assert noted == [{"who": USER, "line": "owner writes as postgres"}]
    assert server.rest("GET", "/changes", USER).json() == []


def test_a_body_sees_the_rows_that_its_caller_sees(server):
    server.rest("POST", "/diary", OTHER, json_body={"id": 3, "line": "quiet"})
    assert server.rest("POST", "/rpc/count_diary", OTHER, json_body={}).text == "1"
    assert server.rest("POST", "/rpc/count_diary", "anon", json_body={}).text == "0"
    assert int(server.rest("POST", "/rpc/count_diary", "service", json_body={}).text) >= 1


@pytest.mark.parametrize("function,who,code", [("spin", "anon", "57014"), ("grow", "service", "54000")])
def test_a_loop_without_end_ends(server, function, who, code):
    answer = server.rest("POST", f"/rpc/{function}", who, json_body={})
    assert (answer.status_code, answer.json()["code"]) == (500, code)
    assert server.rest("GET", "/profiles", "anon").status_code == 200


@pytest.fixture(scope="module")
def findings() -> dict[str, list[str]]:
    """What `migrate check` says of the texts that PostgreSQL refuses, each in a file of its own."""
    files = {f"migrations/{at:04}_refused.sql": case.setup for at, case in enumerate(REFUSED)}
    project = Project(files)
    try:
        done = project.run("migrate", "check", check=False)
        text = re.sub(r"\n  │ ", " ", done.stdout + done.stderr)
        found = {}
        for code, at, message in re.findall(r"(?m)^(\w{5})\n\n  × migrations/(\d{4})_refused\.sql:\d+:\d+: (.*)$", text):
            found.setdefault(REFUSED[int(at)].title, [code, message])
        return found
    finally:
        project.remove()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.title)
def test_what_cannot_be_made_is_refused_as_on_postgresql(case, findings, expected):
    assert findings.get(case.title) == expected[case.title]
