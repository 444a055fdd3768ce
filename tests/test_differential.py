"""SQLite and PostgreSQL answer generated requests to generated projects alike.

Each write is asked for with `tx=rollback`, so that a request can be asked again: one that is answered
differently is made smaller as long as it stays so, and then the schema under it. Some writes are kept,
and then the rows compared. Rows that the request does not order are compared as a set.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from harness.differences import KNOWN, Case, as_read
from harness.generated import Part, Request, Requests, World, schema
from harness.rules import CALLERS
from harness.server import ROOT, Project, Server

WORLDS = 20 if os.environ.get("BACKSTAY_NIGHTLY") else 4
REQUESTS_EACH = 1000 if os.environ.get("BACKSTAY_NIGHTLY") else 500
SEED = int(os.environ.get("TEST_SEED", "1"))
# Time is no part of the comparison.
SETTINGS = """
[api]
aggregates = true
require_rls = false
tx_end = "commit-allow-override"
[limits]
anon_statement_ms = 60000
statement_ms = 60000
"""

COMPARED = ["content-type", "content-range", "content-location", "location", "preference-applied", "allow", "www-authenticate"]
SHRINKING_MAX = 300
SCHEMA_SHRINKING_MAX = 80
DIFFERENCES_MAX = 10


def sorted_rows(value, spreads: bool):
    """Lists of objects as sets, and what spreads gather; other lists keep their order."""
    if isinstance(value, list):
        items = [sorted_rows(item, spreads) for item in value]
        return sorted(items, key=json.dumps) if spreads or all(isinstance(item, dict) for item in items) else items
    if isinstance(value, dict):
        return {key: sorted_rows(item, spreads) for key, item in value.items()}
    return value


def seen(request: Request, answer: httpx.Response):
    """What is compared."""
    headers = {name: answer.headers.get(name) for name in COMPARED}
    ordered = any(part.startswith("order=") for part in request.query)
    text = answer.text
    if "json" in answer.headers.get("content-type", ""):
        body = sorted_rows(json.loads(text, parse_float=str, parse_int=str), "..." in request.target()) if text else ""
    else:
        body = text if ordered else sorted(text.split("\n"))
    return answer.status_code, headers, body


class Pair:
    """The same project on both engines."""

    def __init__(self, world: World, databases, parts: list[Part] | None = None, known=tuple(KNOWN)):
        self.world, self.databases, self.known = world, databases, known
        self.parts = world.parts if parts is None else parts
        self.servers: list[Server] = []
        self.clients: list[httpx.Client] = []
        self.pool: ThreadPoolExecutor | None = None
        try:
            for engine in ("sqlite", "postgres"):
                project = Project({"migrations/0001_schema.sql": schema(self.parts)}, SETTINGS)
                try:
                    self.servers.append(Server(project, environment=databases.environment(engine)))
                except RuntimeError:
                    project.remove()
                    raise
        except RuntimeError:
            self.stop()
            raise
        self.clients = [httpx.Client(base_url=f"{server.url}/rest/v1", timeout=60) for server in self.servers]
        everyone = {caller: (caller.uid or "anon", dict(caller.claims)) for caller in CALLERS} | {"service": ("service", {})}
        self.sent_as = {who: [server.headers(name, **claims) for server in self.servers] for who, (name, claims) in everyone.items()}
        self.pool = ThreadPoolExecutor(2)
        self.last = 0

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        if self.pool:
            self.pool.shutdown()
        for server in self.servers:
            server.client.close()
            server.stop()
            server.project.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, request: Request, keep: bool = False) -> list[httpx.Response]:
        prefer = (*request.prefer, *(() if keep or request.method in ("GET", "HEAD") else ("tx=rollback",)))
        headers = {**dict(request.headers), **({"Prefer": ", ".join(prefer)} if prefer else {})}
        content = None if request.body is None else json.dumps(request.body)
        if content is not None:
            headers["Content-Type"] = "application/json"

        def one(place: int) -> httpx.Response:
            return self.clients[place].request(request.method, request.target(), headers={**self.sent_as[request.who][place], **headers}, content=content)

        return list(self.pool.map(one, range(2)))

    def differ(self, request: Request, keep: bool = False):
        """The two answers if they differ without a known reason."""
        first, second = self.ask(request, keep)
        self.last = second.status_code
        if seen(request, first) == seen(request, second):
            return None
        return None if self.is_known(request, (first, second)) else (first, second)

    def is_known(self, request: Request, answers) -> bool:
        if request.method == "HEAD":
            read = self.ask(as_read(request))
            if [one.status_code for one in read] != [one.status_code for one in answers]:
                return False
            request, answers = as_read(request), read
        case = Case(self.world, request, *answers, self.ask)
        return any(known.matches(case) for known in self.known)

    def shrink(self, request: Request) -> Request:
        """The smallest request found that differs in the same way."""
        found = self.differ(request)
        if found is None:
            return request
        asked, kind = 0, [answer.status_code for answer in found]
        again = True
        while again and asked < SHRINKING_MAX:
            again = False
            for less in request.smaller():
                asked += 1
                found = self.differ(less)
                if found and [answer.status_code for answer in found] == kind:
                    request, again = less, True
                    break
        return request

    def shrink_schema(self, request: Request) -> list[Part]:
        """The smallest schema found under which the request differs in the same way."""
        kind = [answer.status_code for answer in self.differ(request) or ()]

        def differs(parts: list[Part]) -> bool:
            try:
                with Pair(self.world, self.databases, parts, self.known) as pair:
                    return [answer.status_code for answer in pair.differ(request) or ()] == kind
            except RuntimeError:
                # What is left is no schema.
                return False

        parts = self.parts
        if not kind:
            return parts
        # Whole tables first, those that others refer to last; then the rows of each.
        names = ["members", *self.world.tables]
        wholes = [lambda part, name=name: part.belongs_to(name) for name in reversed(names)]
        rows = [lambda part, name=name: part.table == name and part.row for name in names]
        for goes in [*wholes, *rows]:
            less = [part for part in parts if not goes(part)]
            if len(less) < len(parts) and differs(less):
                parts = less
        return smallest(parts, differs, SCHEMA_SHRINKING_MAX)

    def told(self, request: Request, found) -> str:
        small = self.shrink(request)
        found = self.differ(small) or found
        lines = [f"{a.status_code} {[a.headers.get(n) for n in COMPARED]} {a.text[:700]}" for a in found]
        return (
            f"{small.method} {small.target()}\n  as {small.who} {small.prefer} {small.headers} {json.dumps(small.body)}\n"
            f"  SQLite:     {lines[0]}\n  PostgreSQL: {lines[1]}\n{schema(self.shrink_schema(small))}"
        )

    def state(self, names=None):
        """The first of these tables (all) whose rows differ."""
        for name in names or self.world.tables:
            table = self.world.tables[name]
            request = Request("service", "GET", f"/{name}", (f"order={','.join(table.key)}",))
            if found := self.differ(request):
                return self.told(request, found)
        return None


def smallest(items: list, holds, tries: int) -> list:
    """Without every run of items that can be left out, long runs first; `holds` is asked at most so often."""
    size = len(items) // 2
    while size and tries:
        at = 0
        while at < len(items) and tries:
            less = items[:at] + items[at + size:]
            tries -= 1
            if holds(less):
                items = less
            else:
                at += size
        size //= 2
    return items


@pytest.mark.parametrize("number", range(WORLDS))
def test_generated_requests_are_answered_alike(databases, number):
    seed = SEED * 1000 + number
    pair = Pair(World(seed), databases)
    differences, statuses = [], []
    try:
        assert (unequal := pair.state()) is None, f"seed {seed}, before the first request: {unequal}"
        requests = Requests(pair.world, seed)
        for at in range(REQUESTS_EACH):
            request = requests.request()
            found = pair.differ(request)
            if found is None and request.method not in ("GET", "HEAD") and at % 4 == 0:
                found = pair.differ(request, keep=True)
                if found is None and (unequal := pair.state([request.path.split("_")[-1].lstrip("/")])):
                    differences.append(f"seed {seed}, request {at} left other rows: {request}\n{unequal}")
                    break
            if found:
                differences.append(f"seed {seed}, request {at}: {pair.told(request, found)}")
                if len(differences) >= DIFFERENCES_MAX:
                    break
            else:
                statuses.append(pair.last)
        if not differences and (unequal := pair.state()):
            differences.append(f"seed {seed}, after the last request: {unequal}")
    finally:
        pair.stop()
    assert not differences, "\n".join(differences)
    good = sum(status < 300 for status in statuses)
    assert len(statuses) == REQUESTS_EACH and good > REQUESTS_EACH * 0.3, f"{good} of {len(statuses)} requests were answered with rows"


def test_known_differences_are_documented():
    documented = (ROOT / "docs" / "engine-differences.md").read_text()
    assert [known.reason for known in KNOWN if known.reason not in documented] == []


def test_a_difference_is_found_and_made_small(databases):
    """The comparison itself: rows of one side only must show."""
    with Pair(World(SEED, tables=1, views=0), databases) as pair:
        body = [{"user_id": "00000000-0000-4000-8000-000000000009", "grp": 77}]
        pair.clients[0].post("/members", headers={**pair.sent_as["service"][0], "Content-Type": "application/json"}, content=json.dumps(body))
        request = Request("service", "GET", "/members", ("select=grp,user_id", "grp=gt.1", "user_id=not.is.null", "order=grp"), ("count=exact",))
        assert pair.differ(request) is not None
        assert pair.shrink(request) == replace(request, query=(), prefer=())


def test_the_schema_under_a_difference_is_made_small(databases):
    world = World(SEED, tables=1, views=0)
    # Some of it: each try starts two servers.
    lines = [part for part in world.parts if part.table == "t0" and part.column in ("id", "n", "s", "flag") or part.text == "primary key (id)"]
    rows = [part for part in world.parts if part.table == "t0" and part.row][:3]
    with Pair(world, databases, [*lines, *rows], known=()) as pair:
        request = pair.shrink(Request("service", "GET", "/t0", ("flag=is.null", "n=gt.2147483646", "s=match.(")))
        assert request.query == ("n=gt.2147483646", "s=match.(")
        parts = pair.shrink_schema(request)
        assert [part.column for part in parts] == ["n", "s"]


def test_runs_that_do_not_matter_are_left_out():
    assert smallest(list("abcdefgh"), lambda kept: {"b", "g"} <= set(kept), 100) == ["b", "g"]
    assert smallest(list("abcdefgh"), lambda kept: {"b", "g"} <= set(kept), 1) == list("abcdefgh")
