"""The database file records the version of its form: an older one is upgraded, a newer one refused."""

import shutil
import sqlite3

import pytest

from harness.server import Project, Server

SCHEMA = """
create table public.notes (id int primary key, body text);
alter table public.notes enable row level security;
create policy everybody on public.notes using (true) with check (true);
insert into public.notes values (1, 'kept');
"""


@pytest.fixture(scope="module")
def made():
    project = Project({"migrations/0001_notes.sql": SCHEMA})
    project.run("migrate", "up")
    yield project
    project.remove()


@pytest.fixture
def project(made, tmp_path):
    """A copy with a database of now."""
    copy = Project.copy_of(made.folder)
    shutil.copytree(made.folder / ".backstay", copy.folder / ".backstay")
    yield copy
    copy.remove()


def database(project):
    return project.folder / ".backstay" / "data.db"


def change(project, sql: str) -> None:
    connection = sqlite3.connect(database(project))
    connection.executescript(sql)
    connection.close()


def ask(path, sql: str):
    connection = sqlite3.connect(path)
    found = connection.execute(sql).fetchone()[0]
    connection.close()
    return found


FORMAT = "select format from _backstay_catalog"


def make_older(project) -> None:
    change(project, "alter table _backstay_catalog drop column program; update _backstay_catalog set format = 1")


def test_an_older_file_is_upgraded_and_kept_as_it_was(project):
    make_older(project)
    with Server(project) as server:
        assert server.rest("GET", "/notes").json() == [{"id": 1, "body": "kept"}]
        assert server.rest("POST", "/notes", json_body={"id": 2}).status_code == 201
        server.stop()
        kept = database(project).with_name("data.db.format1")
        assert ask(kept, FORMAT) == 1
        assert ask(kept, "select count(*) from notes") == 1
        assert ask(database(project), FORMAT) == 2
        assert ask(database(project), "select program from _backstay_catalog")


def test_an_older_file_is_not_upgraded_by_who_only_reads(project):
    make_older(project)
    done = project.run("migrate", "status", check=False)
    assert done.returncode == 1
    assert "has format 1" in done.stderr and "backstay migrate up" in done.stderr
    assert ask(database(project), FORMAT) == 1


def test_a_newer_file_is_refused_and_left_alone(project):
    change(project, "update _backstay_catalog set format = 99, program = '9.9.9'")
    before = database(project).read_bytes()
    for command in (["serve", "--port", "0"], ["migrate", "up"], ["doctor"], ["backup", "--to", "b.tar.gz"]):
        done = project.run(*command, check=False)
        text = " ".join(done.stderr.replace("│", " ").split())
        assert done.returncode == 1
        assert "format 99 of Backstay 9.9.9" in text and "Run the newer program" in text, text
    assert database(project).read_bytes() == before
