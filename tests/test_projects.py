"""Projects as people write them for Supabase start as they lie, and answer alike on both engines.

`projects/NAME/supabase/` is such a project: migrations, seed, `config.toml`. `projects/NAME/requests.yaml`
names its users, and holds what its app asks, with the status that both engines must answer; the bodies
are compared between the engines. Then requests are generated from what the project serves.
"""

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import yaml

from harness.generated import Request
from harness.server import Project, Server
from test_differential import COMPARED, seen

FOLDER = Path(__file__).parent / "projects"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
GENERATED = 150
SETTINGS = '[api]\ntx_end = "commit-allow-override"\n'
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Clocks tick between the engines. What a seed says lies in the past.
NOW = re.compile(r"(202[6-9]|20[3-9]\d)-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|\+\d\d|Z)?)?")
TOKEN = re.compile(r'(?<=token":")[A-Za-z0-9]{20,}|(?<=, )[A-Za-z0-9]{30,}(?=,)')


class Pair:
    """The project on both engines, with the same users."""

    def __init__(self, name: str, databases):
        self.plan = yaml.safe_load((FOLDER / name / "requests.yaml").read_text())
        self.known_ids = set(ID.findall("".join(path.read_text() for path in (FOLDER / name).rglob("*.*"))))
        self.servers: list[Server] = []
        try:
            for engine in ("sqlite", "postgres"):
                project = Project.copy_of(FOLDER / name)
                project.write({"backstay.toml": SETTINGS})
                self.servers.append(Server(project, "dev", databases.environment(engine)))
        except RuntimeError:
            self.stop()
            raise
        self.clients = [httpx.Client(base_url=server.url, timeout=60) for server in self.servers]
        self.callers = ["anon", "service", *self.plan["users"]]
        self.pool = ThreadPoolExecutor(2)

    def stop(self) -> None:
        for server in self.servers:
            server.client.close()
            server.stop()
            server.project.remove()

    def headers(self, server: Server, who: str) -> dict[str, str]:
        user = self.plan["users"].get(who)
        if user is None:
            return server.headers(who)
        claims = dict(user) if isinstance(user, dict) else {"sub": user}
        return server.headers({"role": "authenticated", **claims})

    def ask(self, request: Request, rolled_back: bool = False) -> list[httpx.Response]:
        prefer = [*request.prefer, *(["tx=rollback"] if rolled_back else [])]
        sent = {**dict(request.headers), **({"Prefer": ", ".join(prefer)} if prefer else {})}
        content = None if request.body is None else json.dumps(request.body)
        if content is not None:
            sent["Content-Type"] = "application/json"

        def one(place: int) -> httpx.Response:
            headers = {**self.headers(self.servers[place], request.who), **sent}
            return self.clients[place].request(request.method, request.target(), headers=headers, content=content)

        return list(self.pool.map(one, range(2)))

    def masked(self, request: Request, answer: httpx.Response):
        """What is compared: ids and times that the server chose are the same."""
        text = NOW.sub("now", answer.text)
        text = TOKEN.sub("token", text)
        text = ID.sub(lambda found: found[0] if found[0] in self.known_ids else "an id", text)
        if not request.path.startswith("/rest/"):
            return answer.status_code
        headers = {name: ID.sub("an id", answer.headers[name]) for name in COMPARED if name in answer.headers}
        return seen(request, httpx.Response(answer.status_code, headers=headers, text=text))

    def is_common(self, value) -> bool:
        """Do both engines have this value?"""
        text = json.dumps(value)
        return not NOW.search(text) and set(ID.findall(text)) <= self.known_ids and not TOKEN.search(text)

    def alike(self, request: Request, answers) -> bool:
        first, second = (self.masked(request, answer) for answer in answers)
        return first == second

    def differ(self, request: Request, rolled_back: bool = False):
        answers = self.ask(request, rolled_back)
        return None if self.alike(request, answers) or meets_another_first(request, answers) else answers

    def learn(self) -> dict[str, dict]:
        """Tables and views with columns, keys, references and rows; functions with their arguments."""
        described = self.ask(Request("service", "GET", "/rest/v1/"))[0].json()
        tables, functions = {}, {}
        for path, operations in described["paths"].items():
            name = path[1:]
            if name.startswith("rpc/"):
                schema = next(p["schema"] for p in operations["post"]["parameters"] if "schema" in p)
                functions[name] = {arg: of.get("format") for arg, of in schema.get("properties", {}).items()}
            elif name:
                columns = described["definitions"][name]["properties"]
                notes = {column: of.get("description", "") for column, of in columns.items()}
                tables[name] = {
                    "columns": {column: of.get("format") for column, of in columns.items()},
                    "key": [column for column, note in notes.items() if "<pk/>" in note],
                    "embeds": re.findall(r"<fk table='([^']+)'", " ".join(notes.values())),
                    "rows": self.ask(Request("service", "GET", f"/rest/v1/{name}", ("limit=50",)))[0].json(),
                    "written": "post" in operations,
                }
        return {"tables": tables, "functions": functions}


def meets_another_first(request: Request, answers) -> bool:
    """Both refuse for the same reason, and name another relation or row (docs/engine-differences.md)."""
    if request.method == "GET" and request.path.startswith("/rest/v1/rpc/"):
        return False
    errors = [answer.json() if answer.status_code >= 400 and answer.content else {} for answer in answers]
    codes, messages = ([error.get(part) for error in errors] for part in ("code", "message"))
    if codes == ["42501", "42501"]:
        return all("permission denied for" in message for message in messages)
    several = request.method in ("PATCH", "DELETE")
    return several and codes[0] == codes[1] in ("23503", "23505", "23514") and messages[0] == messages[1]


def told(request: Request, answers) -> str:
    first, second = (f"{answer.status_code} {answer.headers.get('content-range')} {answer.text[:800]}" for answer in answers)
    return f"{request.who}: {request.method} {request.target()} {json.dumps(request.body)} {request.prefer}\n  SQLite:     {first}\n  PostgreSQL: {second}"


class Requests:
    """Requests of one seed, made of what a project serves and of values that its rows hold."""

    def __init__(self, pair: Pair, seed: str):
        self.callers, self.r = pair.callers, random.Random(seed)
        served = pair.learn()
        self.tables, self.functions = served["tables"], served["functions"]
        self.pool: dict[str, list] = {"boolean": [True, False], "integer": [0, 1, 2], "text": ["", "x"]}
        for table in self.tables.values():
            # What the server chose is not the same on both: rows with such keys have no common order.
            keys = [row[column] for row in table["rows"] for column in table["key"]]
            table["ordered"] = all(pair.is_common(value) for value in keys)
            table["common"] = {
                column: kind for column, kind in table["columns"].items()
                if all(pair.is_common(row[column]) for row in table["rows"])
            }
            for row in table["rows"]:
                for column, kind in table["columns"].items():
                    if pair.is_common(row[column]):
                        self.pool.setdefault(kind, []).append(row[column])
        for name in pair.plan.get("random", []):
            del self.functions[f"rpc/{name}"]

    def value(self, kind: str):
        return self.r.choice(self.pool.get(kind) or [None])

    def term(self, table: dict) -> str:
        column, kind = self.r.choice(list(table["common"].items()))
        value = self.value(kind)
        if value is None:
            return f"{column}={self.r.choice(['is', 'not.is'])}.null"
        if isinstance(value, bool):
            return f"{column}=is.{str(value).lower()}"
        text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
        if isinstance(value, list) and kind.endswith("[]"):
            text = "{" + ",".join(json.dumps(one) for one in value) + "}"
            return f"{column}={self.r.choice(['eq', 'cs', 'ov', 'cd'])}.{quote(text)}"
        operators = ["eq", "neq"] + (["gt", "lte"] if not kind.startswith("json") and kind != "boolean" else [])
        if kind in ("json", "tsvector"):
            return f"{column}=not.is.null"
        return f"{column}={self.r.choice(operators)}.{quote(text)}"

    def read(self) -> Request:
        name, table = self.r.choice(list(self.tables.items()))
        query = []
        columns = list(table["columns"])
        if self.r.random() < 0.5:
            shown = self.r.sample(columns, self.r.randint(1, len(columns)))
            shown += [f"{target}({'*' if self.r.random() < 0.7 else 'count'})" for target in table["embeds"] if target in self.tables and self.r.random() < 0.4]
            query.append(f"select={','.join(shown)}")
        query += [self.term(table) for _ in range(self.r.choice([0, 0, 1, 1, 2]))]
        ordered = table["key"] or [column for column, kind in table["columns"].items() if kind not in ("json", "jsonb")]
        if table["ordered"]:
            query.append("order=" + ",".join(f"{column}.{self.r.choice(['asc', 'desc', 'desc.nullslast'])}" for column in ordered))
        if table["ordered"] and self.r.random() < 0.3:
            query.append(f"limit={self.r.randint(0, 3)}")
        prefer = ("count=exact",) if self.r.random() < 0.3 else ()
        return Request(self.r.choice(self.callers), "GET", f"/rest/v1/{name}", tuple(query), prefer)

    def write(self) -> Request:
        name, table = self.r.choice([item for item in self.tables.items() if item[1]["written"]])
        who, r = self.r.choice(self.callers), self.r
        query: list[str] = []
        prefer = [r.choice(["return=representation", "return=minimal", "return=headers-only"])]
        common = table["common"]
        row = {column: value for column, value in (r.choice(table["rows"]) if table["rows"] else {}).items() if column in common}
        for column in r.sample(list(common), min(2, len(common))):
            row[column] = self.value(common[column])
        method = r.choice(["POST", "POST", "PATCH", "PATCH", "DELETE"])
        if method == "POST":
            dropped = r.sample(list(row), r.randint(0, len(row)))
            body = {column: value for column, value in row.items() if column not in dropped}
            if r.random() < 0.3:
                prefer.append(f"resolution={r.choice(['merge', 'ignore'])}-duplicates")
            return Request(who, "POST", f"/rest/v1/{name}", (), tuple(prefer), body=body)
        query += [self.term(table) for _ in range(r.choice([1, 1, 2]))]
        body = {column: row[column] for column in r.sample(list(row), min(len(row), 2))} if method == "PATCH" and row else None
        if method == "PATCH" and not body:
            method = "DELETE"
        return Request(who, method, f"/rest/v1/{name}", tuple(query), tuple(prefer), body=body)

    def call(self) -> Request:
        name, arguments = self.r.choice(list(self.functions.items()))
        given = {argument: self.value(kind) for argument, kind in arguments.items() if self.r.random() < 0.9}
        return Request(self.r.choice(self.callers), "POST", f"/rest/v1/{name}", (), body=given)

    def request(self) -> Request:
        makers = [self.read, self.read, self.write, self.write] + ([self.call] if self.functions else [])
        return self.r.choice(makers)()


def written(plan: dict) -> list[tuple[Request, int]]:
    """The requests of the app: `[who, "METHOD /path?query", status]`, then a body and preferences."""
    made = []
    for who, line, status, *more in plan["requests"]:
        method, target = line.split(" ", 1)
        path, _, query = target.partition("?")
        path = path if path.startswith("/auth/") else f"/rest/v1{path}"
        body, prefer = (*more, None, None)[:2]
        made.append((Request(who, method, path, tuple(query.split("&")) if query else (), tuple(prefer or ()), body=body), status))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_p23_a_project_answers_alike_on_both_engines(name, databases):
    pair = Pair(name, databases)
    problems = []
    try:
        generated = Requests(pair, name)
        for _ in range(GENERATED):
            request = generated.request()
            found = pair.differ(request, rolled_back=request.method != "GET")
            if found:
                problems.append(told(request, found))
        for request, status in written(pair.plan):
            answers = pair.ask(request)
            if any(answer.status_code != status for answer in answers) or not pair.alike(request, answers):
                problems.append(f"expected {status}, {told(request, answers)}")
        for table in generated.tables:
            if found := pair.differ(Request("service", "GET", f"/rest/v1/{table}")):
                problems.append(f"at the end, {told(Request('service', 'GET', table), found)}")
    finally:
        pair.stop()
    assert not problems, f"{len(problems)} differences\n" + "\n".join(problems[:12])


def test_there_are_ten_projects():
    assert len(NAMES) >= 10
