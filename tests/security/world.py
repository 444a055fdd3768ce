"""The project that the security cases attack, and words for what they assert."""

import functools
from pathlib import Path

from harness.server import Project, Server

SCHEMA = Path(__file__).parent / "vault.sql"
ADA, BOB, CAT = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "abc")
#: Callers who are kept from something.
CALLERS = ["anon", ADA]


def project(settings: str = "") -> Project:
    return Project({"migrations/0001_vault.sql": SCHEMA.read_text()}, settings)


def refused(answer, code: str | None = None, status: int | None = None) -> dict:
    """Asserts a 4xx with an error of four keys that gives nothing away, and returns it."""
    shown = f"{answer.status_code} {answer.text[:1000]}"
    assert 400 <= answer.status_code < 500, shown
    error = answer.json()
    assert set(error) == {"code", "message", "details", "hint"}, shown
    assert "canary" not in answer.text, shown
    if code is not None:
        assert error["code"] == code, shown
    if status is not None:
        assert answer.status_code == status, shown
    return error


def withheld(answer, relation: str) -> None:
    """What PostgreSQL says of a column or table that the grants withhold: its relation's name, no more."""
    error = refused(answer, "42501")
    assert error["message"] == f"permission denied for table {relation}", answer.text
    assert error["details"] is None, answer.text


def rows(answer) -> list:
    assert answer.status_code in (200, 201, 206), f"{answer.status_code} {answer.text[:1000]}"
    return answer.json()


def everything(server: Server, relation: str) -> list:
    """All rows as the service sees them."""
    return rows(server.rest("GET", f"/{relation}?order=id", "service"))


def unchanged(*relations: str):
    """A test that must leave these tables as they were."""

    def wrap(test):
        @functools.wraps(test)
        def run(server, *args, **kwargs):
            before = [everything(server, relation) for relation in relations]
            test(server, *args, **kwargs)
            assert [everything(server, relation) for relation in relations] == before

        return run

    return wrap
