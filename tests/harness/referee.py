"""Row level security, evaluated row by row and as plainly as it can be said.

Truth has three values: True, False and None (unknown). A predicate is a tuple; `sql` writes it and
`truth` evaluates it. `Referee` keeps the rows of one table and answers as PostgreSQL would.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Caller:
    role: str  # anon, authenticated
    uid: str | None = None
    claims: tuple = ()

    def claim(self, name: str):
        return dict(self.claims).get(name)


@dataclass(frozen=True)
class Policy:
    name: str
    permissive: bool
    command: str  # all, select, insert, update, delete
    role: str  # public, anon, authenticated
    using: tuple | None
    check: tuple | None

    def sql(self, table: str) -> str:
        kind = "permissive" if self.permissive else "restrictive"
        text = f"create policy {self.name} on public.{table} as {kind} for {self.command} to {self.role}"
        text += f" using ({sql(self.using, table)})" if self.using else ""
        text += f" with check ({sql(self.check, table)})" if self.check else ""
        return text + ";"


def literal(value) -> str:
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


MINE = "select m.grp from public.members m where m.user_id = auth.uid()"


def sql(predicate: tuple, table: str) -> str:
    match predicate:
        case ("and" | "or" as word, left, right):
            return f"({sql(left, table)} {word} {sql(right, table)})"
        case ("not", inner):
            return f"(not {sql(inner, table)})"
        case ("constant", value):
            return "null::boolean" if value is None else literal(value)
        case ("compare", column, operator, value):
            return f"{column} {operator} {literal(value)}"
        case ("null", column):
            return f"{column} is null"
        case ("truth", column):
            return column
        case ("owner",):
            return "owner = auth.uid()"
        case ("owner_subselect",):
            return "owner = (select auth.uid())"
        case ("claim_text", column, name):
            return f"{column} = (auth.jwt() ->> '{name}')"
        case ("claim_number", column, name):
            return f"{column} <= (auth.jwt() ->> '{name}')::int"
        case ("member_in",):
            return f"grp in ({MINE})"
        case ("member_not_in",):
            return f"grp not in ({MINE})"
        case ("member_exists",):
            return f"exists (select 1 from public.members m where m.grp = {table}.grp and m.user_id = auth.uid())"
    raise ValueError(predicate)


def compare(left, operator: str, right):
    if left is None or right is None:
        return None
    match operator:
        case "=":
            return left == right
        case "<>":
            return left != right
        case "<=":
            return left <= right
        case ">":
            return left > right
    raise ValueError(operator)


def both(left, right):
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left, right):
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def opposite(value):
    return None if value is None else not value


def is_among(value, values: list):
    found = False
    for other in values:
        found = either(found, compare(value, "=", other))
    return found


def truth(predicate: tuple, row: dict, caller: Caller, members: list[tuple]):
    """True, False, or None for unknown."""
    mine = [grp for user, grp in members if compare(user, "=", caller.uid) is True]
    match predicate:
        case ("and", left, right):
            return both(truth(left, row, caller, members), truth(right, row, caller, members))
        case ("or", left, right):
            return either(truth(left, row, caller, members), truth(right, row, caller, members))
        case ("not", inner):
            return opposite(truth(inner, row, caller, members))
        case ("constant", value):
            return value
        case ("compare", column, operator, value):
            return compare(row[column], operator, value)
        case ("null", column):
            return row[column] is None
        case ("truth", column):
            return row[column]
        case ("owner",) | ("owner_subselect",):
            return compare(row["owner"], "=", caller.uid)
        case ("claim_text", column, name):
            return compare(row[column], "=", caller.claim(name))
        case ("claim_number", column, name):
            return compare(row[column], "<=", caller.claim(name))
        case ("member_in",):
            return is_among(row["grp"], mine)
        case ("member_not_in",):
            return opposite(is_among(row["grp"], mine))
        case ("member_exists",):
            return any(compare(grp, "=", row["grp"]) is True for grp in mine)
    raise ValueError(predicate)


class Refused(Exception):
    """The statement fails with this SQLSTATE and changes nothing."""


@dataclass
class Referee:
    """One table: its policies, its rows by id, and who belongs to which group."""

    policies: list[Policy]
    members: list[tuple]
    rows: dict[int, dict] = field(default_factory=dict)

    def holds(self, predicate: tuple, row: dict, caller: Caller) -> bool:
        return truth(predicate, row, caller, self.members) is True

    def allows(self, command: str, row: dict, caller: Caller, checking: bool = False) -> bool:
        """One permissive policy must hold, and every restrictive one. `checking` takes WITH CHECK."""
        permitted = False
        for policy in self.policies:
            if policy.command not in ("all", command) or policy.role not in ("public", caller.role):
                continue
            predicate = (policy.check or policy.using) if checking else policy.using
            held = self.holds(predicate, row, caller)
            if policy.permissive:
                permitted = permitted or held
            elif not held:
                return False
        return permitted

    def readable(self, row: dict, caller: Caller) -> bool:
        return self.allows("select", row, caller)

    def must(self, allowed: bool) -> None:
        if not allowed:
            raise Refused("42501")

    def select(self, caller: Caller, condition) -> list[dict]:
        return [row for row in self.rows.values() if self.readable(row, caller) and self.holds(condition, row, caller)]

    def insert(self, caller: Caller, new: list[dict], returning: bool, conflict: str | None) -> list[dict]:
        """`conflict`: None, merge or ignore. Naming the key of a conflict reads the table, as returning does."""
        rows, touched = dict(self.rows), []
        reads = returning or conflict is not None
        for row in new:
            self.must(self.allows("insert", row, caller, checking=True))
            self.must(not reads or self.readable(row, caller))
            old = rows.get(row["id"])
            if old is None:
                rows[row["id"]] = row
                touched.append(row)
            elif conflict is None:
                raise Refused("23505")
            elif conflict == "merge":
                self.must(self.allows("update", old, caller) and self.readable(old, caller))
                self.must(self.allows("update", row, caller, checking=True) and self.readable(row, caller))
                rows[row["id"]] = row
                touched.append(row)
        self.rows = rows
        return touched

    def update(self, caller: Caller, change: dict, condition, returning: bool) -> list[dict]:
        """`condition` None: all rows, and no column is read."""
        rows, touched = dict(self.rows), []
        reads = returning or condition is not None
        for id, old in self.rows.items():
            if not self.allows("update", old, caller) or (reads and not self.readable(old, caller)):
                continue
            if condition is not None and not self.holds(condition, old, caller):
                continue
            row = {**old, **change}
            self.must(self.allows("update", row, caller, checking=True))
            self.must(not reads or self.readable(row, caller))
            rows[id] = row
            touched.append(row)
        self.rows = rows
        return touched

    def delete(self, caller: Caller, condition) -> list[dict]:
        gone = [
            row for row in self.rows.values()
            if self.allows("delete", row, caller) and self.readable(row, caller) and self.holds(condition, row, caller)
        ]
        self.rows = {id: row for id, row in self.rows.items() if row not in gone}
        return gone
