"""A full disk, a failing one, a read-only one, damaged files: refused clearly, and nothing acknowledged is lost."""

import errno
import resource
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness.server import BINARY, Project, Server, clean_environment
from test_newcomer import plain

SCHEMA = """
create table public.entries (id bigint primary key, body text not null);
alter table public.entries enable row level security;
create policy everything on public.entries using (true) with check (true);
insert into public.entries values (0, 'first');
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("fault") / "fault.so"
    source = Path(__file__).parent / "durability" / "fault.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", made, source, "-ldl"], check=True)
    return made


class Disk:
    """A project whose disk fails on demand."""

    def __init__(self, library: Path):
        self.project = Project({"migrations/0001_entries.sql": SCHEMA})
        self.plan = self.project.folder / "plan"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAULT_PLAN": str(self.plan),
            "FAULT_FOLDER": str(self.project.folder / ".backstay" / "data.db"),
        }
        self.database = self.project.folder / ".backstay" / "data.db"

    def fail(self, call: str, number: int) -> None:
        # Put in its place as a whole: the server never reads half a plan.
        made = self.plan.with_suffix(".new")
        made.write_text(f"{call} {number}\n")
        made.rename(self.plan)

    def heal(self) -> None:
        self.plan.unlink()

    def started(self) -> subprocess.CompletedProcess:
        """What `serve` says where it is expected not to start."""
        return subprocess.run(
            [BINARY, "serve", str(self.project.folder), "--port", "0"], capture_output=True, text=True, timeout=60,
            env={**clean_environment(), **self.environment},
        )

    def integrity(self) -> str:
        with sqlite3.connect(self.database) as connection:
            for name in ["pg_jsonb", "pg_numeric"]:
                connection.create_collation(name, lambda a, b: (a > b) - (a < b))
            return connection.execute("pragma quick_check").fetchone()[0]


@pytest.fixture
def disk(library):
    made = Disk(library)
    yield made
    made.project.remove()


def stored(server) -> set[int]:
    return {row["id"] for row in server.rest("GET", "/entries?select=id&limit=100000", "service").json()}


def insert(server, number: int):
    return server.rest("POST", "/entries", "service", json_body={"id": number, "body": "x" * 2000})


def test_o05_writes_are_refused_while_the_disk_is_full_and_resume_by_themselves(disk):
    refuses_and_resumes(disk, ("write", errno.ENOSPC), (507, "53100"))


@pytest.mark.parametrize("call", ["write", "sync"])
def test_o03_writes_are_refused_while_the_disk_fails_and_resume_by_themselves(disk, call):
    refuses_and_resumes(disk, (call, errno.EIO), (500, "PGRSTX00"))


def refuses_and_resumes(disk, fault: tuple[str, int], told: tuple[int, str]) -> None:
    (call, number), (status, code) = fault, told
    acknowledged, refused = {0}, set()
    with Server(disk.project, environment=disk.environment) as server:
        for round_ in range(3):
            for row in range(round_ * 100 + 1, round_ * 100 + 20):
                assert insert(server, row).status_code == 201
                acknowledged.add(row)
            disk.fail(call, number)
            for row in range(round_ * 100 + 50, round_ * 100 + 60):
                answer = insert(server, row)
                assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
                assert answer.json()["hint"] and "data.db" not in answer.text
                refused.add(row)
                answer = server.rest("GET", f"/entries?select=id&id=in.(0,{row})")
                assert (answer.status_code, answer.json()) == (200, [{"id": 0}])
            assert server.client.get(f"{server.url}/readyz").status_code == 503
            assert server.client.get(f"{server.url}/healthz").status_code == 200
            disk.heal()
            assert insert(server, round_ * 100 + 99).status_code == 201
            acknowledged.add(round_ * 100 + 99)
            assert server.client.get(f"{server.url}/readyz").status_code == 200
            assert stored(server) == acknowledged
        disk.fail(call, number)
        assert insert(server, 1000).status_code == status
        server.kill()
        disk.heal()
        server.start()
        # What was refused last may have reached the disk when the sync failed; nothing else has changed.
        assert acknowledged <= stored(server) <= acknowledged | ({1000} if call == "sync" else set())
        assert server.stop() == 0
        assert disk.integrity() == "ok"
    assert not refused & acknowledged


def test_o07_a_limit_on_the_size_of_files_ends_no_process(disk):
    with Server(disk.project) as server:
        size = (disk.database.parent / "data.db-wal").stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 4096, resource.RLIM_INFINITY))
        answers = [insert(server, row) for row in range(1, 40)]
        taken = {row for row, answer in enumerate(answers, 1) if answer.status_code == 201}
        failed = [answer for answer in answers if answer.status_code != 201]
        assert failed and {(answer.status_code, answer.json()["code"]) for answer in failed} == {(500, "PGRSTX00")}
        assert stored(server) == {0} | taken
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert insert(server, 100).status_code == 201
        assert stored(server) == {0, 100} | taken


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES], ids=["read-only", "not permitted"])
def test_o06_files_that_cannot_be_written_are_told_at_the_start(disk, number):
    with Server(disk.project) as server:
        server.stop()
        disk.fail("open", number)
        done = disk.started()
        assert done.returncode != 0
        said = plain(done.stderr)
        assert "data.db" in said and "panicked" not in said, said
        assert "help:" in said, said
        disk.heal()
        server.start()
        assert stored(server) == {0}


@pytest.mark.parametrize("call", ["write", "sync", "open"])
def test_o04_a_disk_that_fails_during_recovery_loses_nothing(disk, call):
    with Server(disk.project, environment=disk.environment) as server:
        acknowledged = {row for row in range(1, 30) if insert(server, row).status_code == 201}
        server.kill()
        assert (disk.database.parent / "data.db-wal").stat().st_size > 0
        for _ in range(2):
            disk.fail(call, errno.EIO)
            started = subprocess.Popen(
                [BINARY, "serve", str(disk.project.folder), "--port", "0"], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={**clean_environment(), **disk.environment},
            )
            try:
                # It refuses to start, or starts and is ended as the first one was.
                started.wait(timeout=2)
                assert started.returncode > 0
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
        disk.heal()
        server.start()
        assert stored(server) == {0} | acknowledged
        server.stop()
        assert disk.integrity() == "ok"


def test_o13_without_randomness_nothing_starts_and_no_key_is_made(disk):
    disk.fail("random", errno.EIO)
    done = disk.started()
    assert done.returncode > 0
    assert not (disk.project.folder / ".backstay" / "keys.json").exists()
    disk.heal()
    with Server(disk.project, environment=disk.environment) as server:
        assert len(server.keys["jwt_secret"]) >= 32
        assert stored(server) == {0}


def test_a_database_that_cannot_be_made_is_told(disk):
    disk.fail("open", errno.EROFS)
    done = disk.started()
    assert done.returncode != 0 and "data.db" in plain(done.stderr), done.stderr
    assert not disk.database.exists()


def damaged(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    match how:
        case "text":
            content = bytearray(b"this is no database\n" * 500)
        case "cut":
            del content[len(content) // 2 :]
        case "header":
            content[:64] = bytes(64)
        case "catalogue":
            for at in range(4096, len(content), 4096):
                content[at : at + 64] = bytes(range(64))
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["text", "cut", "header", "catalogue"])
def test_o08_a_damaged_database_is_not_served(disk, how):
    with Server(disk.project) as server:
        server.stop()
        damaged(disk.database, how)
        before = disk.database.read_bytes()
        for command in (["serve", "--port", "0"], ["migrate", "status"], ["doctor"]):
            done = disk.project.run(*command, check=False)
            said = plain(done.stderr + done.stdout)
            assert done.returncode != 0, said
            assert "data.db" in said or "backup" in said, said
            assert "panicked" not in said
        assert disk.database.read_bytes() == before, "nothing is mended by guessing"


def test_a_foreign_database_is_left_alone(disk):
    disk.database.parent.mkdir(parents=True)
    with sqlite3.connect(disk.database) as connection:
        connection.execute("create table somebody_elses (id integer primary key)")
    connection.close()
    before = disk.database.read_bytes()
    done = disk.started()
    assert done.returncode != 0 and "data.db" in plain(done.stderr), done.stderr
    assert disk.database.read_bytes() == before
