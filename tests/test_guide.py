"""The guide in `docs/` works as written: its commands, migrations, queries and answers."""

import json
import os
import re
import subprocess
import urllib.parse

import pytest

from harness.server import BINARY, ROOT, Project, Server, clean_environment
from test_newcomer import Blog, wait_for

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(name: str) -> list[tuple[str, str]]:
    """Language and text of each block of code in a page."""
    return BLOCK.findall((ROOT / "docs" / name).read_text())


def masked(answer: str):
    """An answer without what differs from day to day."""
    return json.loads(re.sub(r'"created_at":"[^"]*"', '"created_at":"…"', answer))


class Shell:
    """Runs a page's commands in the project's folder, keeping what they export."""

    def __init__(self, server: Server):
        folder = server.project.folder / ".backstay" / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "backstay").symlink_to(BINARY)
        self.folder = server.project.folder
        self.environment = {
            **clean_environment(), "PATH": f"{folder}:{os.environ['PATH']}",
            "URL": server.url, "KEY": server.keys["publishable"], "SECRET_KEY": server.keys["secret"],
        }

    def run(self, script: str) -> str:
        script = re.sub(r"\bcurl ", "curl -s ", script)
        done = subprocess.run(
            ["bash", "-ec", f"{script}\necho\nenv -0 > .backstay/environment"], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        kept = (self.folder / ".backstay/environment").read_text().split("\0")
        self.environment = dict(line.split("=", 1) for line in kept if "=" in line)
        return done.stdout.strip()


@pytest.fixture
def blog():
    made = Blog()
    with Server(made, "dev") as server:
        yield server


def test_the_quick_start_answers_as_written(blog):
    shell, answers, last = Shell(blog), 0, ""
    for language, text in blocks("quick-start.md"):
        if language == "sql":
            blog.project.write({"migrations/0002_comments.sql": text})
            assert wait_for(lambda: blog.rest("GET", "/comments").status_code == 200, 30) is not None
        elif language == "html":
            blog.project.write({"public/write.html": text})
            assert blog.client.get(f"{blog.url}/write.html").text == text
        elif language == "sh" and "curl" in text:
            last = shell.run(text)
        elif language == "json":
            assert masked(last) == masked(text)
            answers += 1
    assert answers == 4


def test_the_migrations_of_the_model_page_apply(blog):
    statements = [text for language, text in blocks("model-and-policies.md") if language == "sql"]
    assert len(statements) > 5
    project = Project({f"migrations/{number:04}_part.sql": text for number, text in enumerate(statements, 1)})
    with Server(project) as server:
        assert server.rest("GET", "/notes", "11111111-1111-4111-8111-111111111111").json() == []
        assert server.rest("GET", "/teams?select=id").status_code == 200
        assert server.rest("GET", "/teams?select=id,name").json()["code"] == "42501"
        assert server.rest("GET", "/rpc/find_notes?q=x").json() == []
        token = server.project.run("keys", "token", "--role", "clerk").stdout.strip()
        headers = {**server.headers("anon"), "Authorization": f"Bearer {token}"}
        assert server.rest("GET", "/notes", "nobody", headers=headers).json() == []


def test_every_query_of_the_queries_page_is_answered():
    page = (ROOT / "docs/queries.md").read_text()
    queries = {query for query in re.findall(r"`(/[a-z_/]+\?[^`]+)`", page)} | {
        line for language, text in BLOCK.findall(page) for line in text.splitlines() if not language and line.startswith("/")
    }
    queries |= {line for line in re.findall(r"^(/[a-z_/]+\?\S+)$", page, re.M)}
    reading = [query for query in queries if not re.search(r"on_conflict|columns=", query)]
    assert len(reading) > 15
    with Server(Project.copy_of(ROOT / "examples/shop"), "dev") as server:
        for query in reading:
            answer = server.rest("GET", query.replace(" ", "%20"), "00000000-0000-4000-8000-000000000003")
            assert answer.status_code == 200, f"{query}: {answer.text}"
        filters = re.findall(r"^\| `\w+`.*\| `([a-z_]+=[^`]+)` \|$", page, re.M)
        assert len(filters) > 6
        for one in filters:
            target = f"/goods?select=id&limit=1&{urllib.parse.quote(one, safe='=.,*(){}%^')}"
            assert server.rest("GET", target).status_code == 200 or "parent_id" in one, one


def test_the_settings_page_lists_what_can_be_set():
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \| `(BACKSTAY_\w+)` \|", (ROOT / "docs/settings.md").read_text(), re.M)
    assert len(rows) > 30
    project = Project({})
    try:
        for key, default, variable in rows:
            assert variable.endswith(f"_{key.upper()}"), variable
            if plain := re.fullmatch(r'`"?([^`"\[]*)"?`', default.strip()):
                done = subprocess.run(
                    [BINARY, "migrate", "check"], cwd=project.folder, capture_output=True, text=True, timeout=60,
                    env={**clean_environment(), variable: plain[1]},
                )
                assert done.returncode == 0, f"{variable}={plain[1]}: {done.stderr}"
    finally:
        project.remove()


def test_the_operators_page_speaks_of_commands_that_exist(blog):
    page = (ROOT / "docs/deploying.md").read_text()
    for command in re.findall(r"^backstay ([a-z ]+[a-z])", page, re.M):
        done = blog.project.run(*command.split(), "--help", check=False)
        assert done.returncode == 0, command
    shell = Shell(blog)
    metrics = next(text for language, text in blocks("deploying.md") if "/metrics" in text)
    said = shell.run(metrics.replace("http://127.0.0.1:8000", "$URL"))
    for name in ["backstay_http_requests_total", "backstay_http_request_seconds", "backstay_http_in_flight", "backstay_http_panics_total"]:
        assert name in said, said[:500]
