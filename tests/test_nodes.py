"""Three nodes on one PostgreSQL: they serve the same, and what befalls one or the database loses nothing."""

import itertools
import os
import statistics
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
    """Clients of one node that write and read what they wrote; each answer is kept. `pause` is between two of them."""

    def __init__(self, server: Server, node: int, numbers, pause: float = 0):
        self.server, self.node, self.numbers, self.pause = server, node, numbers, pause
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
                time.sleep(0.05 if wrote.status_code == 503 else self.pause)

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
    with Postgres("-c track_commit_timestamp=on") as running:
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


class Watcher:
    """Asks a node for a column again and again, and notes when it is there first."""

    def __init__(self, node: Server, column: str):
        self.node, self.column = node, column
        self.seen_at: float | None = None
        self.other: list[str] = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        until = time.monotonic() + 60
        with httpx.Client(headers=self.node.headers("service"), timeout=30) as client:
            while self.seen_at is None and time.monotonic() < until:
                answer = client.get(f"{self.node.url}/rest/v1/entries?select={self.column}&limit=1")
                if answer.status_code == 200 and answer.json() == [{self.column: "new"}]:
                    self.seen_at = time.time()
                elif answer.status_code != 400 or answer.json()["code"] != "42703":
                    self.other.append(answer.text)
                time.sleep(0.01)

    def delay(self, committed_at: float) -> float:
        self.thread.join()
        assert self.other == [] and self.seen_at is not None, self.other
        return self.seen_at - committed_at


def test_o27_a_migration_through_one_node_is_served_by_all_within_a_second(nodes, project, postgres, numbers):
    """Counted from the commit, whose time the database keeps, while each node serves one client."""
    loads = [Load(node, place, numbers, pause=0.03) for place, node in enumerate(nodes)]
    delays = []
    for turn in range(3):
        column = f"note{turn}"
        watchers = [Watcher(node, column) for node in nodes[1:]]
        project.write({f"migrations/000{turn + 2}_{column}.sql": f"alter table public.entries add column {column} text default 'new';"})
        nodes[0].stop()
        nodes[0].start()
        made = f"select extract(epoch from pg_xact_commit_timestamp(xmin)) from pg_attribute where attrelid = 'public.entries'::regclass and attname = '{column}'"
        committed_at = float(postgres.psql(made, "nodes"))
        delays.append(max(watcher.delay(committed_at) for watcher in watchers))
    print("served by all after", ", ".join(f"{delay:.3f} s" for delay in delays))
    for load in loads:
        load.stop()
    assert [load.failures() for load in loads] == [[], [], []]
    assert [load.unreachable for load in loads[1:]] == [0, 0]
    # The middle one of three: a computer that is busy with something else for once decides nothing.
    assert statistics.median(delays) <= 1


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


class Balancer:
    """Sends requests to nodes that say they are ready, each on a connection of its own."""

    def __init__(self, nodes: list[Server]):
        self.ready = {place: True for place in range(len(nodes))}
        self.nodes, self.turns, self.stopping = nodes, itertools.count(), threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self) -> None:
        while not self.stopping.is_set():
            for place, node in enumerate(self.nodes):
                try:
                    self.ready[place] = httpx.get(f"{node.url}/readyz", timeout=5).status_code == 200
                except httpx.TransportError:
                    self.ready[place] = False
            time.sleep(0.02)

    def post(self, path: str, **sent) -> httpx.Response:
        ready = [node for place, node in enumerate(self.nodes) if self.ready[place]]
        return httpx.post(ready[next(self.turns) % len(ready)].url + path, timeout=30, **sent)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()


def test_o31_restarting_one_node_after_the_other_loses_no_request(nodes, postgres, numbers):
    for node in nodes:
        node.environment["BACKSTAY_SERVER_SHUTDOWN_DELAY_MS"] = "1500"
        node.stop()
        node.start()
    balancer, stopping = Balancer(nodes), threading.Event()
    acknowledged, lost = set(), []

    def write() -> None:
        while not stopping.is_set():
            number = next(numbers)
            try:
                answer = balancer.post("/rest/v1/entries", headers=nodes[0].headers("service"), json={"id": number, "node": 9})
            except httpx.TransportError as error:
                lost.append(repr(error))
                continue
            if answer.status_code == 201:
                acknowledged.add(number)
            else:
                lost.append(f"{answer.status_code} {answer.text}")

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for place, node in enumerate(nodes):
        before = len(acknowledged)
        assert node.stop() == 0
        node.start()
        until = time.monotonic() + 60
        while not balancer.ready[place] or len(acknowledged) < before + STEP:
            assert time.monotonic() < until
            time.sleep(0.01)
    stopping.set()
    for writer in writers:
        writer.join()
    balancer.stop()
    assert lost == []
    assert acknowledged <= stored(postgres)
