"""Holds the table of attacks, `docs/security-cases.md`, to the tests that carry their ids."""

import re
from pathlib import Path

from harness.server import ROOT

ROW = re.compile(r"^\| (?P<case>[DPTO]\d\d) \| [^|]+ \| (?P<holds>[^|]+) \|$")


def rows() -> dict[str, str]:
    lines = (ROOT / "docs" / "security-cases.md").read_text().splitlines()
    found = [ROW.match(line) for line in lines if re.match(r"\| [A-Z]\d", line)]
    assert None not in found, "a row of the table is malformed"
    return {row["case"]: row["holds"].strip() for row in found}


def cases_of_tests() -> set[str]:
    """Of the black-box tests, and of those in the crates for what no request can bring about."""
    crates = ROOT / "crates"
    paths = [*Path(__file__).parent.glob("test_*.py"), *crates.rglob("tests/**/*.rs"), *crates.rglob("tests.rs")]
    sources = (path.read_text() for path in paths)
    return {case.upper() for source in sources for case in re.findall(r"^(?:def test_|(?:async )?fn )([dpto]\d\d)_", source, re.M)}


def test_each_case_that_holds_has_a_test():
    tested = cases_of_tests()
    assert [case for case, holds in rows().items() if holds.startswith("yes") and case not in tested] == []


def test_each_test_stands_in_the_table_as_holding():
    holding = {case for case, holds in rows().items() if holds.startswith("yes")}
    assert cases_of_tests() - holding == set()


def test_no_case_is_left_out():
    numbers = {"D": 52, "P": 26, "T": 23, "O": 36}
    wanted = [f"{letter}{number:02}" for letter, last in numbers.items() for number in range(1, last + 1)]
    assert list(rows()) == wanted
    assert [case for case, holds in rows().items() if not re.match(r"yes(; .+)?$|waits for: ", holds)] == []
