"""What a migration adds is served at once while `dev` runs."""

import time

from harness.server import Project, Server

FIRST = """
create table notes (id int primary key);
alter table notes enable row level security;
create policy everybody on notes using (true) with check (true);
insert into notes values (1);
"""
SECOND = """
alter table notes add column body text not null default 'empty';
create table tags (id int primary key, note_id int references notes);
alter table tags enable row level security;
create policy everybody on tags using (true) with check (true);
insert into tags values (7, 1);
"""


def answer_when_ready(server, target, seconds=30):
    """The first answer that is a 200, or the last one when the time is up."""
    until = time.monotonic() + seconds
    while True:
        answer = server.rest("GET", target)
        if answer.status_code == 200 or time.monotonic() > until:
            return answer
        time.sleep(0.05)


def test_a_new_migration_is_served_while_dev_runs():
    with Server(Project({"migrations/0001_notes.sql": FIRST}), command="dev") as server:
        assert server.rest("GET", "/notes").json() == [{"id": 1}]
        assert server.rest("GET", "/tags").status_code == 404
        server.project.write({"migrations/0002_tags.sql": SECOND})
        answer = answer_when_ready(server, "/notes?select=id,body,tags(id)")
        assert (answer.status_code, answer.json()) == (200, [{"id": 1, "body": "empty", "tags": [{"id": 7}]}])


def test_a_new_migration_is_served_after_the_next_start():
    with Server(Project({"migrations/0001_notes.sql": FIRST})) as server:
        assert server.rest("POST", "/notes", json_body={"id": 2}).status_code == 201
        server.stop()
        server.project.write({"migrations/0002_tags.sql": SECOND})
        server.start()
        answer = server.rest("GET", "/notes?select=id,body&order=id")
        assert answer.json() == [{"id": 1, "body": "empty"}, {"id": 2, "body": "empty"}]
