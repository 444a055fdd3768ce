"""An acknowledged write is on disk: killed at random moments, and in a model of power losses."""

import os
import random
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from durability.powerloss import Model, read_trace, reopen
from harness.server import BINARY, Project, Server, clean_environment
from harness.writers import Writers

NIGHTLY = bool(os.environ.get("BACKSTAY_NIGHTLY"))
KILLS = 200 if NIGHTLY else 15
STATES = 2000 if NIGHTLY else 300

SCHEMA = """
create table public.entries (id bigint primary key, body text not null, n int not null default 0);
alter table public.entries enable row level security;
create policy everything on public.entries for all using (true) with check (true);
"""


def test_o01_killed_at_random_moments_nothing_acknowledged_is_lost():
    """O01"""
    random.seed(1)
    project = Project({"migrations/0001_entries.sql": SCHEMA})
    server = Server(project)
    acknowledged: set[int] = set()
    sent: set[int] = set()
    first = 1
    try:
        for _ in range(KILLS):
            writers = Writers(server, 4, first)
            while not writers.acknowledged:
                time.sleep(0.005)
            time.sleep(random.uniform(0.0, 0.25))
            server.kill()
            writers.stop()
            acknowledged |= {number for number, _ in writers.acknowledged}
            sent |= writers.sent
            first = max(sent) + 1
            connection = sqlite3.connect(project.folder / ".backstay" / "data.db")
            assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"
            stored = {row[0] for row in connection.execute("select id from entries")}
            connection.close()
            assert acknowledged <= stored, sorted(acknowledged - stored)
            assert stored <= sent
            server.start()
        assert len(acknowledged) > KILLS
    finally:
        server.stop()
        project.remove()


def test_o04_killed_again_and_again_during_recovery_nothing_is_lost():
    random.seed(4)
    project = Project({"migrations/0001_entries.sql": SCHEMA})
    server = Server(project)
    try:
        writers = Writers(server, 4, 1)
        while len(writers.acknowledged) < 50:
            time.sleep(0.005)
        server.kill()
        writers.stop()
        acknowledged = {number for number, _ in writers.acknowledged}
        for _ in range(20):
            started = subprocess.Popen(
                [BINARY, "serve", str(project.folder), "--port", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=clean_environment(),
            )
            time.sleep(random.uniform(0.0, 0.15))
            started.kill()
            started.wait()
        server.start()
        stored = {row["id"] for row in server.rest("GET", "/entries?select=id&limit=100000", "service").json()}
        assert acknowledged <= stored <= writers.sent
    finally:
        server.stop()
        project.remove()


@pytest.fixture(scope="module")
def recorder(tmp_path_factory) -> Path:
    library = tmp_path_factory.mktemp("recorder") / "record.so"
    source = Path(__file__).parent / "durability" / "record.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def record(recorder: Path, durability: str) -> tuple[list, list[tuple[int, int]]]:
    project = Project({"migrations/0001_entries.sql": SCHEMA}, f'[database]\ndurability = "{durability}"\n')
    trace = project.folder / "trace"
    environment = {
        "LD_PRELOAD": str(recorder),
        "RECORD_FOLDER": str(project.folder / ".backstay"),
        "RECORD_TRACE": str(trace),
    }
    try:
        with Server(project, environment=environment) as server:
            writers = Writers(server, 6, 1, trace)
            time.sleep(3)
            writers.stop()
            server.stop()
            return read_trace(trace), writers.acknowledged
    finally:
        project.remove()


def losses(events, acknowledged, folder: Path, seed: int) -> tuple[int, int, int]:
    """States looked at, states that were damaged, states that missed an acknowledged row."""
    looked = damaged = missing = 0
    start = min((position for _, position in acknowledged), default=0)
    first = sum(1 for event in events if event.end < start)
    for position, files in Model(events, seed).states(STATES, first):
        looked += 1
        verdict, rows = reopen(folder, files, "entries")
        promised = {number for number, at in acknowledged if at <= position}
        if verdict != "ok":
            damaged += 1
        elif not promised <= rows:
            missing += 1
    return looked, damaged, missing


def test_o02_power_loss_takes_nothing_that_was_acknowledged(recorder, tmp_path):
    """O02"""
    events, acknowledged = record(recorder, "full")
    assert len(acknowledged) > 100
    looked, damaged, missing = losses(events, acknowledged, tmp_path, seed=2)
    assert looked == STATES
    assert (damaged, missing) == (0, 0)


def test_control_without_syncs_the_model_finds_losses(recorder, tmp_path):
    """O02: the model is worth something only if it fails where it must."""
    events, acknowledged = record(recorder, "off")
    _, damaged, missing = losses(events, acknowledged, tmp_path, seed=3)
    assert damaged + missing > 0
