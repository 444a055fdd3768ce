"""Generated row policies, and the callers and members they are about.

Policies speak of the columns owner, grp, n, s and flag, and of `public.members`.
"""

import random

from harness.referee import Caller, Policy

USERS = [f"00000000-0000-4000-8000-00000000000{i}" for i in range(1, 4)]

MEMBERS = [(USERS[0], 1), (USERS[0], 2), (USERS[1], 2), (USERS[1], None), (USERS[2], None)]
CALLERS = [
    Caller("anon"),
    Caller("authenticated", USERS[0], (("team", "a"), ("level", 3))),
    Caller("authenticated", USERS[1], (("team", "b"),)),
    Caller("authenticated", USERS[2], (("level", 0),)),
]


def predicate(r: random.Random, depth: int = 2) -> tuple:
    chance = r.random()
    if depth and chance < 0.35:
        return (r.choice(["and", "or", "or"]), predicate(r, depth - 1), predicate(r, depth - 1))
    if depth and chance < 0.45:
        return ("not", predicate(r, depth - 1))
    return r.choice([
        ("constant", r.choice([True, True, False, None])),
        ("compare", "n", r.choice(["=", "<>", ">", "<="]), r.choice([0, 1, 2, 3, 4, None])),
        ("compare", "s", r.choice(["=", "<>"]), r.choice(["a", "b", "c"])),
        ("null", r.choice(["owner", "grp", "n", "s", "flag"])),
        ("truth", "flag"),
        ("owner",),
        ("owner_subselect",),
        ("claim_text", "s", "team"),
        ("claim_number", "n", "level"),
        ("member_in",),
        ("member_not_in",),
        ("member_exists",),
    ])


def policy(r: random.Random, number: int) -> Policy:
    command = r.choice(["all", "all", "select", "select", "insert", "update", "delete"])
    using = predicate(r) if command != "insert" else None
    check = predicate(r) if command == "insert" or (command in ("all", "update") and r.random() < 0.5) else None
    role = r.choice(["public", "public", "authenticated", "anon"])
    return Policy(f"p{number}", r.random() < 0.75, command, role, using, check)


def policies(r: random.Random) -> list[Policy]:
    made = [policy(r, number) for number in range(r.randint(1, 6))]
    if r.random() < 0.5:
        made.append(Policy("wide", True, "select", "public", r.choice([("constant", True), predicate(r, 1)]), None))
    if r.random() < 0.4:
        made.append(Policy("open", True, "all", "public", ("constant", True), r.choice([None, predicate(r)])))
    return made
