"""Runs the cases of `conformance/*.yaml` over HTTP, in order, a fresh project a file.

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
"""

import json
from pathlib import Path

import pytest
import yaml

from harness.server import Project, Server

FOLDER = Path(__file__).parent / "conformance"


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def parameters():
    for path in sorted(FOLDER.glob("*.yaml")):
        for number, case in enumerate(load(path)["cases"]):
            yield pytest.param(path, case, id=f"{path.stem}-{number:03d}-{case['item']}-{case['name'].replace(' ', '_')}")


@pytest.fixture(scope="module")
def servers():
    running = {}
    yield running
    for server in running.values():
        server.stop()
        server.project.remove()


def server_for(servers, path: Path) -> Server:
    if path not in servers:
        for other in list(servers):
            servers[other].stop()
            servers.pop(other).project.remove()
        file = load(path)
        base = (FOLDER / file["base"]).read_text() if "base" in file else ""
        schema = base + file.get("schema", "")
        project = Project({"migrations/0001_schema.sql": schema}, file.get("settings", ""))
        servers[path] = Server(project)
    return servers[path]


def masked(value):
    """Numbers as Python reads them lose `1.50`: compare texts of numbers instead."""
    return json.loads(value, parse_float=str)


@pytest.mark.parametrize("path,case", list(parameters()))
def test_case(servers, path, case):
    server = server_for(servers, path)
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
