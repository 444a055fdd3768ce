"""What may differ between the engines: each difference with when it is meant, and why.

A rule is narrow on purpose: whatever it cannot prove from the request and both answers, or by asking
once more, is a difference to be mended. The reasons stand in docs/engine-differences.md too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

import httpx

from harness.generated import Request, World

UNREADABLE_PATTERN = re.compile(r'\bi?match(\((any|all)\))?\."?\(')
UNREADABLE_SEARCH = re.compile(r'\bfts(\(\w+\))?\."?gamma ray')
REFERENCED = re.compile(r'update or delete on table "(\w+)" violates foreign key constraint "\w+" on table "\w+"')
KEY = re.compile(r"Key \((\w+)\)=\((.*)\) is still referenced from table")
HIDDEN_KEY = re.compile(r'Key is still referenced from table "(\w+)"\.')


@dataclass(frozen=True)
class Case:
    """A request that the engines answer differently."""

    world: World
    request: Request
    sqlite: httpx.Response
    postgres: httpx.Response
    ask: Callable[[Request], list[httpx.Response]]

    @property
    def text(self) -> str:
        return unquote(self.request.target())

    @property
    def errors(self) -> list[dict]:
        """The bodies of both, as far as they are errors."""
        return [one.json() if one.status_code >= 400 and one.content else {} for one in (self.sqlite, self.postgres)]

    @property
    def codes(self) -> list:
        return [error.get("code") for error in self.errors]

    @property
    def messages(self) -> list[str]:
        return [error.get("message", "") for error in self.errors]

    def relations(self) -> set[str]:
        """The tables that the request reaches: by name, and under views and functions."""
        named = {word.split("_")[-1] for word in re.findall(r"\w+", self.text)} & set(self.world.tables)
        return named | {self.world.bases[name] for name in named if name in self.world.bases}


def names_another_relation(case: Case) -> bool:
    """Both refuse, and each of the two relations that they name is one that the request reaches."""
    named = [re.fullmatch(r"permission denied for (?:table|view) (\w+)", message) for message in case.messages]
    return case.codes == ["42501", "42501"] and all(named) and {match[1] for match in named} <= case.relations()


def meets_another_referenced_row(case: Case) -> bool:
    """Each row that an engine names is told by both, if it alone is to be deleted.

    Who may not see the row is not told which it is: then both must tell of tables that do refer to it.
    """
    if case.codes != ["23503", "23503"] or case.request.method not in ("DELETE", "PATCH"):
        return False
    hidden = [HIDDEN_KEY.fullmatch(error["details"] or "") for error in case.errors]
    if all(hidden):
        parents = {REFERENCED.match(message)[1] for message in case.messages}
        return all(parents <= set(case.world.tables[match[1]].parents.values()) for match in hidden)
    for error in case.errors:
        table, key = REFERENCED.match(error["message"]), KEY.match(error["details"] or "")
        if not table or not key:
            return False
        alone = case.ask(Request("service", "DELETE", f"/{table[1]}", (f"{key[1]}=eq.{quote(key[2])}",)))
        if alone[0].json() != alone[1].json() or alone[0].json().get("code") != "23503":
            return False
    return True


def meets_another_equal_row(case: Case) -> bool:
    """One of several written rows has a key already; both name the same key."""
    request = case.request
    several = request.method == "PATCH" or request.path.startswith("/rpc/mark_") or (isinstance(request.body, list) and len(request.body) > 1)
    keys = [(error.get("details") or "").split("=")[0] for error in case.errors]
    return several and case.codes == ["23505", "23505"] and len(set(case.messages)) == 1 and keys[0] == keys[1] != ""


def meets_another_unreadable_value(case: Case) -> bool:
    """A cast of several rows' values fails; both say so of a value."""
    told = case.codes
    shapes = {re.sub(r'syntax for type (\w+): ".*"', r"\1", message, flags=re.DOTALL) for message in case.messages}
    return "::" in case.text and told[0] == told[1] and told[0] in ("22P02", "22007") and len(shapes) == 1


def sees_what_the_function_wrote(case: Case) -> bool:
    """The rows of a function that writes are the same; what it wrote shows in an embed that comes back to its table."""
    table = case.request.path.removeprefix("/rpc/mark_")
    if table not in case.world.tables or case.sqlite.status_code != 200 or case.postgres.status_code != 200:
        return False
    word = case.request.body["word"]
    return table in case.relations() and forget(case.sqlite.json(), word) == forget(case.postgres.json(), word)


def forget(value, word: str, depth: int = 0):
    """The answer without the column that the function writes, and those computed from it, where embedded."""
    if isinstance(value, list):
        return [forget(one, word, depth) for one in value]
    if isinstance(value, dict):
        hidden = ("s", "g") if depth else ()
        return {key: forget(one, word, depth + 1) for key, one in value.items() if key not in hidden}
    return value


def has_a_constant_that_cannot_be_read(case: Case) -> bool:
    """PostgreSQL says so of a constant of the request; SQLite met no row, or said something else before it did."""
    if case.sqlite.status_code >= 500 or case.codes[0] == case.codes[1]:
        return False
    if case.codes[1] == "2201B":
        return bool(UNREADABLE_PATTERN.search(case.text))
    return case.codes[1] == "42601" and "in tsquery" in case.messages[1] and bool(UNREADABLE_SEARCH.search(case.text))


def holds_no_float_nan(case: Case) -> bool:
    return case.codes[0] == "0A000" and case.messages[0].startswith("NaN in a floating-point type") and "NaN" in case.text


@dataclass(frozen=True)
class Known:
    matches: Callable[[Case], bool]
    reason: str


KNOWN = [
    Known(names_another_relation, "several relations of a request may not be read; each engine meets another one first"),
    Known(meets_another_referenced_row, "several rows of a write are in the way; each engine meets another one first"),
    Known(meets_another_equal_row, "several rows of a write are in the way; each engine meets another one first"),
    Known(meets_another_unreadable_value, "several values cannot be read; each engine meets another one first"),
    Known(sees_what_the_function_wrote, "a statement of PostgreSQL does not see what a function in it writes"),
    Known(has_a_constant_that_cannot_be_read, "PostgreSQL computes constants before it meets a row"),
    Known(holds_no_float_nan, "SQLite's floating-point numbers hold no NaN"),
]


def as_read(request: Request) -> Request:
    """The same with a body in the answer, which tells errors apart."""
    return replace(request, method="GET")
