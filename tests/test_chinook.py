"""The Chinook music shop, asked with the real clients of JavaScript and Python, against PostgreSQL's own answers.

Both hold the same migrations. `clients/chinook.mjs` and `clients/chinook_queries.py` ask the server;
`clients/chinook_answers.sql` says the same in plain SQL, which PostgreSQL answers here.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.postgres import Postgres
from harness.server import ROOT, Project, Server

CLIENTS = Path(__file__).parent / "clients"
DATA = Path(os.environ.get("BACKSTAY_TEST_DATA", ROOT.parent / "shared" / "data")) / "chinook/migrations/0001_chinook.sql"
MIGRATIONS = [DATA if DATA.exists() else CLIENTS / "0001_chinook_small.sql", CLIENTS / "0002_functions_and_policies.sql"]
SCRIPTS = {"javascript": ["node", "chinook.mjs"], "python": [sys.executable, "chinook_queries.py"]}
PEOPLE = {
    "buyer": ("00000000-0000-4000-8000-000000000005", {"customer_id": 5}),
    "rep": ("00000000-0000-4000-8000-000000000003", {"employee_id": 3}),
    "manager": ("00000000-0000-4000-8000-000000000001", {"employee_id": 1}),
    "member": ("00000000-0000-4000-8000-000000000009", {}),
}
HEADER = re.compile(r"^--= (\w+) (rows|row|value|changed|change|done|csv|fails|literal)(?: as (\w+))?(?: (\d{3}))?$", re.M)


def read_answers() -> dict[str, dict]:
    parts = HEADER.split((CLIENTS / "chinook_answers.sql").read_text())[1:]
    answers = {}
    for name, kind, who, status, text in zip(*(parts[place::5] for place in range(5))):
        sql, _, count = re.sub(r"\n-- .*", "", text).partition("--count")
        answers[name] = {"kind": kind, "who": who or "service", "status": status, "sql": sql.strip(), "count": count.strip()}
    return answers


def claims(who: str) -> dict:
    if who == "anon":
        return {"role": "anon"}
    subject, metadata = PEOPLE[who]
    return {"sub": subject, "role": "authenticated", "app_metadata": metadata}


class Oracle:
    """PostgreSQL with the same migrations, a fresh database for each client."""

    def __init__(self):
        self.postgres = Postgres()
        self.postgres.psql("create database chinook")
        for path in [CLIENTS / "postgres_setup.sql", *MIGRATIONS]:
            self.postgres.psql(path.read_text(), "chinook")

    def fresh(self, database: str) -> None:
        self.postgres.psql(f"create database {database} template chinook")

    def run(self, database: str, who: str, sql: str) -> str:
        if who == "service":
            role = "set local role service_role;"
        else:
            role = f"set local role {'anon' if who == 'anon' else 'authenticated'};"
            role += f"set local request.jwt.claims = '{json.dumps(claims(who))}';"
        return self.postgres.psql(f"\\set VERBOSITY verbose\nbegin; {role}\n{sql};\ncommit;", database)

    def answer(self, database: str, wanted: dict) -> dict:
        """What a client must be told: `data` as text of JSON, `count`, `error`, `status`, as far as it is said."""
        kind, sql, who = wanted["kind"], wanted["sql"], wanted["who"]
        told = {"status": int(wanted["status"])} if wanted["status"] else {}
        if kind == "literal":
            return {**told, **json.loads(sql)}
        if kind == "fails":
            return {**told, "error": self.error(database, who, sql)}
        told["error"] = None
        if kind in ("change", "changed"):
            given, _, rest = sql.rpartition("\n") if sql.startswith("with r as (") else ("", "", sql)
            if sql.startswith("with r as ("):
                prefix, _, query = sql.rpartition(") select ")
                sql = f"{prefix}), t as (select {query}) select coalesce(json_agg(t), '[]') from t"
            else:
                sql = f"with t as ({sql}) select coalesce(json_agg(t), '[]') from t"
        elif kind in ("rows", "row"):
            sql = f"select coalesce(json_agg(t), '[]') from ({sql}) t"
        elif kind == "csv":
            sql = f"""select (select string_agg(k, ',') from json_object_keys((select row_to_json(f) from ({sql}) f limit 1)) k) || E'\\n'
                || (select string_agg(substring(t::text, 2, length(t::text) - 2), E'\\n') from ({sql}) t)"""
        text = self.run(database, who, sql) if sql else ""
        if kind in ("rows", "value", "change", "row", "changed"):
            told["data"] = text if kind in ("rows", "value", "change") else only(text)
        elif kind == "csv":
            told["csv"] = text.rstrip("\n")
        else:
            told["nothing"] = True
        if wanted["count"]:
            told["count"] = int(self.run(database, who, wanted["count"]))
        return told

    def error(self, database: str, who: str, sql: str) -> dict:
        with pytest.raises(RuntimeError) as refused:
            self.run(database, who, sql)
        text = str(refused.value)
        code, message = re.search(r"ERROR:  (\w{5}): (.*)", text).groups()
        found = {"code": code, "message": message}
        for key, label in (("details", "DETAIL"), ("hint", "HINT")):
            said = re.search(rf"^{label}:  (.*)", text, re.M)
            found[key] = said.group(1) if said else None
        return found


def only(text: str) -> str:
    """The first of the rows, its numbers as they were."""
    return json.dumps(json.loads(text, parse_float=Exact)[0], cls=Encoder)


class Exact(float):
    """A number that remembers how it was written."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.text = text
        return made


class Encoder(json.JSONEncoder):
    def iterencode(self, value, _one_shot=False):
        return iter([written(value)])


def written(value) -> str:
    if isinstance(value, Exact):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


def differences(wanted: dict, got: dict) -> list[str]:
    if "thrown" in got:
        return [f"the client threw {got['thrown']}"]
    found = []

    def compare(what, left, right):
        if left != right:
            found.append(f"{what}:\n      wanted {shown(left)}\n      got    {shown(right)}")

    if "error" in wanted:
        error = got["error"]
        if wanted["error"] is None or error is None:
            compare("error", wanted["error"], error)
        else:
            compare("error", wanted["error"], {key: error[key] for key in wanted["error"]})
    if "status" in wanted:
        compare("status", wanted["status"], got["status"])
    if "count" in wanted:
        compare("count", wanted["count"], got["count"])
    if "csv" in wanted:
        compare("csv", wanted["csv"], got["data"])
    if "nothing" in wanted and got["data"] not in (None, [], ""):
        found.append(f"data instead of nothing: {shown(got['data'])}")
    if isinstance(wanted.get("data"), str):
        # The client's data, then the text that came over the wire: there 1.50 is not 1.5.
        left, right, wire = json.loads(wanted["data"]), got["data"], json.loads(got["body"] or "null", parse_float=str)
        exact = json.loads(wanted["data"], parse_float=str)
        if isinstance(left, dict):
            right, wire = unwrapped(right), unwrapped(wire)
        compare("data", left, right)
        if left == right:
            compare("numbers", exact, wire)
    return found


def unwrapped(value):
    """Clients that ask for one row as a list get it as a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def shown(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 900 else f"{text[:900]} … ({len(text)} characters)"


@pytest.fixture(scope="module")
def oracle():
    made = Oracle()
    yield made
    made.postgres.stop()


@pytest.fixture(scope="module", params=[f"{client}_{engine}" for engine in ("sqlite", "postgres") for client in SCRIPTS])
def asked(request, databases):
    """The results of one client on one engine."""
    client, engine = request.param.split("_")
    project = Project({f"migrations/000{number}_{path.stem[5:]}.sql": path.read_text() for number, path in enumerate(MIGRATIONS, 1)})
    started = time.monotonic()
    with Server(project, environment=databases.environment(engine)) as server:
        seconds = time.monotonic() - started
        given = {
            "url": server.url,
            "key": server.keys["publishable"],
            "secret": server.keys["secret"],
            "tokens": {who: server.token(**claims(who)) for who in PEOPLE},
        }
        environment = {**os.environ, "BACKSTAY_CHINOOK": json.dumps(given)}
        done = subprocess.run(
            SCRIPTS[client], cwd=CLIENTS, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        print(f"{MIGRATIONS[0].name}: ready after {seconds:.1f} s")
        yield request.param, json.loads(done.stdout)


def test_clients_get_what_postgresql_answers(oracle, asked):
    client, results = asked
    oracle.fresh(client)
    answers = read_answers()
    wrong = []
    for name, got in results.items():
        try:
            found = differences(oracle.answer(client, answers[name]), got)
        except RuntimeError as failed:
            found = [f"PostgreSQL refuses: {failed}"]
        if found:
            wrong.append(f"  {name}:\n    " + "\n    ".join(found))
    assert len(results) >= 60
    assert not wrong, f"{len(wrong)} of {len(results)} differ\n" + "\n".join(wrong)
