"""The idioms of real projects, on both engines.

`idioms/supabase/` is one project that holds them all, numbered as in the table of `docs/migrations.md`;
`idioms/cases.yaml` says what is asked, by whom, and the answer that both engines must give. The cases run
in order against one server: a later one sees what an earlier one wrote.
"""

import json
from pathlib import Path

import pytest
import yaml

from harness.server import Project, Server

FOLDER = Path(__file__).parent / "idioms"
CASES = yaml.safe_load((FOLDER / "cases.yaml").read_text())
USERS = {
    "one": {"sub": "70000000-0000-4000-8000-000000000001", "email": "seed1@example.com"},
    "two": {"sub": "70000000-0000-4000-8000-000000000002", "email": "seed2@example.com"},
    "rich": {
        "sub": "70000000-0000-4000-8000-000000000001", "email": "boss@corp.example", "aal": "aal2",
        "app_metadata": {"role": "admin", "teams": ["red", "blue"]},
    },
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    with Server(Project.copy_of(FOLDER), "dev", databases.environment(request.param)) as running:
        yield running


def asked(server: Server, case: dict):
    method, target = case["request"].split(" ", 1)
    who = {"role": "authenticated", **USERS[case["as"]]} if case["as"] in USERS else case["as"]
    headers = {**server.headers(who), "Prefer": "return=representation"}
    content = None
    if "body" in case:
        headers["Content-Type"] = "application/json"
        content = json.dumps(case["body"])
    path = target if target.startswith("/auth/") else f"/rest/v1{target}"
    return server.client.request(method, f"{server.url}{path}", headers=headers, content=content)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['idiom']} {case['name']}")
def test_an_idiom_works(server, case):
    answer = asked(server, case)
    assert answer.status_code == case["status"], answer.text
    if "answer" in case:
        assert answer.json() == case["answer"]
