"""Cases P01 to P26 of docs/security-cases.md: policies and rights, on every road to the rows."""

import itertools
import json
import os

import jwt
import pytest

from harness.server import Project, Server
from security.world import ADA, BOB, CALLERS, CAT, everything, project, refused, rows, unchanged, withheld

RETURNED = {"Prefer": "return=representation"}
ROLLED = {"Prefer": "return=representation,tx=rollback"}
STRANGER = "00000000-0000-4000-8000-0000000000ff"


@pytest.fixture(scope="module")
def server():
    with Server(project('[api]\ntx_end = "commit-allow-override"\n')) as running:
        yield running


def ids(answer) -> list:
    return [row["id"] for row in rows(answer)]


@pytest.mark.parametrize("who", CALLERS)
def test_p01_what_has_no_rule_is_closed(server, who):
    withheld(server.rest("GET", "/bare", who), "bare")
    for method, body in [("POST", {"id": 2}), ("PATCH", {"word": "x"}), ("DELETE", None)]:
        withheld(server.rest(method, "/bare" + ("" if method == "POST" else "?id=eq.1"), who, json_body=body), "bare")
    assert rows(server.rest("GET", "/sealed", who)) == []
    refused(server.rest("POST", "/sealed", who, json_body={"id": 2}), "42501")
    for method, body in [("PATCH", {"word": "x"}), ("DELETE", None)]:
        assert rows(server.rest(method, "/sealed?id=eq.1&select=id", who, json_body=body, headers=RETURNED)) == []
    refused(server.rest("GET", "/owners_view", who), "42501")
    refused(server.rest("POST", "/rpc/kept_back", who, json_body={}), "42501")
    assert [row["word"] for row in everything(server, "sealed") + everything(server, "bare")] == ["canary"] * 2


@pytest.mark.parametrize("who,seen", [("anon", [1, 3]), (ADA, [1, 2, 3]), (BOB, [1, 3, 4]), (CAT, [1, 3])])
def test_p02_every_road_leads_to_the_same_rows(server, who, seen):
    get = lambda target, **more: server.rest("GET", target, who, **more)
    assert ids(get("/notes?select=id&order=id")) == seen
    for number in range(1, 5):
        assert ids(get(f"/notes?select=id&id=eq.{number}")) == ([number] if number in seen else [])
    assert ids(get("/open_titles?select=id&order=id")) == seen
    assert ids(get("/rpc/all_notes?select=id&order=id")) == seen
    assert get("/rpc/note_count").json() == len(seen)
    assert server.rest("HEAD", "/notes", who, headers={"Prefer": "count=exact"}).headers["content-range"].endswith(f"/{len(seen)}")
    children = rows(get("/people?select=notes(id)"))
    assert sorted(note["id"] for row in children for note in row["notes"]) == seen
    parents = rows(get("/comments?select=notes(id)&order=id"))
    assert [row["notes"]["id"] for row in parents] == [number for number in (1, 4) if number in seen]
    assert get("/notes?select=id&order=id", headers={"Accept": "text/csv"}).text.split() == ["id", *map(str, seen)]
    assert ids(get("/notes?select=id&order=id&title=ilike.*o*")) == seen
    if who != "anon":
        own = [number for number in seen if number not in (1, 3)] + ([1] if who == ADA else [3] if who == BOB else [])
        changed = server.rest("PATCH", "/notes?select=id&id=gt.0", who, json_body={"stars": 0}, headers=ROLLED)
        assert sorted(ids(changed)) == sorted(own)


@unchanged("notes")
def test_p03_each_check_alone_refuses(server):
    write = lambda method, target, body: server.rest(method, target, ADA, json_body=body, headers=RETURNED)
    # The rule for inserts; the rule for the old row; for the new row; for deletions.
    error = refused(write("POST", "/notes", {"slug": "s", "title": "t", "owner": BOB}), "42501", 403)
    assert error["message"] == 'new row violates row-level security policy for table "notes"' and error["details"] is None
    assert rows(write("PATCH", "/notes?id=eq.3", {"stars": 0})) == [] and rows(write("PATCH", "/notes?id=eq.4", {"stars": 0})) == []
    refused(write("PATCH", "/notes?id=eq.1", {"owner": BOB}), "42501", 403)
    assert rows(write("DELETE", "/notes?id=eq.3", None)) == []
    assert rows(write("DELETE", "/notes?id=eq.2", None)) == [], "the restrictive rule keeps five stars"
    refused(server.rest("POST", "/notes", json_body={"slug": "s", "title": "t", "owner": ADA}), "42501", 401)


@unchanged("notes", "accounts")
def test_p04_a_row_is_not_moved_to_somebody_else(server):
    for body in [{"owner": BOB}, {"owner": CAT, "kind": "open"}, {"owner": None}]:
        refused(server.rest("PATCH", "/notes?id=eq.1", ADA, json_body=body))
        refused(server.rest("PATCH", "/notes", ADA, json_body=body))
        refused(server.rest("PUT", "/notes?id=eq.1", ADA, json_body={"id": 1, "slug": "x", "title": "t", **body}))
    token = {"sub": ADA, "tenant": 1}
    # Out of one's own sight, by the rule that restricts.
    refused(server.rest("PATCH", "/accounts?id=eq.1", token, json_body={"amount": -1}), "42501", 403)


@unchanged("notes")
def test_p05_an_upsert_obeys_both_rules(server):
    upsert = lambda who, body, prefer="tx=rollback": server.rest(
        "POST", "/notes?on_conflict=slug&select=slug,title", who, json_body=body,
        headers={"Prefer": f"resolution=merge-duplicates,return=representation,{prefer}"})
    assert rows(upsert(ADA, {"slug": "ada-open", "title": "new"})) == [{"slug": "ada-open", "title": "new"}]
    assert rows(upsert(ADA, {"slug": "fresh", "title": "new"})) == [{"slug": "fresh", "title": "new"}]
    for body in [
        {"slug": "bob-open", "title": "taken", "owner": ADA},
        {"slug": "bob-canary", "title": "taken", "owner": ADA},
        {"slug": "ada-open", "title": "given", "owner": BOB},
        {"slug": "fresh", "title": "given", "owner": BOB},
    ]:
        error = refused(upsert(ADA, {**body}, "x"), "42501", 403)
        assert "bob" not in json.dumps(error)
    refused(upsert("anon", {"slug": "fresh", "title": "new", "owner": ADA}, "x"), "42501", 401)


@unchanged("notes")
def test_p06_a_wide_write_touches_only_what_is_allowed(server):
    for who, own in [(ADA, [1, 2]), (BOB, [3, 4]), (CAT, [])]:
        counted = {"Prefer": "return=representation,count=exact,tx=rollback"}
        answer = server.rest("PATCH", "/notes?select=id&id=gt.0", who, json_body={"stars": 1}, headers=counted)
        assert ids(answer) == own
        assert answer.headers["content-range"].endswith(f"/{len(own)}")
        minimal = server.rest("PATCH", "/notes?id=gt.0", who, json_body={"stars": 1}, headers={"Prefer": "return=headers-only,count=exact,tx=rollback"})
        assert minimal.headers["content-range"].endswith(f"/{len(own)}")
        answer = server.rest("DELETE", "/notes?select=id", who, headers=counted)
        assert ids(answer) == [number for number in own if number != 2]


@unchanged("accounts", "people")
def test_p07_columns_are_granted_by_command(server):
    token = {"sub": ADA, "tenant": 1}
    ask = lambda method, target, body=None, headers=None: server.rest(method, target, token, json_body=body, headers=headers)
    assert rows(ask("GET", "/accounts?select=id,tenant,amount")) == [{"id": 1, "tenant": 1, "amount": 100}]
    withheld(ask("GET", "/accounts?select=memo"), "accounts")
    withheld(ask("GET", "/accounts?select=id&memo=eq.canary"), "accounts")
    withheld(ask("PATCH", "/accounts?id=eq.1", {"tenant": 1}), "accounts")
    withheld(ask("PATCH", "/accounts?id=eq.1", {"memo": "x"}), "accounts")
    withheld(ask("PATCH", "/accounts?memo=eq.canary", {"amount": 1}), "accounts")
    withheld(ask("POST", "/accounts", {"id": 9, "tenant": 1, "amount": 1, "memo": "x"}), "accounts")
    withheld(ask("POST", "/accounts", {"id": 9, "tenant": 1, "amount": 1}, RETURNED), "accounts")
    withheld(ask("POST", "/accounts?on_conflict=id", {"id": 1, "tenant": 1, "amount": 1}, {"Prefer": "resolution=merge-duplicates"}), "accounts")
    # The default of a column that cannot be written is still filled in.
    answer = ask("POST", "/accounts?select=id,amount", {"id": 9, "tenant": 1, "amount": 1}, ROLLED)
    assert rows(answer) == [{"id": 9, "amount": 1}]
    answer = ask("PATCH", "/accounts?id=eq.1&select=amount", {"amount": 7}, ROLLED)
    assert rows(answer) == [{"amount": 7}]
    for method, body in [("POST", {"id": STRANGER, "name": "x"}), ("PATCH", {"name": "x"}), ("DELETE", None)]:
        withheld(server.rest(method, "/people" + ("" if method == "POST" else f"?id=eq.{ADA}"), "anon", json_body=body), "people")


@pytest.mark.parametrize(
    "claims",
    [{}, {"app_metadata": None}, {"app_metadata": {}}, {"app_metadata": []}, {"app_metadata": "red"}, {"app_metadata": {"tenant": None}},
     {"app_metadata": {"Tenant": "red"}}, {"app_metadata": {"tenant": ["red"]}}, {"app_metadata": {"tenant": {"red": 1}}},
     {"app_metadata": {"tenant": 1}}, {"app_metadata": {"tenant": True}}, {"tenant": "red"}, {"user_metadata": {"tenant": "red"}}],
)
def test_p08_a_claim_that_is_not_there_is_a_no(server, claims):
    token = {"sub": ADA, **claims}
    assert rows(server.rest("GET", "/by_claim", token)) == []
    assert rows(server.rest("GET", "/accounts?select=id", {**token, "tenant": None})) == []
    assert server.rest("HEAD", "/by_claim", token, headers={"Prefer": "count=exact"}).headers["content-range"] == "*/0"


def test_p08_claims_are_compared_as_they_are(server):
    tenant = lambda value: ids(server.rest("GET", "/by_claim?select=id", {"sub": ADA, "app_metadata": {"tenant": value}}))
    assert (tenant("red"), tenant(""), tenant("RED"), tenant("red "), tenant("null")) == ([1], [2], [], [], [4])
    # A token without `sub`, or with one that is no id.
    for sub in [None, "", "ada", 1]:
        claims = {"sub": sub} if sub is not None else {}
        answer = server.rest("GET", "/notes?select=id&order=id", claims)
        assert answer.status_code in (400, 401, 403) or ids(answer) == [1, 3], answer.text


def test_p09_an_empty_list_holds_nobody(server):
    listed = lambda **claims: ids(server.rest("GET", "/by_list?select=id&order=id", {"sub": ADA, **claims}))
    assert listed(tenants=["red"]) == [1] and listed(tenants=["red", "blue", None]) == [1, 4]
    assert listed(tenants=[]) == listed() == listed(tenants=[None]) == []
    lacking = lambda **claims: ids(server.rest("GET", "/by_lack?select=id&order=id", {"sub": ADA, **claims}))
    assert lacking(banned=["red"]) == [2, 4]
    # As in SQL: nothing stands in an empty list, so its negation is plainly a yes; a null in the list is a no.
    assert lacking(banned=[]) == [1, 2, 3, 4] and lacking() == [1, 2, 3, 4]
    assert lacking(banned=[None]) == lacking(banned=["red", None]) == []


@pytest.mark.parametrize("who", CALLERS)
def test_p10_a_policy_that_fails_refuses_the_request(server, who):
    for target, code in [("/raising", "22012"), ("/raising?select=id&id=gt.0", "22012"), ("/casting?select=id", "22P02")]:
        answer = server.rest("GET", target, who)
        assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
        assert answer.json()["details"] is None and answer.json()["hint"] is None
    for target in ["/loop_a", "/loop_b", "/loop_a?id=eq.1"]:
        answer = server.rest("GET", target, who)
        # The protocol's status for this code is 500.
        assert (answer.status_code, answer.json()["code"]) == (500, "42P17"), answer.text
    assert rows(server.rest("GET", "/notes?select=id&id=eq.1", who)) == [{"id": 1}]


@unchanged("notes", "accounts")
def test_p11_policies_combine_as_documented(server):
    # Permissive ones add up, restrictive ones take away, for the command they name alone.
    assert ids(server.rest("GET", "/notes?select=id&id=eq.2", ADA)) == [2]
    assert ids(server.rest("PATCH", "/notes?select=id&id=eq.2", ADA, json_body={"title": "x"}, headers=ROLLED)) == [2]
    assert ids(server.rest("DELETE", "/notes?select=id&id=eq.2", ADA, headers=ROLLED)) == []
    token = {"sub": ADA, "tenant": 1}
    assert ids(server.rest("GET", "/accounts?select=id", token)) == [1]
    # Everybody sees the rows of people, only the own one can be changed: seeing unlocks no writing.
    assert rows(server.rest("PATCH", f"/people?id=eq.{BOB}&select=id", ADA, json_body={"name": "X"}, headers=RETURNED)) == []
    # Row security does not widen grants, nor grants row security.
    withheld(server.rest("GET", f"/people?select=email&id=eq.{ADA}", ADA), "people")


def test_p13_policies_that_multiply_are_refused():
    # Each table's policy looks into all later ones: every table doubles the tree.
    count = 20
    tables = "".join(
        f"create table public.t{number} (id int primary key); alter table public.t{number} enable row level security;"
        for number in range(count)
    )
    looks = lambda number: " and ".join(
        f"exists (select 1 from public.t{later} x where x.id = t{number}.id)" for later in range(number + 1, count)
    )
    policies = "".join(f"create policy p on public.t{number} for select using ({looks(number) or 'true'});" for number in range(count))
    views = "create view public.v0 with (security_invoker = true) as select id from public.t19;" + "".join(
        f"create view public.v{number} with (security_invoker = true) as select a.id from public.v{number - 1} a join public.v{number - 1} b using (id);"
        for number in range(1, 20)
    )
    with Server(Project({"migrations/0001_all.sql": tables + policies + views})) as server:
        for target in ["/t0", "/v19"]:
            error = refused(server.rest("GET", target), "54001", 400)
            assert "SECURITY DEFINER" in error["hint"]
        assert rows(server.rest("GET", f"/t{count - 3}")) == rows(server.rest("GET", "/v3")) == []


def build(*statements: str) -> str:
    return ";\n".join(statements) + ";\n"


OPEN = ["create table public.t (id int primary key, owner uuid, word text)", "insert into public.t values (1, null, 'canary')"]


def started(sql: str):
    """The outcome of checking a project with this migration."""
    made = Project({"migrations/0001_all.sql": sql})
    try:
        return made.run("migrate", "check", check=False)
    finally:
        made.remove()


@pytest.mark.parametrize(
    "expression",
    ["true) drop table public.t; --", "word = 'x' or", "(select 1", "unknown_column = 1", "unknown_function(word)", "word", "1", "count(*) > 0",
     "exists (select 1 from public.nowhere)", "(select id, word from public.t)", "id = any(array['x'])", "row_number() over () = 1",
     "(" * 5000 + "true" + ")" * 5000, "not " * 20_000 + "true", "word = '" + "x" * 20_000_000 + "'"],
    ids=lambda expression: expression[:30],
)
def test_p13_a_hostile_policy_is_refused_when_it_is_written(expression):
    done = started(build(*OPEN, "alter table public.t enable row level security", f"create policy p on public.t using ({expression})"))
    assert done.returncode == 1, done.stdout[-500:]
    assert "migrations/0001_all.sql" in done.stderr and "panicked" not in done.stderr, done.stderr[:2000]


def changing(*later: str, before: str = "") -> Server:
    """A server on a table that its first migration opened and the later ones change."""
    first = build(*OPEN, "alter table public.t enable row level security", "create policy p on public.t using (word <> '')", *filter(None, [before]))
    files = {"migrations/0001_first.sql": first}
    files |= {f"migrations/{number + 2:04}_later.sql": sql for number, sql in enumerate(later)}
    return Server(Project(files, "[api]\nrequire_rls = true\n"))


def test_p14_a_table_made_again_has_no_old_rule():
    again = "create table public.t (id int primary key, word text); insert into public.t values (1, 'canary');"
    with changing("drop table public.t;", again) as server:
        withheld(server.rest("GET", "/t"), "t")
    with changing("drop table public.t;", again + "alter table public.t enable row level security;", before="grant select on public.t to anon") as server:
        assert rows(server.rest("GET", "/t")) == []
    column = "alter table public.t drop column owner; alter table public.t add column owner uuid;"
    narrow = "revoke all on public.t from anon; grant select (id, owner) on public.t to anon"
    with changing(column, before=narrow) as server:
        assert rows(server.rest("GET", "/t?select=id")) == [{"id": 1}]
        withheld(server.rest("GET", "/t?select=owner"), "t")
    # A column that a policy reads goes only together with the policy, which closes the table.
    assert started(build(*OPEN, "alter table public.t enable row level security", "create policy p on public.t using (word <> '')",
                         "alter table public.t drop column word")).returncode == 1
    with changing("alter table public.t drop column word cascade; alter table public.t add column word text default 'x';") as server:
        assert rows(server.rest("GET", "/t")) == []


def test_p15_rules_follow_a_renamed_table_or_column():
    narrow = "revoke all on public.t from anon; grant select (id) on public.t to anon"
    renamed = "alter table public.t rename to u; alter table public.u rename column word to term; alter table public.u rename column owner to holder;"
    with changing(renamed, "insert into public.u values (2, null, '');", before=narrow) as server:
        refused(server.rest("GET", "/t"), "PGRST205", 404)
        assert rows(server.rest("GET", "/u?select=id")) == [{"id": 1}], "the policy reads the column by its new name"
        withheld(server.rest("GET", "/u?select=term"), "u")
    # Two columns change their names: the grant stays with the column, not with the name.
    swapped = "alter table public.t rename column id to x; alter table public.t rename column word to id; alter table public.t rename column x to word;"
    with changing(swapped, before=narrow) as server:
        assert rows(server.rest("GET", "/t?select=word")) == [{"word": 1}]
        withheld(server.rest("GET", "/t?select=id"), "t")


def test_p16_a_tightened_policy_holds_for_the_next_request():
    with Server(project(), "dev") as server:
        token = server.headers(ADA)
        read = lambda target: server.rest("GET", target, "nobody", headers=token)
        assert ids(read("/notes?select=id&order=id")) == [1, 2, 3]
        tighter = 'drop policy "read" on public.notes; create policy "read" on public.notes for select using (owner = auth.uid()); revoke select on public.teams from authenticated; create table public.done (id int);'
        server.project.write({"migrations/0002_tighter.sql": tighter})
        for _ in range(3000):
            if read("/done?select=id").status_code != 404:
                break
        assert ids(read("/notes?select=id&order=id")) == [1, 2]
        withheld(read("/teams"), "teams")


@pytest.mark.parametrize(
    "role",
    ["postgres", "supabase_admin", "supabase_auth_admin", "authenticator", "pg_read_all_data", "service_role ", " service_role", "Service_Role",
     "SERVICE_ROLE", "service_role\u0000", "ѕervice_role", "service_role; set role postgres", '"service_role"', "none", "public", "", None, 1, ["service_role"],
     {"a": 1}, True],
)
def test_p17_a_token_takes_no_role_that_is_not_given(server, role):
    for target, method in [("/notes", "GET"), ("/bare", "GET"), ("/bare", "POST")]:
        answer = server.rest(method, target, {"sub": ADA, "role": role}, json_body={"id": 5} if method == "POST" else None)
        if role is None and target == "/notes":
            # No role at all is a visitor's, whose claims are read all the same.
            assert ids(answer) == [1, 2, 3]
        else:
            assert 400 <= answer.status_code < 500 and "canary" not in answer.text, answer.text
    assert len(everything(server, "bare")) == 1


def test_p17_the_key_alone_makes_no_service(server):
    """The role of the service needs its own key or a token that the project signed."""
    anon = server.headers("anon")
    for headers in [{**anon, "role": "service_role"}, {**anon, "X-Role": "service_role"}, {**anon, "Prefer": "role=service_role"},
                    {**anon, "request.jwt.claims": '{"role":"service_role"}'}]:
        withheld(server.rest("GET", "/bare", "nobody", headers=headers), "bare")
    withheld(server.rest("GET", "/bare?word=eq.canary&select=id", "anon"), "bare")
    token = jwt.encode({"role": "service_role"}, server.keys["publishable"].ljust(32, "x"), algorithm="HS256")
    refused(server.rest("GET", "/bare", "nobody", headers={**anon, "Authorization": f"Bearer {token}"}), status=401)


def test_p18_a_failed_request_leaves_nothing_to_the_next(server):
    failing = [("GET", "/raising", None), ("GET", "/notes?stars=eq.x", None), ("POST", "/notes", {"slug": "ada-open", "title": "t"}),
               ("POST", "/notes", {"slug": "x", "title": "t", "owner": BOB}), ("PATCH", "/notes?id=eq.1", {"stars": 77}), ("GET", "/loop_a", None)]
    for method, target, body in failing:
        assert server.rest(method, target, ADA, json_body=body).status_code >= 400
        for who, seen in [("anon", [1, 3]), (BOB, [1, 3, 4]), (CAT, [1, 3])]:
            assert ids(server.rest("GET", "/notes?select=id&order=id", who)) == seen
            assert server.rest("POST", "/rpc/note_count", who, json_body={}).json() == len(seen)
        assert rows(server.rest("POST", "/names?select=owner", BOB, json_body={"id": "x"}, headers=ROLLED)) == [{"owner": BOB}]


def test_p19_views_and_functions_run_with_the_callers_rights(server):
    for who, seen in [("anon", [1, 3]), (ADA, [1, 2, 3]), (BOB, [1, 3, 4])]:
        assert ids(server.rest("GET", "/open_titles?select=id&order=id", who)) == seen
        assert ids(server.rest("GET", "/rpc/all_notes?select=id&order=id", who)) == seen
        assert server.rest("GET", "/rpc/sealed_count", who).json() == 0
        assert rows(server.rest("GET", "/notes?select=search&id=in.(2,4)", who)) in ([], [{"search": "ada closed"}], [{"search": "bob canary"}])
    assert server.rest("GET", "/rpc/sealed_count", "service").json() == 1


@pytest.mark.parametrize("who", CALLERS)
def test_p20_tables_of_the_system_are_not_reached(server, who):
    for name in ["users", "auth.users", "schema_migrations", "pg_class", "pg_policies", "pg_roles", "information_schema.tables", "sqlite_master",
                 "sqlite_schema", "sqlite_sequence", "catalog", "buckets", "objects", "audit", "private.audit", "messages", "backstay"]:
        error = refused(server.rest("GET", f"/{name}", who), status=404)
        assert error["hint"] is None
        refused(server.rest("GET", f"/notes?select=id,{name}(*)", who), status=400)
        refused(server.rest("GET", f"/rpc/{name}", who), status=404)
    for schema in ["auth", "storage", "realtime", "private", "pg_catalog", "information_schema", "backstay", "main", "temp", "extensions"]:
        for headers in [{"Accept-Profile": schema}, {"Content-Profile": schema}]:
            method = "POST" if "Content-Profile" in headers else "GET"
            answer = server.rest(method, "/users", who, headers=headers, json_body={"id": ADA} if method == "POST" else None)
            assert schema not in (refused(answer, "PGRST106", 406)["hint"] or "")


def test_p21_a_key_that_looks_like_somebody_is_just_a_key(server):
    for name in ["anon", "service_role", "postgres", "public", "null", "true", "*", ADA, BOB, "select", "%", "eq.1", "(1,2)", "owner"]:
        assert server.rest("POST", "/names", CAT, json_body={"id": name}).status_code == 201
        quoted = '%22' + name.replace("%", "%25") + '%22'
        for who in [ADA, BOB, "anon"]:
            assert rows(server.rest("GET", f"/names?id=in.({quoted})", who)) == []
        assert ids(server.rest("GET", f"/names?select=id&id=in.({quoted})", CAT)) == [name]
    person = {"id": BOB, "name": "not Bob"}
    refused(server.rest("POST", "/people", ADA, json_body=person), "42501", 403)
    refused(server.rest("POST", "/people?on_conflict=id", ADA, json_body=person, headers={"Prefer": "resolution=merge-duplicates"}), "42501", 403)
    assert server.rest("DELETE", "/names?id=neq.x", CAT).status_code == 204


@unchanged("accounts")
def test_p24_the_ids_of_another_tenant_lead_nowhere(server):
    token = {"sub": ADA, "tenant": 1}
    ask = lambda method, target, body=None, headers=None: server.rest(method, target, token, json_body=body, headers=headers)
    for foreign in ["id=eq.2", "id=in.(2)", "tenant=eq.2", "or=(id.eq.2,tenant.eq.2)", "id=eq.99"]:
        assert rows(ask("GET", f"/accounts?select=id&{foreign}")) == []
        assert rows(ask("PATCH", f"/accounts?select=id&{foreign}", {"amount": 0}, RETURNED)) == []
        assert rows(ask("DELETE", f"/accounts?select=id&{foreign}", None, RETURNED)) == []
        refused(ask("GET", f"/accounts?select=id&{foreign}", None, {"Accept": "application/vnd.pgrst.object+json"}), "PGRST116", 406)
    refused(ask("POST", "/accounts", {"id": 9, "tenant": 2, "amount": 1}), "42501", 403)
    assert ids(server.rest("GET", "/accounts?select=id", {"sub": ADA, "tenant": 2})) == [2]


@unchanged("notes", "bare", "sealed")
def test_p25_the_keys_open_exactly_their_doors(server):
    for target in ["/notes?select=id&id=eq.4", "/bare?select=id", "/sealed?select=id", "/memberships?select=team_id", "/people?select=email"]:
        assert len(rows(server.rest("GET", target, "service"))) > 0
    assert rows(server.rest("PATCH", "/notes?id=eq.4&select=id", "service", json_body={"stars": 1}, headers=ROLLED)) == [{"id": 4}]
    # Constraints hold for it too.
    assert server.rest("PATCH", "/notes?id=eq.4", "service", json_body={"stars": 6}).json()["code"] == "23514"
    assert server.rest("GET", "/notes", "nobody").status_code == 401
    # The operator's pages need it.
    for headers, status in [(server.headers("service"), 200), (server.headers("anon"), 403), ({}, 401), (server.headers(ADA), 403)]:
        answer = server.client.get(f"{server.url}/metrics", headers=headers)
        assert answer.status_code == status or (status == 403 and answer.status_code == 401), (status, answer.status_code)


def test_p26_a_user_without_a_name_is_told_apart():
    schema = build(
        "create table public.t (id int primary key)", "insert into public.t values (1)", "alter table public.t enable row level security",
        "create policy p on public.t for select to authenticated using ((auth.jwt() ->> 'is_anonymous')::boolean is false)",
    )
    with Server(Project({"migrations/0001_all.sql": schema})) as server:
        assert ids(server.rest("GET", "/t", {"sub": ADA, "is_anonymous": False})) == [1]
        for claims in [{"is_anonymous": True}, {}, {"is_anonymous": None}]:
            assert rows(server.rest("GET", "/t", {"sub": ADA, **claims})) == []
        assert rows(server.rest("GET", "/t")) == []
