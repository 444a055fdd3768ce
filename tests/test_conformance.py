"""Runs the cases of `conformance/*.yaml` over HTTP, in order, a fresh project a file, on embedded SQLite
and on PostgreSQL: both must give the same answer.

A file holds `schema` (a migration; with `base`, after the SQL of that file of `conformance/`), optional
`settings`, and `cases`. A case:

    - item: "6.1"                      the item of the protocol it shows
      name: neq drops nulls
      as: anon                         or `service`, `nobody` (no key), a user's id, or claims (default anon)
      request: GET /products?...
      headers: {Prefer: count=exact}   null: not sent
      body: {...}                      sent as JSON; `text` is sent as it is
      status: 200
      answer: [...]                    the whole body; a text is JSON as it is (`'[{"price":1.50}]'`
                                       keeps the scale); absent for an empty one; `any` for anything
      answer_text: ...                 the whole body, byte by byte
      answer_has: {code: PGRST100}     these keys of the object, where others are free
      answer_headers: {content-range: 0-1/*}   null: must be absent
    on_postgres: {status: ...}       what differs there, with a `reason` (docs/engine-differences.md)
"""

import json
from pathlib import Path

import pytest
import yaml

from harness.server import ROOT, Project, Server

FOLDER = Path(__file__).parent / "conformance"
ENGINES = ["sqlite", "postgres"]


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def parameters():
    for engine in ENGINES:
        for path in sorted(FOLDER.glob("*.yaml")):
            for number, case in enumerate(load(path)["cases"]):
                name = case["name"].replace(" ", "_")
                yield pytest.param(engine, path, case, id=f"{engine}-{path.stem}-{number:03d}-{case['item']}-{name}")


class Servers:
    """One server at a time."""

    def __init__(self, databases):
        self.running: tuple[tuple[str, Path], Server] | None = None
        self.databases = databases

    def of(self, engine: str, path: Path) -> Server:
        if self.running is None or self.running[0] != (engine, path):
            self.stop()
            self.running = ((engine, path), self.start(engine, load(path)))
        return self.running[1]

    def start(self, engine: str, file: dict) -> Server:
        base = (FOLDER / file["base"]).read_text() if "base" in file else ""
        schema = base + file.get("schema", "")
        project = Project({"migrations/0001_schema.sql": schema}, file.get("settings", ""))
        return Server(project, environment=self.databases.environment(engine))

    def stop(self) -> None:
        if self.running is not None:
            self.running[1].stop()
            self.running[1].project.remove()
            self.running = None


@pytest.fixture(scope="module")
def servers(databases):
    made = Servers(databases)
    yield made
    made.stop()


def masked(value):
    """Numbers as Python reads them lose `1.50`: compare texts of numbers instead."""
    return json.loads(value, parse_float=str)


def test_differences_between_the_engines_are_documented():
    known = (ROOT / "docs" / "engine-differences.md").read_text()
    for path in FOLDER.glob("*.yaml"):
        for case in load(path)["cases"]:
            if "on_postgres" in case:
                assert case["on_postgres"]["reason"] in known, case["name"]


@pytest.mark.parametrize("engine,path,case", list(parameters()))
def test_case(servers, engine, path, case):
    server = servers.of(engine, path)
    if engine == "postgres":
        case = {**case, **case.get("on_postgres", {})}
    method, target = case["request"].split(" ", 1)
    content = case.get("text")
    if "body" in case:
        content = json.dumps(case["body"])
    answer = server.rest(method, target, case.get("as", "anon"), headers=case.get("headers"), content=content)
    shown = f"{answer.status_code} {dict(answer.headers)}\n{answer.text}"
    assert answer.status_code == case["status"], shown
    if case.get("answer") != "any":
        if "answer" in case:
            wanted = case["answer"] if isinstance(case["answer"], str) else json.dumps(case["answer"])
            assert masked(answer.text) == masked(wanted), shown
        elif "answer_text" in case:
            assert answer.text == case["answer_text"], shown
        elif "answer_has" in case:
            body = answer.json()
            assert {key: body.get(key) for key in case["answer_has"]} == case["answer_has"], shown
        else:
            assert answer.text == "", shown
    for name, wanted in (case.get("answer_headers") or {}).items():
        assert answer.headers.get(name) == wanted, shown
