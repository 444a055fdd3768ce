"""Bodies in PL/pgSQL and triggers: the same text gives the same results and errors as on PostgreSQL.

`plpgsql/*.sql` hold the cases: `--- title`, what to make, then `--> statement` lines that run one after the
other, each in a transaction of its own. Both databases run them through one function, `probe`.
"""

import json
import re
from pathlib import Path

import pytest

from harness.postgres import Postgres
from harness.server import Project, Server

FOLDER = Path(__file__).parent / "plpgsql"

PROBE = """
create function public.probe(q text) returns jsonb language plpgsql as $probe$
declare r jsonb; n bigint; c text; m text; d text; h text;
begin
  if q ~* '^\\s*select' then
    execute 'select coalesce(jsonb_agg(to_jsonb(t)), ''[]'') from (' || q || ') t' into r;
    return jsonb_build_object('rows', r);
  end if;
  execute q;
  get diagnostics n = row_count;
  return jsonb_build_object('count', n);
exception when assert_failure or others then
  get stacked diagnostics c = returned_sqlstate, m = message_text, d = pg_exception_detail, h = pg_exception_hint;
  return jsonb_build_object('code', c, 'message', m, 'details', d, 'hint', h);
end $probe$;
"""

# Where the answers differ on purpose: the hint of the depth limit speaks of what there is here.
LIMITS = {"54001"}


class Case:
    def __init__(self, file: str, text: str):
        title, _, body = text.partition("\n")
        lines = body.splitlines()
        self.title = f"{file}: {title.strip()}"
        self.calls = [line[3:].strip() for line in lines if line.startswith("-->")]
        self.setup = "\n".join(line for line in lines if not line.startswith("-->"))


def cases_of(path: Path) -> list[Case]:
    parts = path.read_text().split("\n--- ")
    parts[0] = parts[0].removeprefix("--- ")
    return [Case(path.stem, part) for part in parts]


CASES = [case for path in sorted(FOLDER.glob("0*.sql")) for case in cases_of(path)]
REFUSED = cases_of(FOLDER / "refused.sql")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comparable(answer: dict) -> dict:
    if answer.get("code") in LIMITS:
        return {"code": answer["code"], "message": answer["message"]}
    return answer


def answers_of_postgresql() -> dict[str, list]:
    """What PostgreSQL answers, by case."""
    with Postgres() as postgres:
        script = ["set client_min_messages = error;", PROBE]
        for case in CASES:
            script.append(case.setup)
            script += [f"select probe({quoted(call)});" for call in case.calls]
        lines = iter(postgres.psql("\n".join(script)).splitlines())
        answers = {case.title: [json.loads(next(lines)) for _ in case.calls] for case in CASES}
        answers |= {case.title: refusal(postgres, case) for case in REFUSED}
    return answers


@pytest.fixture(scope="module")
def expected() -> dict[str, list]:
    return answers_of_postgresql()


def refusal(postgres: Postgres, case: Case) -> list[str]:
    try:
        postgres.psql(f"\\set VERBOSITY verbose\nbegin;\n{case.setup}\nrollback;")
    except RuntimeError as error:
        line = next(line for line in str(error).splitlines() if "ERROR:" in line)
        return line.split("ERROR:", 1)[1].strip().split(": ", 1)
    return ["", "no error"]


@pytest.fixture(scope="module")
def server():
    files = {"migrations/0000_probe.sql": PROBE}
    for at, case in enumerate(CASES, start=1):
        files[f"migrations/{at:04}_case.sql"] = case.setup
    project = Project(files)
    try:
        with Server(project) as server:
            yield server
    finally:
        project.remove()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_body_answers_as_on_postgresql(case, server, expected):
    for call, wanted in zip(case.calls, expected[case.title], strict=True):
        answer = server.rest("POST", "/rpc/probe", "service", json_body={"q": call})
        assert answer.status_code == 200, f"{call}: {answer.text}"
        assert comparable(answer.json()) == comparable(wanted), call


def test_there_are_enough_bodies():
    assert sum(case.setup.lower().count("language plpgsql") for case in CASES) >= 150


@pytest.fixture(scope="module")
def findings() -> dict[str, list[str]]:
    """What `migrate check` says of the texts that PostgreSQL refuses, each in a file of its own."""
    files = {f"migrations/{at:04}_refused.sql": case.setup for at, case in enumerate(REFUSED)}
    project = Project(files)
    try:
        done = project.run("migrate", "check", check=False)
        text = re.sub(r"\n  │ ", " ", done.stdout + done.stderr)
        found = {}
        for code, at, message in re.findall(r"(?m)^(\w{5})\n\n  × migrations/(\d{4})_refused\.sql:\d+:\d+: (.*)$", text):
            found.setdefault(REFUSED[int(at)].title, [code, message])
        return found
    finally:
        project.remove()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.title)
def test_what_cannot_be_made_is_refused_as_on_postgresql(case, findings, expected):
    assert findings.get(case.title) == expected[case.title]
