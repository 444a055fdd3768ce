"""Twin databases: what a caller may not see changes no answer, not by a byte.

Two servers hold the same schema and the same visible rows. Rows that neither visitors nor the user
may see, and the values of columns that were not granted, differ. Each generated request goes to both.
Keys are chosen so that no unique or foreign key meets an unseen row: there PostgreSQL itself tells.
"""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest

from harness.referee import literal
from harness.server import Project, Server

REQUESTS = 5000 if os.environ.get("BACKSTAY_NIGHTLY") else 400
SEED = int(os.environ.get("TEST_SEED", "20"))
USER = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"

SETTINGS = "[api]\naggregates = true\n"

SCHEMA = """
create table public.teams (id int primary key, name text not null, secret text, budget int);
create table public.members (team_id int not null references public.teams, user_id uuid not null, primary key (team_id, user_id));
create table public.notes (
  id int primary key, owner uuid, title text, body text, n int, data jsonb, price numeric(8,2),
  flag boolean, at timestamptz, tags text[], team_id int references public.teams
);
create table public.tasks (
  id int primary key, team_id int references public.teams, note_id int references public.notes,
  label text, n int, state text not null default 'open', data jsonb
);
create table public.docs (
  id int primary key, team_id int references public.teams, note_id int references public.notes,
  title text, level int not null default 0, body text
);
create table public.people (id int primary key, name text, score int, mail text, salary int, card jsonb);
create table public.hidden (id int primary key, word text, n int);
create index notes_n on public.notes (n);
create index tasks_note on public.tasks (note_id);

create function public.in_team(t int) returns boolean language sql stable security definer set search_path = ''
as $$ select exists (select 1 from public.members m where m.team_id = t and m.user_id = auth.uid()) $$;
create function public.inverse(public.notes) returns int language sql stable as $$ select 100 / $1.n $$;
create function public.notes_from(low int) returns setof public.notes language sql stable
as $$ select * from public.notes where n >= low $$;
create function public.note_count() returns bigint language sql stable as $$ select count(*) from public.notes $$;
create function public.shares() returns table (id int, share int, word int) language sql stable
as $$ select id, 100 / n, body::int from public.notes $$;
create view public.boards with (security_invoker = true) as
  select t.id, t.name, count(k.id) as tasks, max(k.n) as most
  from public.teams t left join public.tasks k on k.team_id = t.id group by t.id, t.name;

alter table public.teams enable row level security;
alter table public.members enable row level security;
alter table public.notes enable row level security;
alter table public.tasks enable row level security;
alter table public.docs enable row level security;
alter table public.people enable row level security;
alter table public.hidden enable row level security;
create policy own_notes on public.notes for all using (owner = auth.uid()) with check (owner = auth.uid());
create policy open_notes on public.notes for select to anon using (flag);
create policy own_membership on public.members for select using (user_id = auth.uid());
create policy team_tasks on public.tasks for all to authenticated
  using (exists (select 1 from public.members m where m.team_id = tasks.team_id and m.user_id = auth.uid()))
  with check (exists (select 1 from public.members m where m.team_id = tasks.team_id and m.user_id = auth.uid()));
create policy public_tasks on public.tasks for select to anon using (state = 'public');
create policy team_rows on public.teams for select
  using (id in (select team_id from public.members where user_id = auth.uid()));
create policy team_docs on public.docs for all using (public.in_team(team_id));
create policy open_docs on public.docs for select using (level < 0);
create policy low_docs on public.docs as restrictive for all using (level < 3) with check (level < 3);
create policy all_people on public.people for all using (true) with check (true);
revoke all on public.people from anon, authenticated;
grant select (id, name, score), insert (id, name, score), update (name, score) on public.people to anon, authenticated;
grant delete on public.people to authenticated;
revoke select on public.teams from anon, authenticated;
grant select (id, name) on public.teams to anon, authenticated;
"""

# For each table: columns the caller may name with their kinds, columns withheld, and what embeds.
TABLES = {
    "notes": (
        {"id": "int", "owner": "uuid", "title": "text", "body": "text", "n": "int", "data": "json", "price": "num",
         "flag": "bool", "at": "time", "tags": "array", "team_id": "int"},
        [], ["tasks", "docs", "teams"],
    ),
    "tasks": (
        {"id": "int", "team_id": "int", "note_id": "int", "label": "text", "n": "int", "state": "text", "data": "json"},
        [], ["notes", "teams"],
    ),
    "docs": (
        {"id": "int", "team_id": "int", "note_id": "int", "title": "text", "level": "int", "body": "text"},
        [], ["notes", "teams"],
    ),
    "teams": ({"id": "int", "name": "text"}, ["secret", "budget"], ["tasks", "notes", "docs", "members"]),
    "people": ({"id": "int", "name": "text", "score": "int"}, ["mail", "salary", "card"], []),
    "members": ({"team_id": "int", "user_id": "uuid"}, [], ["teams"]),
    "hidden": ({"id": "int", "word": "text", "n": "int"}, [], []),
    "boards": ({"id": "int", "name": "text", "tasks": "int", "most": "int"}, [], []),
}
WORDS = ["alpha", "Beta", "gamma ray", "50%", "a.b", "[x", "zürich", ""]
OPERATORS = {
    "int": ["eq", "neq", "gt", "gte", "lt", "lte", "in", "is", "isdistinct"],
    "num": ["eq", "neq", "gt", "lte", "in", "is"],
    "text": ["eq", "neq", "gt", "lt", "like", "ilike", "match", "imatch", "in", "is", "fts", "plfts", "isdistinct"],
    "uuid": ["eq", "neq", "in", "is"],
    "bool": ["eq", "is", "neq"],
    "time": ["eq", "gt", "lt", "is"],
    "json": ["eq", "cs", "cd", "is"],
    "array": ["cs", "cd", "ov", "eq", "is"],
}


def insert(table: str, row: dict) -> str:
    return f"insert into public.{table} ({', '.join(row)}) values ({', '.join(map(literal, row.values()))});"


def note(r: random.Random, id: int, owner, flag) -> dict:
    """`n` is never 0 and `body` always a number: what is visible never makes a cast or a division fail."""
    return {
        "id": id, "owner": owner, "flag": flag, "title": r.choice(WORDS), "body": str(r.randint(1, 99)),
        "n": r.randint(1, 9), "price": r.randint(0, 9999) / 100, "at": f"2024-0{r.randint(1, 9)}-01T00:00:00Z",
        "data": json.dumps({"a": r.randint(0, 5), "b": {"c": r.choice(WORDS)}, "l": [1, 2]}),
        "tags": r.choice(["{a,b}", "{b}", "{}", None]), "team_id": r.choice([1, 2, 3, None]),
    }


def visible_rows(r: random.Random) -> list[tuple[str, dict]]:
    rows = [("members", {"team_id": team, "user_id": USER}) for team in (1, 2)]
    rows += [("notes", note(r, i, r.choice([USER, None]), True if i % 3 else None)) for i in range(1, 20)]
    rows += [("notes", note(r, i, USER, r.choice([True, False]))) for i in range(20, 32)]
    for i in range(1, 32):
        team = r.choice([1, 2])
        # Some point at notes that nobody sees: 500 to 504 are in both databases.
        about = r.choice([None, 500, 503, r.randint(1, 19)])
        state = r.choice(["open", "done", "public"])
        rows.append(("tasks", {"id": i, "team_id": team, "note_id": about, "label": r.choice(WORDS), "n": r.randint(1, 9),
                               "state": state, "data": json.dumps({"a": r.randint(0, 3)})}))
        rows.append(("docs", {"id": i, "team_id": r.choice([1, 2]), "note_id": about, "title": r.choice(WORDS),
                              "level": r.randint(-2, 2), "body": str(i)}))
    return rows


def hidden_rows(r: random.Random) -> list[tuple[str, dict]]:
    """What differs: other numbers of other rows, with values that make casts, divisions and paths fail."""
    rows = []
    for i in [*range(500, 505), *r.sample(range(505, 560), 25)]:
        bad = r.random() < 0.5
        rows.append(("notes", {
            **note(r, i, r.choice([OTHER, None]), r.choice([False, None])), "title": r.choice([*WORDS, f"secret {i}"]),
            "body": "no number" if bad else "5", "n": 0 if bad else 2**31 - 1, "data": r.choice(['"text"', "[1]", "null", '{"a": "x"}']),
        }))
    for i in r.sample(range(500, 600), r.randint(20, 40)):
        about = r.choice([None, 501, r.randint(1, 19)])
        rows.append(("tasks", {"id": i, "team_id": r.choice([3, 4, None]), "note_id": about, "label": r.choice(WORDS),
                               "n": r.choice([0, 5, -(2**31)]), "state": r.choice(["open", "done"]), "data": r.choice(['"x"', '{"a": 1}'])}))
        rows.append(("docs", {"id": i, "team_id": r.choice([3, 4, None]), "note_id": about, "title": r.choice(WORDS),
                              "level": r.choice([0, 1, 3, 9]), "body": r.choice(["x", "7"])}))
    for i in r.sample(range(600, 700), r.randint(3, 9)):
        rows.append(("docs", {"id": i, "team_id": 1, "note_id": None, "title": r.choice(WORDS), "level": r.randint(3, 5), "body": "x"}))
    rows += [("members", {"team_id": team, "user_id": OTHER}) for team in r.sample([1, 2, 3, 4], r.randint(1, 3))]
    rows += [("hidden", {"id": i, "word": r.choice(WORDS), "n": i}) for i in r.sample(range(100), r.randint(0, 40))]
    return rows


def data(common: int, own: int) -> str:
    shared, r = random.Random(common), random.Random(own)
    rows = []
    for i in range(1, 5):
        name = f"team {i}" if i < 3 else f"unseen {r.randint(0, 999)}"
        rows.append(("teams", {"id": i, "name": name, "secret": r.choice(WORDS), "budget": r.randint(0, 99)}))
    rows += [("teams", {"id": i, "name": "unseen", "secret": None, "budget": 1}) for i in r.sample(range(50, 90), r.randint(1, 20))]
    for i in range(1, 32):
        rows.append(("people", {"id": i, "name": shared.choice(WORDS), "score": shared.randint(0, 9), "mail": f"{r.random()}@x",
                                "salary": r.randint(0, 10**6), "card": r.choice(['"x"', '{"a": 1}', None])}))
    seen, unseen = visible_rows(shared), hidden_rows(r)
    # Unseen rows stand between the others, the order within each kind stays.
    order = ["members", "notes", "tasks", "docs", "hidden"]
    mixed = seen + unseen
    places = {id(row): position for row, position in zip(map(lambda x: x[1], seen), sorted(r.random() for _ in seen))}
    mixed.sort(key=lambda x: (order.index(x[0]), places.get(id(x[1]), r.random())))
    return "\n".join(insert(table, row) for table, row in rows + mixed)


class Generator:
    """Requests of one seed."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)

    def value(self, kind: str) -> str:
        r = self.r
        return {
            "int": lambda: str(r.choice([0, 1, 2, 3, 5, 7, 20, 500, 503, -1, 2147483647])),
            "num": lambda: r.choice(["1.5", "0", "42.42", "99"]),
            "text": lambda: quote(r.choice([*WORDS[:3], "secret*", "*a*", "x", "5", "%5E[ab]"]), safe="*%"),
            "uuid": lambda: r.choice([USER, OTHER]),
            "bool": lambda: r.choice(["true", "false"]),
            "time": lambda: "2024-05-01T00:00:00Z",
            "json": lambda: quote(r.choice(['{"a":1}', "[1]", '"x"', "{}", "{bad"])),
            "array": lambda: r.choice(["{a}", "{b,a}", "{}"]),
        }[kind]()

    def condition(self, table: str, dotted: bool) -> str:
        r = self.r
        columns, withheld, _ = TABLES[table]
        column, kind = r.choice(list(columns.items()))
        chance = r.random()
        if withheld and chance < 0.1:
            column, kind = r.choice(withheld), "text"
        elif table == "notes" and chance < 0.08:
            column, kind = "inverse", "int"
        elif chance > 0.98:
            column = "nothing"
        if kind == "json" and r.random() < 0.6:
            column, kind = column + r.choice(["->>a", "->b->>c", "->l->>0", "->a", "->>0"]), "text"
        operator = r.choice(OPERATORS[kind])
        if operator == "in":
            value = "(" + ",".join('"' + self.value(kind) + '"' for _ in range(3)) + ")"
        elif operator == "is":
            value = r.choice(["null", "not_null"] if kind != "bool" else ["true", "false", "null", "unknown"])
        elif operator in ("match", "imatch"):
            value = quote(r.choice(["^a", "secret", "[0-9]+", "(", "[x", "a{1,2}", ".*"]), safe="") if not dotted else "sec"
        elif r.random() < 0.05 and operator in ("eq", "gt", "like"):
            operator, value = operator + r.choice(["(any)", "(all)"]), "{" + self.value(kind) + "}"
        else:
            value = self.value(kind)
        if dotted and operator != "in":
            value = value if all(c.isalnum() or c in "-{}*" for c in value) else f'"{value}"'
        negated = "not." if r.random() < 0.2 else ""
        return f"{column}{'.' if dotted else '='}{negated}{operator}.{value}"

    def tree(self, table: str, depth: int) -> str:
        parts = [
            f"{self.r.choice(['and', 'or', 'not.and', 'not.or'])}{self.tree(table, depth - 1)}"
            if depth and self.r.random() < 0.3 else self.condition(table, True)
            for _ in range(self.r.randint(2, 3))
        ]
        return f"({','.join(parts)})"

    def select(self, table: str, depth: int) -> tuple[str, list[str]]:
        """The list and the tables embedded."""
        r = self.r
        columns, withheld, others = TABLES[table]
        parts, embedded = ["*"] if r.random() < 0.5 and not withheld else r.sample(list(columns), r.randint(1, len(columns))), []
        if withheld and r.random() < 0.12:
            parts = [*parts, r.choice([*withheld, "*", withheld[-1] + "->a", withheld[0] + "::text"])]
        if table == "notes" and r.random() < 0.2:
            parts += [r.choice(["inverse", "word:body::int", "x:data->>a", "y:data->b->c", "z:n::text", "few:data->>a::int"])]
        if r.random() < 0.05:
            parts = [r.choice(["count()", "n.sum()", "n.max(),state"])]
        if depth and others and r.random() < 0.6:
            for other in r.sample(others, r.randint(1, min(2, len(others)))):
                inner, _ = self.select(other, depth - 1)
                hint = r.choice(["", "", "", "!inner", "!left"])
                spread = "..." if r.random() < 0.1 else ""
                parts.append(f"{spread}{other}{hint}({inner})" if r.random() < 0.9 else f"{other}(count)")
                embedded.append(other)
        return ",".join(parts), embedded

    def query(self, table: str, filters: int) -> list[str]:
        r = self.r
        select, embedded = self.select(table, 2)
        query = [f"select={select}"] if r.random() < 0.8 else []
        query += [self.condition(table, False) for _ in range(r.choice([0, 0, 1, filters]))]
        if r.random() < 0.15:
            query.append(f"{r.choice(['and', 'or', 'not.or'])}={self.tree(table, 2)}")
        for other in embedded if query and query[0].startswith("select=") else []:
            chance = r.random()
            if chance < 0.3:
                query.append(f"{other}.{self.condition(other, False)}")
            elif chance < 0.4:
                query.append(f"{other}={r.choice(['is.null', 'not.is.null'])}")
            elif chance < 0.5:
                query.append(f"{other}.or={self.tree(other, 1)}")
            elif chance < 0.6:
                query += [f"{other}.order=id.desc", f"{other}.limit=2"]
        if r.random() < 0.5:
            names = [*TABLES[table][0], *TABLES[table][1][:1], *(["inverse", "data->>a"] if table == "notes" else [])]
            order = f"{r.choice(names)}{r.choice(['', '.desc', '.asc.nullsfirst', '.desc.nullslast'])}"
            query.append(f"order={order}" + (",id" if table != "members" else ""))
        if r.random() < 0.25:
            query.append(f"limit={r.randint(0, 12)}")
        if r.random() < 0.15:
            query.append(f"offset={r.choice([0, 1, 5, 50])}")
        return query

    def read(self):
        r = self.r
        headers = {}
        if r.random() < 0.35:
            headers["Prefer"] = f"count={r.choice(['exact', 'planned', 'estimated'])}"
        if r.random() < 0.1:
            headers["Accept"] = r.choice(["text/csv", "text/csv", "application/vnd.pgrst.object+json", "application/vnd.pgrst.plan+json"])
        if r.random() < 0.1:
            headers |= {"Range-Unit": "items", "Range": f"{r.randint(0, 9)}-{r.randint(9, 60)}"}
        table = r.choice([*["notes", "tasks", "docs"] * 3, *TABLES])
        path = f"/{table}"
        query = self.query(table, 2)
        if r.random() < 0.12:
            path, query = r.choice([("/rpc/notes_from", ["low=2", *self.query("notes", 1)]), ("/rpc/note_count", []),
                                    ("/rpc/shares", ["share=gt.2", "order=id"]), ("/rpc/in_team", [f"t={r.randint(1, 5)}"])])
        if r.random() < 0.02:
            path = r.choice(["/secrets", "/note", "/hidde", "/rpc/in_tea", "/rpc/shares"])
        return r.choice(["GET"] * 9 + ["HEAD"]), f"{path}?{'&'.join(query)}", headers, None

    def row(self, table: str) -> dict:
        r = self.r
        team, about = r.choice([1, 1, 2, 3, None]), r.choice([None, r.randint(1, 19), 9999 if r.random() < 0.1 else 7])
        return {
            "notes": lambda: {**note(r, 0, r.choice([USER, USER, USER, OTHER]), r.random() < 0.5), "data": {"a": r.randint(0, 5)}, "tags": ["a"]},
            "tasks": lambda: {"team_id": team, "note_id": about, "label": r.choice(WORDS), "n": r.randint(1, 9), "state": r.choice(["open", "public"])},
            "docs": lambda: {"team_id": team, "note_id": about, "title": r.choice(WORDS), "level": r.randint(-2, 4), "body": "4"},
            "people": lambda: {"name": r.choice(WORDS), "score": r.randint(0, 9), **({"salary": 5} if r.random() < 0.1 else {})},
        }[table]()

    def write(self):
        """Keys 20 to 39 only: no unseen row has or names them."""
        r = self.r
        table = r.choice(["notes", "tasks", "docs", "people"])
        key = lambda: r.randint(20, 39)
        prefer = [r.choice(["return=representation", "return=representation", "return=minimal", "return=headers-only"])]
        if r.random() < 0.3:
            prefer.append("count=exact")
        query = [f"select={self.select(table, 1)[0]}"] if r.random() < 0.7 else []
        method, body = r.choice(["POST", "POST", "PATCH", "DELETE"]), None
        if method == "POST":
            body = [{"id": i, **{k: v for k, v in self.row(table).items() if k != "id"}} for i in {key() for _ in range(r.randint(1, 2))}]
            if r.random() < 0.5:
                prefer.append(f"resolution={r.choice(['merge', 'ignore'])}-duplicates")
                query += ["on_conflict=id"] if r.random() < 0.5 else []
        else:
            query.append(f"id=in.({','.join(str(key()) for _ in range(4))})")
            query += [self.condition(table, False)] if r.random() < 0.4 else []
            if method == "PATCH":
                made = {k: v for k, v in self.row(table).items() if k != "id"}
                body = {k: made[k] for k in r.sample(list(made), r.randint(1, min(3, len(made))))}
        return method, f"/{table}?{'&'.join(query)}", {"Prefer": ",".join(prefer)}, body

    def request(self):
        who = self.r.choice(["anon", USER, USER])
        return who, *(self.read() if self.r.random() < 0.7 else self.write())


def answered(answer: httpx.Response):
    headers = sorted((k, v) for k, v in answer.headers.items() if k not in ("date", "x-request-id"))
    return answer.status_code, headers, answer.content


class Twins:
    def __init__(self, servers: list[Server]):
        self.servers = servers
        self.clients = [httpx.Client(base_url=f"{server.url}/rest/v1", timeout=60) for server in servers]
        self.sent_as = {who: [server.headers(who) for server in servers] for who in ("anon", USER, "service")}
        self.pool = ThreadPoolExecutor(2)

    def ask(self, who, method, target, headers, body):
        def one(place: int) -> httpx.Response:
            sent = {**self.sent_as[who][place], **headers, **({"Content-Type": "application/json"} if body is not None else {})}
            content = json.dumps(body) if body is not None else None
            return self.clients[place].request(method, target, headers=sent, content=content)

        return list(self.pool.map(one, range(2)))


@pytest.fixture(scope="module")
def twins():
    servers = []
    for own in (1, 2):
        project = Project({"migrations/0001_schema.sql": SCHEMA, "migrations/0002_rows.sql": data(SEED, own)}, SETTINGS)
        servers.append(Server(project))
    yield Twins(servers)
    for server in servers:
        server.stop()
        server.project.remove()


@pytest.mark.parametrize("table", list(TABLES))
def test_the_twins_differ_where_nobody_looks(twins, table):
    first, second = twins.ask("service", "GET", f"/{table}", {}, None)
    assert first.status_code == second.status_code == 200
    assert first.content != second.content


def test_d20_hidden_data_changes_no_answer(twins):
    generator = Generator(SEED)
    told, differences = 0, []
    for number in range(REQUESTS):
        who, method, target, headers, body = generator.request()
        first, second = twins.ask(who, method, target, headers, body)
        if answered(first) != answered(second):
            differences.append(
                f"seed {SEED}, request {number}: {method} {target}\n  as {who} {headers} {json.dumps(body)}\n"
                f"  first: {first.status_code} {dict(first.headers)} {first.text[:600]}\n"
                f"  other: {second.status_code} {dict(second.headers)} {second.text[:600]}"
            )
            if method not in ("GET", "HEAD") or len(differences) > 20:
                break
        assert first.status_code < 500, f"seed {SEED}, request {number}: {method} {target} {body}\n{first.text}"
        told += first.status_code < 300 and len(first.content) > 2
    assert not differences, "\n".join(differences)
    assert told > REQUESTS * 0.25, f"only {told} of {REQUESTS} answers show rows"


def test_a_caller_who_sees_everything_is_told_apart(twins):
    """The comparison itself: the same reads as the service must show what differs."""
    generator = Generator(SEED)
    pairs = [twins.ask("service", *generator.read()) for _ in range(100)]
    assert sum(answered(first) != answered(second) for first, second in pairs) > 20
