"""Schemathesis asks everything that the description of the API allows, and some things that it does not: no
answer is a failure of the server, and none is outside of what the description says."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from harness.server import Project, Server
from test_openapi import NEW, SCHEMA

NIGHTLY = os.environ.get("BACKSTAY_NIGHTLY") == "1"
# Cases of each operation and way to make them.
EXAMPLES = 150 if NIGHTLY else 10
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# OpenAPI cannot say that a body comes only if it is preferred: an answer without one has no type either.
BARE = [not_a_server_error, status_code_conformance]


def is_bare(answer) -> bool:
    shown = "return=representation" in answer.request.headers.get("prefer", "")
    write = answer.request.method in ("POST", "PATCH", "PUT", "DELETE") and "/rpc/" not in answer.request.url
    return write and answer.status_code in (200, 201, 204) and not shown and answer.content == b"" and not answer.headers.get("content-type")


# What the description can say in words only.
PREFERENCES = [
    None, "count=exact", "count=planned", "count=estimated", "return=representation", "return=minimal", "return=headers-only",
    "return=representation, count=exact", "return=representation, resolution=merge-duplicates", "missing=default, return=representation",
    "resolution=ignore-duplicates, return=representation", "handling=strict, max-affected=1", "handling=strict, nonsense",
]
FILTERS = ["is.null", "not.is.null", "eq.1", "gte.0", "in.(1,2)", "like.*a*", "eq.text", "ov.{1,2}", "neq.x", "lt.2030-01-01", "fts.text"]
COLUMNS = ["*", "id", "*,id", "id::text", "count()", "id,id", "nothing"]


def make_sense(case, choose) -> None:
    """Puts what callers say in the place of some texts that mean nothing."""
    prefer = choose.draw(st.sampled_from(PREFERENCES))
    if prefer and "/rpc/" not in case.operation.path:
        case.headers["Prefer"] = prefer
    for name in list(case.query or {}):
        if choose.draw(st.booleans()) and "/rpc/" not in case.operation.path:
            if name in ("columns", "on_conflict", "order"):
                case.query[name] = "id"
            elif name == "select":
                case.query[name] = choose.draw(st.sampled_from(COLUMNS))
            elif name not in ("limit", "offset"):
                case.query[name] = choose.draw(st.sampled_from(FILTERS))


MORE = """
create type public.pair as (n int, label text);
create table public.everything (
  id uuid primary key default gen_random_uuid(), b boolean, i2 smallint, i4 int, i8 bigint, r real, f double precision,
  n numeric(8, 3), t text not null default '', v varchar(5), c char(3), u uuid, d date, ti time, ts timestamp, tz timestamptz,
  iv interval, j json, jb jsonb, by bytea, addr inet, es public.state[], ns int[], p public.pair, rg int4range
);
alter table public.everything enable row level security;
create policy "all" on public.everything using (true) with check (true);
create function public.echo(v public.state, ns int[], p public.pair default null, at timestamptz default now()) returns json
  language sql stable as $$ select json_build_object('v', v, 'ns', ns, 'p', p) $$;
create function public.pairs(most int) returns table (n int, label text) language sql immutable as
  $$ select g, g::text from generate_series(1, least(most, 5)) g $$;
create function public.divide(a int, b int) returns int language sql immutable as $$ select a / b $$;
create function public.put_good(title text, shelf int) returns public.goods language sql volatile as
  $$ insert into public.goods (title, shelf_id) values (title, shelf) returning * $$;
create policy "all" on public.shelves for all to authenticated using (true) with check (true);
insert into public.shelves (name) values ('first'), ('second');
insert into public.goods (shelf_id, title, code, tags, more) values (1, 'one', 'a', '{x,y}', '{"a": [1, null]}'), (2, 'two', null, '{}', null);
insert into public.everything (b, i2, i4, i8, r, f, n, t, v, c, u, d, ti, ts, tz, iv, j, jb, by, addr, es, ns, p, rg) values
  (true, 1, 2, 3, 1.5, -2.25, 1.500, 'text', 'v', 'c', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2024-02-29', '12:00', '2024-02-29 12:00',
   '2024-02-29 12:00+02', '1 day', '{"a": 1}', '[1, null]', '\\\\x00ff', '10.0.0.1', '{new,used}', '{1,null}', '(1,one)', '[1,5)');
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    project = Project({"migrations/0001_schema.sql": SCHEMA + MORE})
    with Server(project, environment=databases.environment(request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def described(server):
    """The description as a signed-in user gets it."""
    headers = {**server.headers("00000000-0000-4000-8000-000000000001"), "Accept": NEW}
    document = server.client.get(f"{server.url}/rest/v1/", headers=headers).json()
    config = schemathesis.Config.from_dict({"base-url": f"{server.url}/rest/v1"})
    return schemathesis.openapi.from_dict(document, config=config), headers


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["what_is_allowed", "what_is_not"])
def test_every_answer_is_as_described(server, described, mode):
    schema, headers = described
    headers = {name: value for name, value in headers.items() if name != "Accept"}
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 30
    asked = 0
    for operation in operations:
        phases = [Phase.generate, Phase.shrink] if NIGHTLY else [Phase.generate]

        # The seed is fixed, so that a run that passed passes again; the long runs are random.
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=not NIGHTLY, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=False,
        )
        @given(case=operation.as_strategy(generation_mode=mode), choose=st.data())
        def ask(case, choose):
            nonlocal asked
            asked += 1
            make_sense(case, choose)
            answer = case.call(headers=headers)
            case.validate_response(answer, checks=BARE if is_bare(answer) else CHECKS)

        try:
            ask()
        except Unsatisfiable:
            # Whatever is sent here is allowed.
            assert mode == GenerationMode.NEGATIVE, operation.label
    assert asked > len(operations)
