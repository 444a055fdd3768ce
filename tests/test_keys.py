"""Where keys and tokens may stand in a request, and which of them decides the role."""

import pytest

from harness.server import Project, Server

SCHEMA = """
create table notes (id int primary key, body text);
alter table notes enable row level security;
create policy first_note on notes for select to anon using (id = 1);
create policy second_note on notes for select to authenticated using (id = 2);
insert into notes values (1, 'a'), (2, 'b');
"""
USER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def server():
    with Server(Project({"migrations/0001_notes.sql": SCHEMA})) as running:
        yield running


def seen(server, headers=None, query="") -> list[int]:
    answer = server.rest("GET", f"/notes?select=id&order=id{query}", "nobody", headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def test_the_key_in_the_query_string_is_no_filter(server):
    assert seen(server, query=f"&apikey={server.keys['publishable']}") == [1]
    assert seen(server, query=f"&apikey={server.keys['secret']}") == [1, 2]


def test_the_header_may_have_any_letter_case(server):
    assert seen(server, {"apiKey": server.keys["publishable"]}) == [1]
    assert seen(server, {"APIKEY": server.keys["secret"]}) == [1, 2]


def test_a_key_in_both_places_is_a_key(server):
    for name, ids in (("publishable", [1]), ("secret", [1, 2])):
        key = server.keys[name]
        assert seen(server, {"apikey": key, "Authorization": f"Bearer {key}"}) == ids


def test_the_users_token_decides_before_the_key(server):
    token = server.token(sub=USER)
    assert seen(server, {"apikey": server.keys["publishable"], "Authorization": f"Bearer {token}"}) == [2]
    assert seen(server, {"apikey": server.keys["secret"], "Authorization": f"Bearer {token}"}) == [2]


def test_the_scheme_may_have_any_letter_case(server):
    token = server.token(sub=USER)
    assert seen(server, {"apikey": server.keys["publishable"], "Authorization": f"bearer {token}"}) == [2]


def test_another_projects_key_is_wrong(server):
    with Server(Project({"migrations/0001_notes.sql": SCHEMA})) as other:
        assert other.keys["secret"] != server.keys["secret"]
        answer = server.rest("GET", "/notes", "nobody", headers={"apikey": other.keys["secret"]})
    assert answer.status_code == 401
    assert answer.json()["message"] == "Invalid API key"


def test_a_token_of_another_project_is_refused(server):
    with Server(Project({"migrations/0001_notes.sql": SCHEMA})) as other:
        headers = {"apikey": server.keys["publishable"], "Authorization": f"Bearer {other.token(sub=USER)}"}
    answer = server.rest("GET", "/notes", "nobody", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "PGRST301")
