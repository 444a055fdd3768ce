"""Holds the table of the dialect's items, `docs/rest-items.md`, to the cases of `conformance/*.yaml`."""

import re

from harness.server import ROOT
from test_conformance import FOLDER, load

ROW = re.compile(r"^\| (?P<item>[0-9.]+) \| [^|]+ \| (core|common|rare) \| (?P<holds>[^|]+) \|$")


def rows() -> dict[str, str]:
    lines = (ROOT / "docs" / "rest-items.md").read_text().splitlines()
    found = [ROW.match(line) for line in lines if line.startswith("| ") and line[2].isdigit()]
    assert None not in found, "a row of the table is malformed"
    return {row["item"]: row["holds"].strip() for row in found}


def items_of_cases() -> set[str]:
    return {case["item"] for path in FOLDER.glob("*.yaml") for case in load(path)["cases"]}


def test_every_item_that_holds_has_a_case():
    cases = items_of_cases()
    assert [item for item, holds in rows().items() if holds == "yes" and item not in cases] == []


def test_every_case_names_an_item():
    assert items_of_cases() - rows().keys() == set()


def test_every_item_says_what_holds():
    assert [item for item, holds in rows().items() if not re.match(r"yes$|partly: |not yet: ", holds)] == []
