"""What `serve` says of a project that it cannot serve, and of clients that never finish."""

import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

from harness.server import BINARY, Project, Server, clean_environment
from test_newcomer import plain

GOOD = """create table public.things (id int primary key);
alter table public.things enable row level security;
create policy "everybody" on public.things using (true);
insert into public.things values (1);
"""


@pytest.fixture
def project():
    made = Project({"migrations/0001_things.sql": GOOD})
    yield made
    made.remove()


def refused(project: Project, *told: str, arguments=("serve", "--port", "0"), environment=None) -> str:
    """Runs a command that must end with an error that names these, without a panic."""
    done = subprocess.run(
        [BINARY, *arguments], cwd=project.folder, capture_output=True, text=True, timeout=60,
        env={**clean_environment(), **(environment or {})},
    )
    said = plain(done.stderr)
    assert done.returncode == 1, said
    assert "panicked" not in said and "RUST_BACKTRACE" not in said, said
    for word in told:
        assert word in said, said
    return said


def test_a_port_in_use_is_named(project):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused(project, str(port), "--port", arguments=("serve", "--port", str(port)))
        assert "in use" in said, said
    assert not (project.folder / ".backstay/data.db").exists(), "nothing was begun"


def test_an_address_that_is_not_here_is_named(project):
    refused(project, "192.0.2.1", arguments=("serve", "--host", "192.0.2.1", "--port", "0"))
    refused(project, "no.such.host.invalid", arguments=("serve", "--host", "no.such.host.invalid", "--port", "0"))


def test_o06_a_second_server_on_the_same_file_is_told_who_has_it(project):
    with Server(project) as first:
        said = refused(project, "in use", "backstay serve on 127.0.0.1")
        assert "data.db" in said
        refused(project, "in use", arguments=("migrate", "up"))
        refused(project, "in use", arguments=("migrate", "reset", "--yes"))
        assert first.rest("GET", "/things").json() == [{"id": 1}]


BROKEN = {
    "bytes that are no text": (b"create table public.more (id int); -- \xff\xfe\n", ["0002_more.sql", "UTF-8"]),
    "a NUL": (b"create table public.more (id int);\x00\n", ["0002_more.sql"]),
    "a typing mistake": (b"select 1;\ncreate tabel public.more (id int);\n", ["0002_more.sql:2:8", 'syntax error at or near "tabel"']),
    "an open quote": (b"select 'abc;\n", ["0002_more.sql:1:8", "unterminated quoted string"]),
    "an open body": (b"create function f() returns int language sql as $$ select 1;\n", ["0002_more.sql", "unterminated dollar-quoted string"]),
    "an unknown table": (b"insert into public.nowhere values (1);\n", ["0002_more.sql:1:13", 'relation "public.nowhere" does not exist']),
    "a table of the system": (b"select 1;\ncreate view v as select * from pg_policies;\n", ["0002_more.sql:2:32", "a migration or a body in PL"]),
    "an unknown type": (b"create table public.more (id nonsense);\n", ["0002_more.sql:1:", 'type "nonsense" does not exist']),
    "a failing statement": (b"create table public.more (id int);\ninsert into public.things values (1);\n", ["0002_more.sql:2:1", "duplicate key"]),
    "a division by zero": (b"create table public.more (id int);\ninsert into public.more select 1 / 0;\n", ["0002_more.sql:2:1", "division by zero"]),
    "what is not there": (b"select 1;\ncreate table public.more () inherits (public.things);\n", ["0002_more.sql:2:"]),
    "deep nesting": (b"select " + b"(" * 50_000 + b"1" + b")" * 50_000 + b";\n", ["0002_more.sql"]),
    "a meta command": (b"\\copy things from 'x.csv'\n", ["0002_more.sql:1:1"]),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_migration_is_told_and_nothing_of_it_is_applied(project, why):
    text, told = BROKEN[why]
    assert project.run("migrate", "up").returncode == 0
    (project.folder / "migrations/0002_more.sql").write_bytes(text)
    refused(project, *told)
    refused(project, *told, arguments=("migrate", "up"))
    (project.folder / "migrations/0002_more.sql").unlink()
    with Server(project) as server:
        assert server.rest("GET", "/more").status_code == 404
        assert server.rest("GET", "/things").json() == [{"id": 1}]


def test_a_migration_that_is_no_file_is_told(project):
    path = project.folder / "migrations/0002_more.sql"
    path.symlink_to(project.folder / "nowhere.sql")
    refused(project, "0002_more.sql")
    path.unlink()
    path.mkdir()
    done = project.run("migrate", "status", check=False)
    assert "panicked" not in done.stderr


def test_a_changed_migration_is_told_by_its_name(project):
    assert project.run("migrate", "up").returncode == 0
    project.write({"migrations/0001_things.sql": GOOD + "-- a second thought\n"})
    refused(project, "0001_things.sql", "changed")
    assert re.search(r"CHANGED +migrations/0001_things.sql", project.run("migrate", "status").stdout)
    project.write({"migrations/0001_things.sql": GOOD})
    (project.folder / "migrations/0001_things.sql").rename(project.folder / "migrations/0001_renamed.sql")
    project.write({"migrations/0000_before.sql": "select 1;"})
    done = project.run("migrate", "status")
    assert "0000_before.sql" in done.stdout


def test_two_migrations_of_one_number_are_told(project):
    project.write({"migrations/0001_other.sql": "select 1;"})
    refused(project, "0001_other.sql")


@pytest.mark.parametrize(
    "name,value", [("BACKSTAY_API_MAX_ROW", "5"), ("BACKSTAY_SERVER_PORT", "70000"), ("BACKSTAY_DATABASE_DURABILITY", "sometimes"),
                   ("GOTRUE_JWT_SECRET", "short"), ("BACKSTAY_DATABASE_URL", "oracle://x")]
)
def test_o20_a_bad_variable_is_named(project, name, value):
    refused(project, name, environment={name: value})


def test_keys_that_cannot_be_read_are_told(project):
    project.write({".backstay/keys.json": "{"})
    refused(project, "keys.json")


@pytest.fixture(scope="module")
def hurried():
    settings = "[limits]\nidle_ms = 500\nrequest_ms = 500\n"
    with Server(Project({"migrations/0001_things.sql": GOOD}, settings)) as running:
        yield running


def ends(connection: socket.socket, piece: bytes) -> bytes:
    """What comes until the server ends the connection, while pieces are dribbled into it."""
    connection.settimeout(0.05)
    came = b""
    for _ in range(400):
        try:
            connection.sendall(piece)
            received = connection.recv(65536)
            if not received:
                return came
            came += received
        except TimeoutError:
            continue
        except ConnectionError:
            return came
    raise AssertionError("the connection stays open")


@pytest.mark.parametrize("sent,piece", [(b"", b""), (b"PRI * HTT", b""), (b"GET /rest/v1/things HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"), (b"GET /rest/v1/thi", b"n")],
                         ids=["silent", "half a preface", "dribbled headers", "dribbled target"])
def test_t04_headers_that_never_end_end_the_connection(hurried, sent, piece):
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=20) as connection:
        connection.sendall(sent)
        came = ends(connection, piece)
        assert came == b"" or came.startswith(b"HTTP/1.1 4"), came
    assert hurried.rest("GET", "/things").json() == [{"id": 1}]


def test_t04_a_body_that_never_ends_is_408(hurried):
    head = f"POST /rest/v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\napikey: {hurried.keys['secret']}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=20) as connection:
        connection.sendall(head.encode())
        came = ends(connection, b" ")
        assert came.startswith(b"HTTP/1.1 408"), came
        assert json.loads(came.split(b"\r\n\r\n", 1)[1])["code"] == "BKS408"
    assert hurried.rest("GET", "/things").json() == [{"id": 1}]


def test_t04_many_slow_clients_keep_nobody_from_being_served(hurried):
    slow = [socket.create_connection(("127.0.0.1", hurried.port), timeout=20) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"GET /rest/v1/things HTTP/1.1\r\n")
        assert hurried.rest("GET", "/things").json() == [{"id": 1}]
    finally:
        for connection in slow:
            connection.close()
