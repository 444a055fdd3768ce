"""Holds the table of what sign-in does, `docs/auth-items.md`, to the tests."""

import re
from pathlib import Path

from harness.server import ROOT

FOLDER = Path(__file__).parent
ROW = re.compile(
    r"^\| (?P<item>[0-9.]+) \| [^|]+ \| (?:core|common|rare) \| (?P<holds>yes|partly: [^|]+|not yet: [^|]+) \| (?:`(?P<test>\w+)` )?\|$"
)


def rows() -> list[re.Match]:
    lines = (ROOT / "docs" / "auth-items.md").read_text().splitlines()
    found = [ROW.match(line) for line in lines if line.startswith("| ") and line[2].isdigit()]
    assert None not in found, "a row of the table is malformed"
    return found


def proven() -> set[str]:
    python = "".join(path.read_text() for path in FOLDER.glob("test_auth*.py"))
    scenarios = (FOLDER / "clients" / "auth.mjs").read_text()
    return set(re.findall(r"^def (test_\w+)", python, re.M)) | set(re.findall(r"^  async (\w+)\(\) \{", scenarios, re.M))


def test_every_item_that_holds_names_a_test():
    known = proven()
    assert [row["item"] for row in rows() if row["holds"] == "yes" and row["test"] not in known] == []


def test_items_are_listed_once():
    items = [row["item"] for row in rows()]
    assert len(items) == len(set(items))


def test_every_attack_that_holds_has_a_test():
    table = re.findall(r"^\| A(\d\d) \| [^|]+ \| (yes|waits for: )", (ROOT / "docs" / "auth-items.md").read_text(), re.M)
    assert [number for number, _ in table] == [f"{number:02}" for number in range(1, 51)]
    tested = {name[6:8] for name in proven() if re.match(r"test_a\d\d_", name)}
    assert {number for number, holds in table if holds == "yes"} == tested
