"""Generated policies and requests: the server answers as a plain row by row evaluation does."""

import json
import os
import random

import httpx
import pytest

from harness.referee import Caller, Policy, Referee, Refused, literal, truth
from harness.rules import CALLERS, MEMBERS, USERS, policies
from harness.server import Project, Server

TABLES = 40
CASES_EACH = 15
ROUNDS = 17 if os.environ.get("BACKSTAY_NIGHTLY") else 1
SEED = int(os.environ.get("TEST_SEED", "1"))
COLUMNS = "id int primary key, owner uuid, grp int, n int, s text, flag boolean"


def row(r: random.Random, id: int) -> dict:
    return {
        "id": id, "owner": r.choice([*USERS, None]), "grp": r.choice([1, 2, 3, None]), "n": r.choice([0, 1, 2, 3, 4, None]),
        "s": r.choice(["a", "b", "c", None]), "flag": r.choice([True, False, None]),
    }


def condition(r: random.Random) -> tuple[str, tuple]:
    """A filter as the address says it, and as the referee does."""
    n, s = r.randint(0, 4), r.choice(["a", "b"])
    return r.choice([
        ("id=gt.0", ("compare", "id", ">", 0)),
        (f"n=gt.{n}", ("compare", "n", ">", n)),
        (f"s=neq.{s}", ("compare", "s", "<>", s)),
        (f"n=not.lte.{n}", ("not", ("compare", "n", "<=", n))),
        ("flag=is.true", ("and", ("truth", "flag"), ("not", ("null", "flag")))),
        ("owner=is.null", ("null", "owner")),
        (f"or=(s.eq.{s},n.eq.{n})", ("or", ("compare", "s", "=", s), ("compare", "n", "=", n))),
        (f"id=lte.{n * 3}", ("compare", "id", "<=", n * 3)),
    ])


class Round:
    """Many tables of one seed in one server."""

    def __init__(self, seed: int, referee=Referee):
        self.r = random.Random(seed)
        self.tables: dict[str, Referee] = {}
        for number in range(TABLES):
            rows = {id: row(self.r, id) for id in range(1, 13)}
            self.tables[f"t{number}"] = referee(policies(self.r), MEMBERS, rows)

    def schema(self) -> str:
        text = "create table public.members (user_id uuid not null, grp int);\nalter table public.members enable row level security;\n"
        text += "create policy everybody on public.members for select using (true);\n"
        text += "".join(f"insert into public.members values ({literal(u)}, {literal(g)});\n" for u, g in MEMBERS)
        for name, table in self.tables.items():
            text += f"create table public.{name} ({COLUMNS});\nalter table public.{name} enable row level security;\n"
            text += "".join(f"insert into public.{name} values ({', '.join(map(literal, r.values()))});\n" for r in table.rows.values())
            text += "\n".join(policy.sql(name) for policy in table.policies) + "\n"
        return text

    def case(self, name: str):
        """Asks the referee; what is sent and what must come back."""
        r, table = self.r, self.tables[name]
        caller, kind, returning = r.choice(CALLERS), r.choice(["select", "select", "insert", "upsert", "upsert", "update", "delete"]), r.random() < 0.6
        text, meant = condition(r)
        prefer, body, method, query = [f"return={'representation' if returning else 'minimal'}"], None, "GET", [text]
        if kind in ("insert", "upsert"):
            ids = r.sample(range(1, 30), r.choice([1, 1, 2])) if kind == "upsert" or r.random() < 0.2 else [r.randint(100, 10**6)]
            body, method, query, conflict = [row(r, id) for id in ids], "POST", [], None
            if kind == "upsert":
                conflict = r.choice(["merge", "ignore"])
                prefer.append(f"resolution={conflict}-duplicates")
            act = lambda: table.insert(caller, body, returning, conflict)
        elif kind == "update":
            made = row(r, 0)
            body, method = {c: made[c] for c in r.sample(["owner", "grp", "n", "s", "flag"], r.randint(1, 2))}, "PATCH"
            if r.random() < 0.15:
                query, meant = [], None
            act = lambda: table.update(caller, body, meant, returning)
        elif kind == "delete":
            query, meant, method = [text, "id=lte.5"], ("and", meant, ("compare", "id", "<=", 5)), "DELETE"
            act = lambda: table.delete(caller, meant)
        else:
            query, returning = [text, "order=id"], True
            act = lambda: table.select(caller, meant)
        try:
            expected = act()
        except Refused as refused:
            expected = str(refused)
        return caller, kind, returning, (method, f"/{name}?{'&'.join(query)}", {"Prefer": ",".join(prefer)}, body), expected


class Asking:
    """The server's side."""

    def __init__(self, server: Server):
        self.server = server
        self.client = httpx.Client(base_url=f"{server.url}/rest/v1", timeout=60)
        self.service = server.headers("service")
        self.sent_as = {c: server.headers(c.uid or "anon", **dict(c.claims)) for c in CALLERS}

    def ask(self, caller: Caller, method: str, target: str, headers: dict, body):
        sent = {**self.sent_as[caller], **headers, "Content-Type": "application/json"}
        return self.client.request(method, target, headers=sent, content=None if body is None else json.dumps(body))

    def rows(self, name: str) -> list[dict]:
        answer = self.client.get(f"/{name}?order=id", headers=self.service)
        assert answer.status_code == 200, answer.text
        return answer.json()


def by_id(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: row["id"])


def disagreement(asking: Asking, made: Round, name: str) -> tuple[str | None, str]:
    """One case: what differs, if anything, and what kind of answer it was."""
    before = by_id(made.tables[name].rows.values())
    caller, kind, returning, request, expected = made.case(name)
    answer = asking.ask(caller, *request)
    refused = isinstance(expected, str)
    if refused or answer.status_code >= 400:
        got = answer.json()["code"] if answer.status_code >= 400 else answer.status_code
    else:
        got = by_id(answer.json()) if returning else []
        expected = by_id(expected) if returning else []
    state = by_id(made.tables[name].rows.values())
    held = asking.rows(name) if kind != "select" else state
    outcome = f"{kind} {expected if refused else 'rows' if expected else 'nothing'}"
    if got == expected and held == state:
        return None, outcome
    rules = "\n    ".join(policy.sql(name) for policy in made.tables[name].policies)
    return (
        f"{request}\n  as {caller}\n    {rules}\n  before:   {before}\n  expected: {expected}\n  got:      {got} {answer.status_code} {answer.text[:300]}\n"
        f"  rows then: {'as expected' if held == state else [row for row in held if row not in state] or 'rows are missing'}",
        outcome,
    )


def play(seed: int, referee=Referee) -> tuple[list[str], list[str]]:
    """A whole round: the differences and the kinds of answers. A table is left at its first difference."""
    made = Round(seed, referee)
    project = Project({"migrations/0001_tables.sql": made.schema()})
    differences, outcomes = [], []
    with Server(project) as server:
        asking = Asking(server)
        for name in made.tables:
            for case in range(CASES_EACH):
                found, outcome = disagreement(asking, made, name)
                outcomes.append(outcome)
                if found:
                    differences.append(f"seed {seed}, {name}, case {case}: {found}")
                    break
    return differences, outcomes


@pytest.mark.parametrize("number", range(ROUNDS))
def test_p22_server_agrees_with_the_referee(number):
    differences, outcomes = play(SEED + number)
    assert not differences, "\n".join(differences[:5])
    assert len(outcomes) == TABLES * CASES_EACH
    for kind in ("select", "insert", "upsert", "update", "delete"):
        assert outcomes.count(f"{kind} rows") > 3, sorted(set(outcomes))
    for kind in ("insert", "upsert", "update"):
        assert outcomes.count(f"{kind} 42501") > 3, sorted(set(outcomes))


class RestrictiveWidens(Referee):
    def allows(self, command, row, caller, checking=False):
        wide = [Policy(p.name, True, p.command, p.role, p.using, p.check) for p in self.policies]
        return Referee(wide, self.members).allows(command, row, caller, checking)


class UnknownHolds(Referee):
    def holds(self, predicate, row, caller):
        return truth(predicate, row, caller, self.members) is not False


class WritesNeedNoReading(Referee):
    def insert(self, caller, new, returning, conflict):
        return super().insert(caller, new, False, conflict)


class CheckIsForgotten(Referee):
    def allows(self, command, row, caller, checking=False):
        return super().allows(command, row, caller, checking and command == "insert")


@pytest.mark.parametrize("wrong", [RestrictiveWidens, UnknownHolds, WritesNeedNoReading, CheckIsForgotten])
def test_a_wrong_referee_is_found_out(wrong):
    differences, _ = play(SEED, wrong)
    assert differences
