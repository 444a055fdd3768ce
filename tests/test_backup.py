"""Backups beside a server that writes, and what becomes of a project that they are restored to."""

import io
import json
import stat
import tarfile
import time

import pytest

from harness.server import Project, Server
from harness.writers import Writers

SCHEMA = """
create table public.entries (id bigint primary key, body text not null, n numeric not null default 0.10, doc jsonb);
create index on public.entries (lower(body));
create index on public.entries (doc, n desc);
alter table public.entries enable row level security;
create policy everything on public.entries for all to service_role using (true) with check (true);
insert into public.entries select -n, repeat('old ', 100), n / 7.0, '{"n": 1}' from generate_series(1, 3000) n;
create table public.owners (id int primary key, owner uuid);
alter table public.owners enable row level security;
create policy own on public.owners for select to authenticated using (owner = auth.uid());
insert into public.owners values (1, '00000000-0000-4000-8000-000000000001'), (2, null);
"""
SETTINGS = "[api]\nmax_rows = 0\n"
USER = "00000000-0000-4000-8000-000000000001"


def project(engine_settings: str = "") -> Project:
    return Project({"migrations/0001_entries.sql": SCHEMA}, SETTINGS + engine_settings)


def rows(server: Server) -> dict[int, dict]:
    answer = server.rest("GET", "/entries?order=id", "service")
    assert answer.status_code == 200, answer.text
    return {row["id"]: row for row in answer.json()}


def wait_for(writers: Writers, count: int) -> set[int]:
    while len(writers.acknowledged) < count:
        assert any(thread.is_alive() for thread in writers.threads)
        time.sleep(0.005)
    return {number for number, _ in writers.acknowledged}


class Taken:
    """A backup that was made while a server wrote, and what must be in it."""

    def __init__(self, folder, settings: str = ""):
        self.archive = folder / "backup.tar.gz"
        made = project(settings)
        with Server(made) as server:
            writers = Writers(server, 4, 1)
            self.before = wait_for(writers, 40)
            self.said = made.run("backup", "--to", str(self.archive))
            count = len(writers.acknowledged)
            wait_for(writers, count + 20)
            writers.stop()
            self.while_it_ran = count - len(self.before)
            self.sent = writers.sent
            self.rows = rows(server)
            self.keys = server.keys

    def check(self, restored: Server) -> None:
        found = rows(restored)
        numbers = {number for number in found if number > 0}
        assert self.before <= numbers <= self.sent
        assert numbers < {number for number in self.rows if number > 0}
        assert all(self.rows[number] == row for number, row in found.items())
        assert len(found) - len(numbers) == 3000
        assert restored.keys == self.keys
        own = restored.rest("GET", "/owners?select=id", USER)
        assert own.json() == [{"id": 1}]
        later = restored.rest("POST", "/entries", "service", json_body={"id": 10**9, "body": "later"})
        assert later.status_code == 201


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    return Taken(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def target():
    made = project()
    yield made
    made.remove()


def refused(done, text: str) -> None:
    assert done.returncode == 1
    assert text in " ".join(done.stderr.replace("│", " ").split()), done.stderr


def test_o15_writes_go_on_during_a_backup_and_it_holds_what_was_acknowledged_before(taken):
    assert taken.while_it_ran > 0
    made = project()
    made.run("restore", str(taken.archive))
    with Server(made) as server:
        taken.check(server)
        assert "Nothing found." in made.run("doctor").stdout


def test_only_the_owner_may_read_a_backup_and_none_is_overwritten(taken, target):
    assert stat.S_IMODE(taken.archive.stat().st_mode) == 0o600
    before = taken.archive.read_bytes()
    refused(target.run("backup", "--to", str(taken.archive), check=False), "exists already")
    assert taken.archive.read_bytes() == before
    assert [path.name for path in taken.archive.parent.iterdir()] == [taken.archive.name]


def test_a_stopped_project_is_backed_up_too_and_one_without_a_database_is_refused(target):
    archive = target.folder / "none.tar.gz"
    refused(target.run("backup", "--to", str(archive), check=False), "there is no database file")
    assert not archive.exists()
    target.run("migrate", "up")
    target.run("backup", "--to", str(archive))
    assert tarfile.open(archive).getnames() == ["manifest.json", "data.db"]


def test_a_database_that_is_there_is_replaced_only_by_force_and_kept(taken, target):
    target.run("migrate", "up")
    database = target.folder / ".backstay" / "data.db"
    refused(target.run("restore", str(taken.archive), check=False), "there is a database already")
    done = target.run("restore", str(taken.archive), "--force")
    kept = database.with_name("data.db.replaced")
    assert str(kept.name) in done.stdout and kept.exists()
    kept.replace(database)
    for left in database.parent.glob("data.db-*"):
        left.unlink()
    assert "applied" in target.run("migrate", "status").stdout


def test_keys_that_are_there_are_replaced_only_by_force_and_kept(taken, target):
    own = json.loads(target.run("keys", "--json").stdout)
    refused(target.run("restore", str(taken.archive), check=False), "holds other keys")
    target.run("restore", str(taken.archive), "--force")
    assert json.loads(target.run("keys", "--json").stdout) == taken.keys
    kept = json.loads((target.folder / ".backstay" / "keys.json.replaced").read_text())
    assert kept["secret"] == [own["secret"]]


def test_the_database_of_a_running_server_is_not_replaced(taken):
    with Server(project()) as server:
        done = server.project.run("restore", str(taken.archive), "--force", check=False)
        refused(done, "is in use by backstay serve")
        assert len(rows(server)) == 3000


def changed(archive, folder, change):
    """The archive with the parts that `change` makes of its own."""
    with tarfile.open(archive) as old:
        parts = {one.name: old.extractfile(one).read() for one in old.getmembers()}
    path = folder / "changed.tar.gz"
    with tarfile.open(path, "w:gz") as new:
        for name, data in change(parts).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
    return path


def holed(parts):
    data = bytearray(parts["data.db"])
    data[len(data) // 2 : len(data) // 2 + 20000] = bytes(20000)
    return {**parts, "data.db": bytes(data)}


def newer(parts):
    manifest = json.loads(parts["manifest.json"])
    return {**parts, "manifest.json": json.dumps({**manifest, "archive": 99}).encode()}


@pytest.mark.parametrize(
    "change,text",
    [
        (holed, "damaged"),
        (newer, "it has form 99"),
        (lambda parts: {**parts, "../../outside": b"x"}, "it is no backup that Backstay made"),
        (lambda parts: {"data.db": parts["data.db"]}, "it is no backup that Backstay made"),
        (lambda parts: {"manifest.json": parts["manifest.json"]}, "it has no data.db"),
    ],
)
def test_o16_a_backup_that_is_not_sound_changes_nothing(taken, target, tmp_path, change, text):
    archive = changed(taken.archive, tmp_path, change)
    refused(target.run("restore", str(archive), check=False), text)
    assert sorted(path.name for path in (target.folder / ".backstay").iterdir()) == [".gitignore"]


def test_half_a_backup_is_refused(taken, target, tmp_path):
    half = tmp_path / "half.tar.gz"
    half.write_bytes(taken.archive.read_bytes()[: taken.archive.stat().st_size - 5])
    refused(target.run("restore", str(half), check=False), "cannot be restored")


def database_of(url: str) -> str:
    return f'[database]\nurl = "{url}"\n'


def test_postgresql_is_backed_up_and_restored_by_its_own_programs(databases, tmp_path):
    def fresh():
        return database_of(databases.environment("postgres")["BACKSTAY_DATABASE_URL"])

    taken = Taken(tmp_path, fresh())
    made = project(fresh())
    made.run("restore", str(taken.archive))
    with Server(made) as server:
        taken.check(server)
        refused(made.run("restore", str(taken.archive), check=False), "holds tables already")
        made.run("restore", str(taken.archive), "--force")
        assert 10**9 not in rows(server)
    other = project()
    refused(other.run("restore", str(taken.archive), check=False), "the backup is of PostgreSQL")
    other.remove()


def test_an_ordinary_owner_restores_all_but_what_only_a_superuser_may_make(databases, tmp_path):
    taken = Taken(tmp_path, database_of(databases.environment("postgres")["BACKSTAY_DATABASE_URL"]))
    databases.postgres.psql("create role keeper login; create database kept_by_owner owner keeper; grant anon, authenticated, service_role to keeper")
    made = project(database_of(databases.postgres.url("kept_by_owner", "keeper")))
    done = made.run("restore", str(taken.archive))
    assert "only a superuser may make it" in done.stdout and "EVENT TRIGGER - pgrst_ddl_watch" in done.stdout
    with Server(made) as server:
        taken.check(server)
