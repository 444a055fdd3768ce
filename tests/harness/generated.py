"""Generated projects and requests that mean the same on every engine.

`World` writes a schema of one seed: tables of many types with keys, checks, defaults, generated
columns, policies and grants, views and functions. `Requests` writes what callers ask of it. Both are
data (`Part`, `Request`), so that they can be made smaller.
"""

import json
import random
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from harness.referee import literal
from harness.rules import CALLERS, MEMBERS, USERS, policies

WORDS = ["alpha", "Beta", "gamma ray", "50%", "a.b", "a_b", "[x", "zürich", "", " pad ", "O'Hara", 'q"q', "a,b", "(p)", "null"]
INTS = [0, 1, 2, 3, 7, -1, -40, 100]

# Values that a type holds, and texts for it that requests send: some of them are no values of it.
TYPES: dict[str, tuple[list, list[str]]] = {
    "int": ([*INTS, 2147483647, -2147483648], ["x", "1.5", "2147483648", "", " 3 ", "+4"]),
    "smallint": ([*INTS, 32767], ["32768", "x"]),
    "bigint": ([*INTS, 9007199254740993], ["9223372036854775808", "1e3"]),
    "numeric": (["0", "1.50", "-2.25", "100", "0.000001", "12345678901234567890.5"], ["x", "1e2", "NaN", ".5", "1_000"]),
    "numeric(6,2)": (["0.00", "1.50", "-2.25", "9999.99"], ["10000", "1.005", "NaN"]),
    "double precision": (["0", "1.5", "-2.25", "1e20", "0.1"], ["x", "NaN", "Infinity", "1e400"]),
    "real": (["0", "1.5", "-2.25"], ["x", "1e39"]),
    "text": (WORDS, []),
    "varchar(6)": (["ab", "Beta", "", "sechs6"], ["seven77"]),
    "char(4)": (["ab", "abcd", ""], ["abcde", "ab   "]),
    "boolean": ([True, False], ["t", "no", "on", "maybe", "1"]),
    "uuid": ([*USERS, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], ["{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "x"]),
    "date": (["2024-02-29", "1999-12-31", "infinity", "0044-03-15 BC"], ["2023-02-29", "Jan 8, 1999", "x"]),
    "time": (["00:00:00", "23:59:59.5", "24:00:00"], ["25:00", "04:05 PM"]),
    "timestamp": (["2024-02-29 12:00:00", "1999-12-31 23:59:59.123456"], ["x", "2024-13-01", "20240229T120000"]),
    "timestamptz": (["2024-02-29 12:00:00+00", "1999-12-31 23:59:59.5+02", "-infinity"], ["x", "2024-02-29 12:00 Europe/Berlin"]),
    "interval": (["1 day", "2 mons 3 days 04:05:06", "-1 year"], ["x", "P1Y2M", "1 day ago"]),
    "jsonb": (['{"a": 1, "b": {"c": "x"}}', "[1, 2, {\"a\": null}]", '"text"', "null", "1.50", "{}"], ["{bad", "x"]),
    "json": (['{"b": 1,  "a": 2}', "[]", "true"], ["{bad"]),
    "bytea": (["\\x00ff", "\\x"], ["\\xzz", "abc"]),
    "int[]": (["{1,2,3}", "{}", "{NULL,5}"], ["{x}", "1,2"]),
    "text[]": (['{a,b}', '{}', '{"a b",NULL,""}'], ["{a"]),
    "int4range": (["[1,5)", "(2,9]", "empty", "[3,)"], ["[5,1)", "x"]),
    "mood": (["sad", "ok", "happy"], ["SAD", "angry"]),
    "small": ([1, 5, 99], ["0", "100", "x"]),
}
ORDERED = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "isdistinct", "is"]
TEXT = [*ORDERED, "like", "ilike", "match", "imatch", "fts", "plfts", "phfts", "wfts"]
CONTAINERS = ["eq", "neq", "cs", "cd", "is"]
OPERATORS = {
    "text": TEXT, "varchar(6)": TEXT, "char(4)": [*ORDERED, "like"], "jsonb": CONTAINERS, "json": ["is", "eq"],
    "int[]": [*CONTAINERS, "ov"], "text[]": [*CONTAINERS, "ov"], "int4range": [*CONTAINERS, "ov", "sl", "sr", "nxr", "nxl", "adj"],
    "boolean": ["eq", "neq", "is", "in", "isdistinct"],
}
COMMON = {"owner": "uuid", "grp": "int", "n": "int", "s": "text", "flag": "boolean"}
CASTS = ["text", "int", "numeric", "date", "jsonb", "uuid", "boolean"]


def value(r: random.Random, kind: str):
    return None if r.random() < 0.15 else r.choice(TYPES[kind][0])


@dataclass
class Table:
    name: str
    key: list[str]
    columns: dict[str, str]
    generated: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)  # column: table
    rows: list[dict] = field(default_factory=list)
    writable: bool = True

    @property
    def readable(self) -> dict[str, str]:
        return {**self.columns, **self.generated}


@dataclass(frozen=True)
class Part:
    """A piece of a schema: a statement (`table` is empty), or a line or row of a table. `about` is what it belongs to."""

    text: str = ""
    table: str = ""
    column: str = ""
    row: tuple = ()
    about: str = ""

    def belongs_to(self, name: str) -> bool:
        return name in (self.table, self.about)


def schema(parts: list[Part]) -> str:
    """The text of these parts; rows have the columns that their table still has."""
    lines = {part.table: [one for one in parts if one.table == part.table and not one.row] for part in parts if part.table}
    written, text = set(), []
    for part in parts:
        if part.row and lines[part.table]:
            columns = {one.column for one in lines[part.table]}
            row = {column: value for column, value in part.row if column in columns}
            text.append(f"insert into public.{part.table} ({', '.join(row)}) values ({', '.join(map(literal, row.values()))});")
        elif part.table and not part.row and part.table not in written:
            written.add(part.table)
            text.append(f"create table public.{part.table} (\n  " + ",\n  ".join(one.text for one in lines[part.table]) + "\n);")
        elif not part.table:
            text.append(part.text)
    return "\n".join(text)


COMMON_PARTS = [
    Part("create type public.mood as enum ('sad', 'ok', 'happy');"),
    Part("create domain public.small as int check (value between 1 and 99);"),
    Part("user_id uuid not null", "members", "user_id"),
    Part("grp int", "members", "grp"),
    Part("alter table public.members enable row level security;", about="members"),
    Part("create policy everybody on public.members for select using (true);", about="members"),
    *[Part(table="members", row=(("user_id", user), ("grp", group))) for user, group in MEMBERS],
]


class World:
    """A schema of one seed."""

    def __init__(self, seed: int, tables: int = 6, views: int = 3):
        self.r = random.Random(seed)
        self.tables: dict[str, Table] = {}
        # What views are over.
        self.bases: dict[str, str] = {}
        self.parts = list(COMMON_PARTS)
        for number in range(tables):
            self.table(f"t{number}")
        for number in range(views):
            self.view(f"v{number}")

    def table(self, name: str) -> None:
        r = self.r
        kind = r.choice(["int", "int", "identity", "uuid", "text", "pair"])
        key = ["a", "b"] if kind == "pair" else ["id"]
        columns = {"a": "int", "b": "text"} if kind == "pair" else {"id": {"identity": "int"}.get(kind, kind)}
        columns |= COMMON | {f"c{i}": chosen for i, chosen in enumerate(r.sample(list(TYPES), 5))}
        table = Table(name, key, columns)
        lines = []
        for column, ty in columns.items():
            identity = " generated by default as identity" if kind == "identity" and column == "id" else ""
            lines.append(Part(f"{column} {ty}{identity}{self.default(column, ty, table)}", name, column))
        if r.random() < 0.7:
            column, ty, text = r.choice([("g", "int", "n / 2"), ("g", "text", "upper(s)"), ("g", "int", "length(s)"), ("g", "boolean", "n > 1")])
            table.generated[column] = ty
            lines.append(Part(f"{column} {ty} generated always as ({text}) stored", name))
        lines.append(Part(f"primary key ({', '.join(key)})", name))
        lines += [Part(line, name) for line in r.sample(["check (n < 1000)", "check (s <> 'bad')", f"constraint {name}_late check (grp is null or grp > -100)", "unique (n, s, grp)"], 2)]
        for parent in [other for other in self.tables.values() if len(other.key) == 1 and other.writable][-2:]:
            column = f"{parent.name}_id"
            table.columns[column], table.parents[column] = parent.columns[parent.key[0]], parent.name
            action = r.choice(["", " on delete cascade", " on delete set null", " on update cascade on delete restrict"])
            lines.append(Part(f"{column} {table.columns[column]} references public.{parent.name}{action}", name, column))
        self.tables[name] = table
        self.fill(table)
        self.parts += [*lines, *[Part(table=name, row=tuple(row.items())) for row in table.rows]]
        made = []
        if kind == "identity":
            made.append(f"select setval('public.{name}_id_seq', 500);")
        if r.random() < 0.7:
            made.append(f"alter table public.{name} enable row level security;")
            made += [policy.sql(name) for policy in policies(r)]
        made += self.grants(table)
        self.parts += [Part(text, about=name) for text in made + self.functions(name)]

    def default(self, column: str, ty: str, table: Table) -> str:
        chance = self.r.random()
        if column in table.key or chance > 0.25:
            return ""
        if column == "owner":
            return " default auth.uid()"
        plain = [v for v in TYPES[ty][0] if v is not None]
        return f" default {literal(self.r.choice(plain))}" + (" not null" if chance < 0.08 and column.startswith("c") else "")

    def fill(self, table: Table) -> None:
        r, seen = self.r, set()
        for number in range(1, 16):
            row = {column: value(r, ty) for column, ty in table.columns.items()}
            row |= self.key(table, number) | {"n": r.choice([*INTS, None]), "owner": r.choice([*USERS, None]), "grp": r.choice([1, 2, 3, None])}
            for column, ty in table.columns.items():
                if row[column] is None and column.startswith("c"):
                    row[column] = r.choice(TYPES[ty][0])
            for column, parent in table.parents.items():
                other = self.tables[parent]
                row[column] = r.choice([None, *[one[other.key[0]] for one in other.rows]])
            if (unique := (row["n"], row["s"], row["grp"])) not in seen:
                table.rows.append(row)
            seen.add(unique)

    @staticmethod
    def key(table: Table, number: int) -> dict:
        if len(table.key) == 2:
            return {"a": number % 4, "b": f"k{number}"}
        return {"id": {"int": number, "text": f"k{number}", "uuid": f"00000000-0000-4000-8000-{number:012d}"}[table.columns["id"]]}

    def grants(self, table: Table) -> list[str]:
        r = self.r
        if r.random() < 0.6:
            return []
        some = ", ".join([*table.key, *r.sample(list(COMMON), 3)])
        return [
            f"revoke all on public.{table.name} from anon, authenticated;",
            f"grant select ({some}), insert ({some}), update ({some}) on public.{table.name} to {r.choice(['anon', 'anon, authenticated'])};",
            *([f"grant delete on public.{table.name} to authenticated;"] if r.random() < 0.5 else []),
        ]

    def functions(self, name: str) -> list[str]:
        definer = self.r.choice(["", " security definer set search_path = ''"])
        return [
            f"create function public.few_{name}(low int default 1) returns setof public.{name} language sql stable{definer}\n"
            f"as $$ select * from public.{name} where n >= low $$;",
            f"create function public.sum_{name}(x int, y int default 2) returns bigint language sql stable{definer}\n"
            f"as $$ select sum(n) + x * y from public.{name} $$;",
            f"create function public.mark_{name}(word text) returns setof public.{name} language sql volatile\n"
            f"as $$ update public.{name} set s = word where n = 1 returning * $$;",
            f"create function public.twice(public.{name}) returns int language sql stable as $$ select $1.n * 2 $$;",
        ]

    def view(self, name: str) -> None:
        r = self.r
        table = r.choice([one for one in self.tables.values() if one.writable])
        invoker = r.choice(["", " with (security_invoker = true)"])
        if r.random() < 0.6:
            chosen = {**{k: table.columns[k] for k in table.key}, **{c: table.readable[c] for c in r.sample([c for c in table.readable if c not in table.key], 4)}}
            text = f"select {', '.join(chosen)} from public.{table.name} where {r.choice(['n > 0', 'true', 's is not null'])}"
            self.tables[name] = Table(name, table.key, chosen, writable=False)
        else:
            text = f"select grp, count(*) as many, max(n) as most, string_agg(s, ',' order by s) as words from public.{table.name} group by grp"
            self.tables[name] = Table(name, ["grp"], {"grp": "int", "many": "bigint", "most": "int", "words": "text"}, writable=False)
        self.bases[name] = table.name
        self.parts.append(Part(f"create view public.{name}{invoker} as {text};", about=name))


@dataclass(frozen=True)
class Request:
    who: object  # a Caller, or "service"
    method: str
    path: str
    query: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: object = None

    def target(self) -> str:
        return f"{self.path}?{'&'.join(self.query)}" if self.query else self.path

    def smaller(self):
        """Requests with one part less."""
        for name in ("query", "prefer", "headers"):
            parts = getattr(self, name)
            for at in range(len(parts)):
                yield replace(self, **{name: parts[:at] + parts[at + 1:]})
        for at, part in enumerate(self.query):
            for less in shorter(part):
                yield replace(self, query=(*self.query[:at], less, *self.query[at + 1:]))
        if isinstance(self.body, list):
            for at in range(len(self.body)):
                yield replace(self, body=self.body[:at] + self.body[at + 1:])
            for key in {key for row in self.body for key in row}:
                yield replace(self, body=[{k: v for k, v in row.items() if k != key} for row in self.body])
        elif isinstance(self.body, dict):
            for key in self.body:
                yield replace(self, body={k: v for k, v in self.body.items() if k != key})
        if self.who != "service":
            yield replace(self, who="service")


def shorter(part: str):
    """A parameter with one element of its lists less."""
    depth, starts = 0, []
    for at, letter in enumerate(part):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "(" or (letter == "=" and not starts):
            starts.append((at + 1, depth))
    for start, level in starts:
        depth, cuts = level, [start]
        for at in range(start, len(part)):
            depth += {"(": 1, ")": -1}.get(part[at], 0)
            if depth < level or (part[at] == "," and depth == level):
                cuts.append(at + 1)
                if depth < level:
                    break
        else:
            cuts.append(len(part) + 1)
        if len(cuts) > 2:
            for first, last in zip(cuts, cuts[1:]):
                rest = part[start:first - 1] + part[last - 1:] if first > start else part[last:]
                yield part[:start] + rest


class Requests:
    """Requests of one seed to a world."""

    def __init__(self, world: World, seed: int):
        self.world, self.r = world, random.Random(seed)

    def text_of(self, ty: str) -> str:
        good, odd = TYPES[ty]
        chosen = self.r.choice(odd) if odd and self.r.random() < 0.15 else self.r.choice(good)
        return str(chosen).lower() if isinstance(chosen, bool) else str(chosen)

    def condition(self, table: Table, dotted: bool) -> str:
        r = self.r
        column, ty = r.choice(list(table.readable.items()))
        chance = r.random()
        if chance < 0.03 and table.writable:
            column, ty = "twice", "int"
        elif chance > 0.985:
            column = "nothing"
        if ty in ("json", "jsonb") and r.random() < 0.5:
            column, ty = column + r.choice(["->>a", "->b->>c", "->0", "->>0", "->a"]), "text"
        operator = r.choice(OPERATORS.get(ty, ORDERED)) if r.random() < 0.97 else r.choice([*TEXT, *CONTAINERS, "ov", "sl"])
        text = self.text_of(ty)
        if operator == "in":
            text = "(" + ",".join('"' + self.text_of(ty).replace("\\", "\\\\").replace('"', '\\"') + '"' for _ in range(r.randint(0, 3))) + ")"
        elif operator == "is":
            text = r.choice(["null", "not_null", "true", "false", "unknown"] if ty == "boolean" else ["null", "not_null"])
        elif operator in ("like", "ilike"):
            text = r.choice(["*a*", "B*", "_eta", "50\\%", "*", "a_b", "%"])
        elif operator in ("match", "imatch"):
            text = r.choice(["^a", "[0-9]+", "(", "a{1,2}", ".*", "\\d", "ü"])
        elif operator.endswith("fts"):
            operator, text = r.choice([operator, operator + "(english)", operator + "(simple)"]), r.choice(["alpha", "gamma ray", "x", "rays"])
        if r.random() < 0.04 and operator in ("eq", "gt", "lt", "like", "ilike"):
            operator, text = operator + r.choice(["(any)", "(all)"]), "{" + ",".join(json.dumps(self.text_of(ty)) for _ in range(2)) + "}"
        negated = "not." if r.random() < 0.2 else ""
        if dotted and operator != "in":
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if not text.isalnum() else text
        return f"{column}{'.' if dotted else '='}{negated}{operator}.{quote(text, safe='')}"

    def tree(self, table: Table, depth: int) -> str:
        r = self.r
        parts = [
            f"{r.choice(['and', 'or', 'not.and', 'not.or'])}{self.tree(table, depth - 1)}" if depth and r.random() < 0.3 else self.condition(table, True)
            for _ in range(r.randint(1, 3))
        ]
        return f"({','.join(parts)})"

    def neighbours(self, table: Table) -> list[str]:
        return [*table.parents.values(), *[one.name for one in self.world.tables.values() if table.name in one.parents.values()]]

    def select(self, table: Table, depth: int) -> tuple[str, list[str]]:
        r, columns = self.r, list(table.readable)
        parts, embedded = ["*"] if r.random() < 0.4 else r.sample(columns, r.randint(1, 4)), []
        if r.random() < 0.25:
            column = r.choice(columns)
            parts.append(r.choice([f"x:{column}", f"y:{column}::{r.choice(CASTS)}", f"{column}->a", f"z:{column}->>0"]))
        if r.random() < 0.05:
            parts = [r.choice(["count()", "n.sum()", "n.max(),s", "n.avg()", "total:n.sum(),grp", "flag.min()"])]
        others = self.neighbours(table)
        if depth and others and r.random() < 0.5:
            for other in r.sample(sorted(set(others)), r.randint(1, min(2, len(set(others))))):
                inner, _ = self.select(self.world.tables[other], depth - 1)
                spread = "..." if r.random() < 0.12 else ""
                parts.append(f"{spread}{other}{r.choice(['', '', '!inner', '!left'])}({inner})" if r.random() < 0.9 else f"{other}(count)")
                embedded.append(other)
        return ",".join(parts), embedded

    def order(self, table: Table) -> str:
        """Total: the key is its end."""
        r = self.r
        first = r.choice([*table.readable, *([f"{c}->a" for c, t in table.readable.items() if t == "jsonb"])])
        return f"{first}{r.choice(['', '.desc', '.asc.nullsfirst', '.desc.nullslast'])},{','.join(table.key)}"

    def query(self, table: Table, depth: int = 2) -> list[str]:
        r, query, embedded = self.r, [], []
        if r.random() < 0.8:
            select, embedded = self.select(table, depth)
            query.append(f"select={select}")
        query += [self.condition(table, False) for _ in range(r.choice([0, 1, 1, 2]))]
        if r.random() < 0.15:
            query.append(f"{r.choice(['and', 'or', 'not.or', 'not.and'])}={self.tree(table, 2)}")
        for other in embedded:
            inner, chance = self.world.tables[other], r.random()
            if chance < 0.25:
                query.append(f"{other}.{self.condition(inner, False)}")
            elif chance < 0.35:
                query.append(f"{other}={r.choice(['is.null', 'not.is.null'])}")
            elif chance < 0.45:
                query.append(f"{other}.or={self.tree(inner, 1)}")
            elif chance < 0.6:
                query += [f"{other}.order={self.order(inner)}", f"{other}.limit={r.randint(0, 3)}"]
        if r.random() < 0.5:
            query.append(f"order={self.order(table)}")
            query += [f"limit={r.choice([0, 1, 3, 12, 99])}"] if r.random() < 0.4 else []
            query += [f"offset={r.choice([0, 1, 5, 50])}"] if r.random() < 0.25 else []
        return query

    def read(self) -> Request:
        r = self.r
        table = r.choice(list(self.world.tables.values()))
        # The rows of an embed have no order in the text of a CSV.
        accept = r.choice(["text/csv", "application/vnd.pgrst.object+json", "application/vnd.pgrst.array+json;nulls=stripped"]) if r.random() < 0.12 else None
        headers, prefer = [("Accept", accept)] if accept else [], []
        path, query = f"/{table.name}", self.query(table, 0 if accept == "text/csv" else 2)
        if r.random() < 0.3:
            prefer.append("count=exact")
        if r.random() < 0.05:
            prefer.append("handling=strict")
        if r.random() < 0.1 and any(part.startswith("order=") for part in query):
            headers += [("Range-Unit", "items"), ("Range", f"{r.randint(0, 9)}-{r.randint(5, 40)}")]
        if r.random() < 0.02:
            path = r.choice(["/nothing", "/t", "/rpc/few_t", "/T1"])
        return Request(self.who(), r.choice(["GET"] * 9 + ["HEAD"]), path, tuple(query), tuple(prefer), tuple(headers))

    def who(self):
        return self.r.choice([*CALLERS, "service", "service", "service"])

    def call(self) -> Request:
        r = self.r
        table = r.choice([one for one in self.world.tables.values() if one.writable])
        number = str(r.choice([0, 1, 2, -5, "x", ""])) if r.random() < 0.3 else str(r.randint(0, 3))
        kind = r.choice(["few", "few", "sum", "sum", "mark"])
        if kind == "few" and r.random() < 0.6:
            return Request(self.who(), "GET", f"/rpc/few_{table.name}", (f"low={number}", *self.query(table)))
        arguments = {"few": {"low": number}, "sum": {"x": r.choice([number, 3, None, 2.5]), **({"y": 5} if r.random() < 0.5 else {})}, "mark": {"word": r.choice(WORDS)}}[kind]
        query = tuple(self.query(table)) if kind != "sum" else ()
        return Request(self.who(), "POST", f"/rpc/{kind}_{table.name}", query, (), (), arguments)

    def row(self, table: Table) -> dict:
        r = self.r
        row = dict(r.choice(table.rows)) if r.random() < 0.5 else {c: value(r, ty) for c, ty in table.columns.items()}
        for column, ty in table.columns.items():
            if column not in table.key and column not in table.parents and r.random() < 0.1:
                row[column] = self.text_of(ty)
            if ty in ("json", "jsonb") and isinstance(row.get(column), str) and r.random() < 0.7 and row[column][:1] not in "{x":
                row[column] = json.loads(row[column]) if row[column] != "null" else None
        row |= self.world.key(table, r.choice([1, 2, 3, 5, 8, 20, 21, 22]))
        for column in [c for c in list(row) if c not in table.key and r.random() < 0.3]:
            del row[column]
        if table.generated and r.random() < 0.03:
            row["g"] = 1
        if r.random() < 0.02:
            row["nothing"] = 1
        return row

    def write(self) -> Request:
        r = self.r
        table = r.choice([one for one in self.world.tables.values() if one.writable])
        prefer = [r.choice(["return=representation", "return=representation", "return=minimal", "return=headers-only"])]
        prefer += ["count=exact"] if r.random() < 0.3 else []
        query = [f"select={self.select(table, 1)[0]}"] if r.random() < 0.6 else []
        method, body = r.choice(["POST", "POST", "PATCH", "DELETE", "PUT"]), None
        if method == "POST":
            body = [self.row(table) for _ in range(r.choice([1, 1, 2]))]
            if len(body) == 2 and r.random() < 0.6:
                body = [{key: row.get(key) for key in body[0]} for row in body]
            prefer += r.choice([[], [], ["missing=default"]])
            if r.random() < 0.5:
                prefer.append(f"resolution={r.choice(['merge', 'ignore'])}-duplicates")
                query += r.choice([[], [], [f"on_conflict={','.join(table.key)}"], ["on_conflict=n,s,grp"], ["on_conflict=s"]])
            if r.random() < 0.15:
                query.append(f"columns={','.join(r.sample(list(table.columns), 3))}")
        elif method == "PUT":
            row = self.row(table)
            body = [{**{column: None for column in table.columns}, **row}]
            query = [*query, *[f"{column}=eq.{quote(str(row[column]))}" for column in table.key]]
        else:
            query += [self.condition(table, False) for _ in range(r.choice([1, 1, 2]))]
            if method == "PATCH":
                row = self.row(table)
                names = r.sample(list(row), min(len(row), r.randint(0, 2)))
                body = {name: row[name] for name in names}
        return Request(self.who(), method, f"/{table.name}", tuple(query), tuple(prefer), (), body)

    def request(self) -> Request:
        chance = self.r.random()
        return self.read() if chance < 0.6 else self.write() if chance < 0.9 else self.call()
