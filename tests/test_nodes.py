"""Three nodes on one PostgreSQL: they serve the same, and what befalls one or the database loses nothing."""

import os
import threading
import time

import httpx
import pytest

from harness.postgres import Postgres
from harness.server import Project, Server

NIGHTLY = bool(os.environ.get("BACKSTAY_NIGHTLY"))
ROUNDS = 10 if NIGHTLY else 1
# Of writes between two events.
STEP = 200 if NIGHTLY else 40

SCHEMA = """
create table public.entries (id bigint primary key, node int not null);
alter table public.entries enable row level security;
create policy everything on public.entries to service_role using (true) with check (true);
"""


class Load:
    """Clients of one node that write and read what they wrote; each answer is kept."""

    def __init__(self, server: Server, node: int, numbers):
        self.server, self.node, self.numbers = server, node, numbers
        self.acknowledged: set[int] = set()
        self.answers: list[httpx.Response] = []
        self.unreachable = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self) -> None:
        headers = self.server.headers("service")
        with httpx.Client(headers=headers, timeout=30) as client:
            while not self.stopping.is_set():
                number = next(self.numbers)
                try:
                    url = f"{self.server.url}/rest/v1/entries"
                    wrote = client.post(url, json={"id": number, "node": self.node})
                    read = client.get(f"{url}?id=eq.{number}&select=id")
                except httpx.TransportError:
                    self.unreachable += 1
                    time.sleep(0.02)
                    continue
                self.answers += [wrote, read]
                if wrote.status_code == 201:
                    self.acknowledged.add(number)
                    if read.status_code == 200:
                        assert read.json() == [{"id": number}]
                if wrote.status_code == 503:
                    time.sleep(0.05)

    def wait(self, more: int) -> None:
        """Until so many more writes were acknowledged."""
        count = len(self.acknowledged) + more
        until = time.monotonic() + 60
        while len(self.acknowledged) < count:
            assert time.monotonic() < until, f"node {self.node} does not serve"
            time.sleep(0.01)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def failures(self) -> list[str]:
        return [f"{one.status_code} {one.text}" for one in self.answers if one.status_code >= 400]


class Numbers:
    def __init__(self):
        self.last, self.lock = 0, threading.Lock()

    def __next__(self) -> int:
        with self.lock:
            self.last += 1
            return self.last


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as running:
        yield running


@pytest.fixture(scope="module")
def project():
    made = Project({"migrations/0001_entries.sql": SCHEMA})
    yield made
    made.remove()


@pytest.fixture(scope="module")
def nodes(postgres, project):
    environment = {"BACKSTAY_DATABASE_URL": postgres.create("nodes")}
    # The nodes of a project have its keys in common, so they share its folder here.
    running = [Server(project, environment=environment) for _ in range(3)]
    yield running
    for node in running:
        node.client.close()
        node.stop()


@pytest.fixture(scope="module")
def numbers():
    return Numbers()


@pytest.fixture
def loads(nodes, numbers):
    started = [Load(node, place, numbers) for place, node in enumerate(nodes)]
    for load in started:
        load.wait(10)
    yield started
    for load in started:
        load.stop()


def stored(postgres) -> set[int]:
    return {int(line) for line in postgres.psql("select id from public.entries", "nodes").split()}


def demand_nothing_lost(postgres, loads) -> None:
    for load in loads:
        load.stop()
    promised = set().union(*(load.acknowledged for load in loads))
    assert promised <= stored(postgres)


def test_o27_a_migration_through_one_node_is_served_by_all(nodes, project, loads):
    project.write({"migrations/0002_notes.sql": "alter table public.entries add column note text default 'new';"})
    nodes[0].stop()
    nodes[0].start()
    since = time.monotonic()
    for node in nodes[1:]:
        while (answer := node.rest("GET", "/entries?select=note&limit=1", "service")).status_code != 200:
            assert answer.status_code == 400 and answer.json()["code"] == "42703", answer.text
            assert time.monotonic() - since < 30
        assert answer.json() == [{"note": "new"}]
    print(f"served by all after {time.monotonic() - since:.3f} s")
    for load in loads:
        load.wait(STEP)
        load.stop()
    assert [load.failures() for load in loads] == [[], [], []]
    assert [load.unreachable for load in loads[1:]] == [0, 0]


def test_a_node_that_is_killed_loses_nothing_and_the_others_go_on(nodes, postgres, loads):
    for turn in range(ROUNDS):
        nodes[turn % 3].kill()
        for place, load in enumerate(loads):
            if place != turn % 3:
                load.wait(STEP)
        nodes[turn % 3].start()
        loads[turn % 3].wait(STEP)
    demand_nothing_lost(postgres, loads)
    assert [load.failures() for load in loads] == [[], [], []]
    assert [load.unreachable for load in loads[min(ROUNDS, 3):]] == [0] * (3 - min(ROUNDS, 3))


def test_while_the_database_restarts_every_node_answers_503_and_comes_back(nodes, postgres, loads):
    for _ in range(ROUNDS):
        postgres.restart()
        for load in loads:
            load.wait(STEP)
    demand_nothing_lost(postgres, loads)
    refused = [answer for load in loads for answer in load.answers if answer.status_code >= 400]
    assert refused
    assert {answer.status_code for answer in refused} == {503}, {answer.text for answer in refused}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert [load.unreachable for load in loads] == [0, 0, 0]
