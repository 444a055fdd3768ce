"""`char(n)` is shown with its blanks and compared without them: each answer beside PostgreSQL's own."""

import json

import pytest

from harness.postgres import Postgres
from harness.server import Project, Server

SCHEMA = """
create table public.codes (id int primary key, code char(4), one char, word varchar(6));
create table public.uses (id int primary key, code_id int references public.codes);
insert into public.codes values (1, 'ab', 'x', 'ab'), (2, 'abcd', '', 'abcd  '), (3, null, null, null), (4, 'é ', 'é', ' '), (5, '  a', ' ', '');
insert into public.uses values (1, 1), (2, 4);
create view public.codes_view with (security_invoker = true) as select id, code from public.codes;
create function public.all_codes() returns setof public.codes language sql stable as 'select * from public.codes';
"""
RULES = """
alter table public.codes enable row level security;
alter table public.uses enable row level security;
create policy "everybody" on public.codes using (true) with check (true);
create policy "everybody" on public.uses using (true) with check (true);
"""
CASES = [
    ("/codes?select=*&order=id", "select * from codes order by id"),
    ("/codes?select=c:code,one&order=id", "select code as c, one from codes order by id"),
    ("/codes?select=t:code::text&order=id", "select code::text as t from codes order by id"),
    ("/codes_view?order=id", "select * from codes_view order by id"),
    ("/rpc/all_codes?select=id,code&order=id", "select id, code from all_codes() order by id"),
    (
        "/uses?select=id,codes(code)&order=id",
        "select u.id, (select row_to_json(x) from (select code from codes c where c.id = u.code_id) x) as codes from uses u order by id",
    ),
    ("/uses?select=id,...codes(code)&order=id", "select u.id, c.code from uses u join codes c on c.id = u.code_id order by id"),
    ("/codes?select=id&code=eq.ab", "select id from codes where code = 'ab'"),
    ("/codes?select=id&code=eq.ab%20%20", "select id from codes where code = 'ab  '"),
    ("/codes?select=id&code=in.(ab,abcd)&order=id", "select id from codes where code in ('ab', 'abcd') order by id"),
    ("/codes?select=id&code=gt.ab&order=id", "select id from codes where code > 'ab' order by id"),
    ("/codes?select=id&code=isdistinct.ab&order=id", "select id from codes where code is distinct from 'ab' order by id"),
    ("/codes?select=id&code=like.ab&order=id", "select id from codes where code like 'ab' order by id"),
    ("/codes?select=id&code=like.ab*&order=id", "select id from codes where code like 'ab%' order by id"),
    ("/codes?select=id&code=like.ab__&order=id", "select id from codes where code like 'ab__' order by id"),
    ("/codes?select=id&code=ilike.AB%20%20&order=id", "select id from codes where code ilike 'AB  ' order by id"),
    ("/codes?select=id&code=match.b$&order=id", "select id from codes where code ~ 'b$' order by id"),
    ("/codes?select=id&code=match.b%20%2B$&order=id", "select id from codes where code ~ 'b +$' order by id"),
    ("/codes?select=id,code&order=code.desc,id", 'select id, code from codes order by code collate "C" desc, id'),
    ("/codes?select=code,count()&order=code", 'select code, count(*) from codes group by code order by code collate "C"'),
]


@pytest.fixture(scope="module")
def both():
    project = Project({"migrations/0001_codes.sql": SCHEMA + RULES}, "[api]\naggregates = true\n")
    with Postgres() as postgres, Server(project) as server:
        postgres.psql(SCHEMA)
        yield server, postgres


@pytest.mark.parametrize("target,sql", CASES)
def test_blanks_are_postgresqls(both, target, sql):
    server, postgres = both
    answer = server.rest("GET", target)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(postgres.psql(f"select coalesce(json_agg(x), '[]') from ({sql}) x"))


def test_what_a_write_shows_has_its_blanks(both):
    server, _ = both
    returned = {"Prefer": "return=representation"}
    answer = server.rest("POST", "/codes?select=code,one", json_body={"id": 9, "code": "q ", "one": "z"}, headers=returned)
    assert answer.json() == [{"code": "q   ", "one": "z"}]
    answer = server.rest("PATCH", "/codes?id=eq.9", json_body={"code": "qr"}, headers=returned)
    assert answer.json() == [{"id": 9, "code": "qr  ", "one": "z", "word": None}]
    answer = server.rest("GET", "/codes?id=eq.9&select=code", headers={"Accept": "text/csv"})
    assert answer.text.splitlines() == ["code", '"qr  "']
    assert server.rest("POST", "/codes", json_body={"id": 10, "code": "abcde"}).json()["code"] == "22001"
    assert server.rest("POST", "/codes", json_body={"id": 10, "code": "abc       "}).status_code == 201
    assert server.rest("DELETE", "/codes?id=gte.9").status_code == 204
