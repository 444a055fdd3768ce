"""The guide in `docs/` works as written: its commands, migrations, queries, answers and programs."""

import json
import re
import subprocess
import time
import urllib.parse

import httpx
import jwt
import pytest

from harness.browser import chromium
from harness.guide import BLOCK, Shell, blocks, of, page
from harness.server import BINARY, ROOT, Project, Server, clean_environment
from test_newcomer import Blog, wait_for

ANN = ("ann@example.com", "correct horse battery")
EDITOR = "00000000-0000-4000-8000-000000000003"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

# The languages of blocks that a test runs, page by page (also in `test_guide_sign_in.py`).
RUN = {
    "quick-start.md": {"sh", "json", "js", "python", "html", "sql"},
    "model-and-policies.md": {"sql", "json", "sh", "text", ""},
    "queries.md": {"sh", "json", "js", "python", ""},
    "migrations.md": {"sh", "sql"},
    "types.md": {"sh", "ts", "python"},
    "errors.md": {"json"},
    "settings.md": {"sql"},
    "deploying.md": {"sh", "toml"},
    "auth.md": {"sql", "js", "toml", "console", "sh"},
    "auth-providers.md": {"toml", "js"},
    "auth-hooks.md": {"toml", "sql", "console"},
    "auth-oauth-server.md": {"toml", "js", "sql"},
    "hardening.md": {"toml", "sql"},
    "migrating-users.md": {"console", "toml"},
}
# What no test runs, and why.
SHOWN = {
    ("deploying.md", "nginx"): "a program of others",
    ("deploying.md", ""): "Caddy and cron, programs of others",
    ("migrating-users.md", "sql"): "runs in somebody's MySQL",
}


def masked(answer: str):
    """The JSON of an answer, which ends it, without what differs from day to day."""
    answer = re.search(r"^[\[{].*", answer, re.M | re.S)[0]
    return json.loads(re.sub(rf'"(created_at|author_id)":"[^"]*"', r'"\1":"…"', answer))


def test_every_language_of_every_page_is_run():
    found = {
        (path.name, language) for path in (ROOT / "docs").glob("*.md") for language, _ in blocks(path.name)
    }
    assert found == {(name, language) for name, all in RUN.items() for language in all} | set(SHOWN)


@pytest.fixture(scope="module")
def blog():
    made = Blog()
    # A second mail is too early however slow the machine is.
    settings = (made.folder / "backstay.toml").read_text()
    made.write({"backstay.toml": f'{settings}\n[auth.email]\nmax_frequency = "1h"\n'})
    with Server(made, "dev") as server:
        yield server


@pytest.fixture(scope="module")
def shell(blog):
    return Shell(blog)


def publish(blog, address: str) -> None:
    """What somebody does on the page of the quick start."""
    with chromium() as browser:
        tab = browser.new_page()
        tab.goto(f"{blog.url}/{address}")
        tab.get_by_role("link", name="Sign in").click()
        tab.get_by_label("E-mail address").fill(ANN[0])
        tab.get_by_label("Password").fill(ANN[1])
        tab.get_by_role("button", name="Sign in").click()
        tab.get_by_label("Title").fill("From a page")
        tab.get_by_role("button", name="Publish").click()
        tab.get_by_text("Published.").wait_for()


def test_the_quick_start_answers_as_written(blog, shell):
    answers, last = 0, ""
    for language, text in blocks("quick-start.md"):
        if language == "sql":
            blog.project.write({"migrations/0002_comments.sql": text})
            assert wait_for(lambda: blog.rest("GET", "/comments").status_code == 200, 30) is not None
        elif language == "html":
            blog.project.write({"public/write.html": text})
            publish(blog, "write.html")
        elif language == "sh" and "curl" in text:
            last = shell.run(text)
        elif language == "js":
            assert "title: 'From JavaScript'" in shell.javascript(text)
        elif language == "python":
            assert "'title': 'From Python'" in shell.python(text)
        elif language == "json":
            assert masked(last) == masked(text)
            answers += 1
    assert answers == 4
    titles = [row["title"] for row in blog.rest("GET", "/posts?select=title&order=id").json()]
    assert titles == ["Hello", "From JavaScript", "From a page"]


def test_types_of_the_guide_fit_the_programs_of_the_guide(blog, shell):
    (shell.folder / "src").mkdir()
    (made,) = of("types.md", "sh")
    shell.run(made)
    blog.project.write({
        "package.json": '{"type": "module"}',
        "src/use.ts": f"declare const url: string, key: string\n{of('types.md', 'ts')[0]}",
    })
    shell.with_modules()
    shell.run("node_modules/.bin/tsc --noEmit --strict --skipLibCheck --module nodenext --target es2022 src/use.ts")
    (read,) = of("types.md", "python")
    client = 'import os, supabase\nclient = supabase.create_client(os.environ["URL"], os.environ["KEY"])\n'
    assert "Hello" in shell.python(f"{client}{read}\nprint(posts[0].title)")


# A request for each code that one can meet on the blog without breaking anything.
PROVOKED = {
    "BKS404": ("GET", "/nowhere", {}, None),
    "BKS405": ("TRACE", "/rest/v1/posts", {}, None),
    "BKS415": ("POST", "/rest/v1/posts", {"Content-Encoding": "gzip"}, "x"),
    "BKS501": ("GET", "/storage/v1/bucket", {}, None),
    "22P02": ("GET", "/rest/v1/posts?id=eq.x", {}, None),
    "42501": ("POST", "/rest/v1/posts", {}, '{"title": "Mine"}'),
    "42703": ("GET", "/rest/v1/posts?select=titel", {}, None),
    "PGRST100": ("GET", "/rest/v1/posts?id=5", {}, None),
    "PGRST102": ("POST", "/rest/v1/posts", {}, "{"),
    "PGRST103": ("GET", "/rest/v1/posts?offset=99", {"Prefer": "count=exact"}, None),
    "PGRST106": ("GET", "/rest/v1/posts", {"Accept-Profile": "other"}, None),
    "PGRST116": ("GET", "/rest/v1/posts?id=eq.0", {"Accept": "application/vnd.pgrst.object+json"}, None),
    "PGRST123": ("GET", "/rest/v1/posts?select=id.max()", {}, None),
    "PGRST200": ("GET", "/rest/v1/posts?select=id,people(*)", {}, None),
    "PGRST202": ("GET", "/rest/v1/rpc/nothing", {}, None),
    "PGRST204": ("POST", "/rest/v1/posts", {}, '{"titel": "Mine"}'),
    "PGRST205": ("GET", "/rest/v1/post", {}, None),
    "PGRST301": ("GET", "/rest/v1/posts", {"Authorization": "Bearer x"}, None),
    "anonymous_provider_disabled": ("POST", "/auth/v1/signup", {}, "{}"),
    "bad_json": ("POST", "/auth/v1/signup", {}, "{"),
    "bad_jwt": ("GET", "/auth/v1/user", {"Authorization": "Bearer x"}, None),
    "email_not_confirmed": ("POST", "/auth/v1/token?grant_type=password", {}, '{"email": "new@example.com", "password": "correct horse battery"}'),
    "invalid_credentials": ("POST", "/auth/v1/token?grant_type=password", {}, '{"email": "nobody@example.com", "password": "x"}'),
    "no_authorization": ("GET", "/auth/v1/user", {}, None),
    "otp_disabled": ("POST", "/auth/v1/otp", {}, '{"email": "nobody@example.com", "create_user": false}'),
    "otp_expired": ("POST", "/auth/v1/verify", {}, '{"type": "signup", "email": "new@example.com", "token": "x"}'),
    "over_email_send_rate_limit": ("POST", "/auth/v1/resend", {}, '{"type": "signup", "email": "new@example.com"}'),
    "phone_provider_disabled": ("POST", "/auth/v1/otp", {}, '{"phone": "4477009000001"}'),
    "validation_failed": ("POST", "/auth/v1/signup", {}, '{"email": "nobody", "password": "correct horse battery"}'),
    "weak_password": ("POST", "/auth/v1/signup", {}, '{"email": "nobody@example.com", "password": "x"}'),
}


def test_errors_have_the_status_and_shape_of_the_page(blog):
    text = page("docs/errors.md")
    told = {
        code: int(status)
        for codes, status in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\d{3})\b", text, re.M)
        for code in re.findall(r"\w+", codes)
    }
    key = {"apikey": blog.keys["publishable"], "Content-Type": "application/json"}
    wanted = {"email": "new@example.com", "password": ANN[1]}
    assert blog.client.post(f"{blog.url}/auth/v1/signup", headers=key, json=wanted).status_code == 200
    answered = {}
    for code, (method, target, headers, body) in PROVOKED.items():
        answer = blog.client.request(method, blog.url + target, headers={**key, **headers}, content=body)
        given = answer.json().get("error_code") or answer.json().get("code")
        assert (given, answer.status_code) == (code, told[code]), f"{code}: {answer.text}"
        answered[code] = answer.text
    for example in of("errors.md", "json"):
        shown = json.loads(example)
        assert json.loads(answered[shown.get("error_code") or shown["code"]]) == shown


def test_a_database_is_pulled_as_the_page_says(shell):
    (commands,) = of("migrations.md", "sh")
    pulled = Blog()
    try:
        pulled.run("migrate", "up")
        source = pulled.folder / ".backstay/data.db"
        shell.run(f"({commands.replace('postgres://user@host/database', str(source))})")
    finally:
        pulled.remove()
    assert "CREATE TABLE public.posts" in (shell.folder / "shop/migrations/0001_pulled.sql").read_text()


@pytest.fixture(scope="module")
def model():
    statements = of("model-and-policies.md", "sql")
    assert len(statements) > 5
    files = {f"migrations/{number:04}_part.sql": text for number, text in enumerate(statements, 1)}
    files["migrations/0900_open.sql"] = "create table public.open_table (id int primary key);"
    with Server(Project(files)) as server:
        yield server


def test_the_model_of_the_guide_is_served(model):
    assert model.rest("GET", "/notes", "11111111-1111-4111-8111-111111111111").json() == []
    assert model.rest("GET", "/teams?select=id").status_code == 200
    assert model.rest("GET", "/teams?select=id,name").json()["code"] == "42501"
    assert model.rest("GET", "/rpc/find_notes?q=x").json() == []
    token = model.project.run("keys", "token", "--role", "clerk").stdout.strip()
    headers = {**model.headers("anon"), "Authorization": f"Bearer {token}"}
    assert model.rest("GET", "/notes", "nobody", headers=headers).json() == []
    (refusal,) = of("model-and-policies.md", "json")
    assert model.rest("GET", "/open_table").json() == json.loads(refusal)


def test_tokens_of_the_guide_say_what_was_asked(model):
    shell = Shell(model)
    made = [text for text in of("model-and-policies.md", "sh") if text.startswith("backstay keys")]
    tokens = [token for text in made for token in shell.run(text).split()]
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
    assert claims[0]["sub"].startswith("11111111") and claims[1]["suspended"] is True and claims[2]["role"] == "clerk"


def test_a_project_runs_on_a_database_for_tests(model, tmp_path):
    text = next(text for text in of("model-and-policies.md", "sh") if "DATABASE_URL" in text)
    text = text.replace("/tmp/", f"{tmp_path}/")
    assert "dev --port 8100" in text
    # What `dev` does first; the server itself would not end.
    said = subprocess.run(
        ["bash", "-ec", text.replace("backstay dev --port 8100", f"{BINARY} migrate up")], cwd=model.project.folder,
        capture_output=True, text=True, timeout=60, env=clean_environment(),
    )
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "test.db").exists()


def test_functions_and_triggers_of_the_guide_do_their_work(model):
    written = {"Prefer": "return=representation"}
    model.rest("POST", "/teams", "service", json_body=[{"name": "one"}, {"name": "two"}])
    notes = [{"team_id": 1 + number % 2, "slug": f"n-{number}", "title": f"Note {number}"} for number in range(4)]
    assert model.rest("POST", "/notes", "service", json_body=notes).status_code == 201
    changed = model.rest("PATCH", "/notes?id=eq.1", "service", json_body={"title": "New"}, headers=written)
    assert changed.status_code == 200, changed.text
    assert changed.json()[0]["updated_at"] > changed.json()[0]["created_at"]
    model.rest("POST", "/stock", "service", json_body={"sku": "lamp", "n": 2})
    reserve = lambda: model.rest("POST", "/rpc/reserve", "service", json_body={"sku": "lamp", "n": 2})
    assert reserve().json() == 0
    refused = reserve().json()
    assert (refused["code"], refused["message"], refused["hint"]) == ("P0404", "not enough of lamp", "Order less.")


def test_the_doctor_explains_a_policy_as_written(model):
    (text,) = of("model-and-policies.md", "text")
    command, told = text.split("\n", 1)
    key = {"apikey": model.keys["secret"]}
    wanted = {"email": ANN[0], "password": ANN[1], "email_confirm": True}
    assert httpx.post(f"{model.url}/auth/v1/admin/users", headers=key, json=wanted).status_code == 200
    assert model.project.run(*command.removeprefix("$ backstay ").split()).stdout == told


def test_a_refused_statement_is_shown_as_written():
    (shown,) = of("model-and-policies.md", "")
    lines = re.findall(r"^ \d │ (.*)$", shown, re.M)
    project = Project({"migrations/0001_bad.sql": "\n".join(lines) + "\n"})
    try:
        said = project.run("migrate", "check", check=False).stderr
        plain = lambda text: [line.rstrip(" ─") for line in text.strip().splitlines()]
        assert plain(said)[:5] == plain(shown)[:5] and plain(said)[-1] == plain(shown)[-1]
    finally:
        project.remove()


@pytest.fixture(scope="module")
def shop():
    with Server(Project.copy_of(ROOT / "examples/shop"), "dev") as server:
        yield server


def test_every_query_of_the_queries_page_is_answered(shop):
    text = page("docs/queries.md")
    queries = set(re.findall(r"`(/[a-z_/]+\?[^`]+)`", text)) | set(re.findall(r"^(/[a-z_/]+\?\S+)$", text, re.M))
    reading = [query for query in queries if not re.search(r"on_conflict|columns=", query)]
    assert len(reading) > 15
    for query in reading:
        answer = shop.rest("GET", query.replace(" ", "%20"), EDITOR)
        assert answer.status_code == 200, f"{query}: {answer.text}"
    filters = re.findall(r"^\| `\w+`.*\| `([a-z_]+=[^`]+)` \|$", text, re.M)
    assert len(filters) > 6
    for one in filters:
        table = "categories" if one.startswith("parent_id") else "goods"
        target = f"/{table}?select=id&limit=1&{urllib.parse.quote(one, safe='=.,*(){}%^')}"
        assert shop.rest("GET", target).status_code == 200, one


def test_answers_of_the_queries_page_are_as_written(shop):
    shell, last, compared = Shell(shop), "", 0
    for language, text in blocks("queries.md"):
        if language == "sh":
            ours = re.sub(r"^(backstay dev|export KEY).*\n", "", text, flags=re.M).replace("--dir examples/shop", "")
            last = shell.run(ours)
        elif language == "" and text.startswith("/"):
            last = shop.rest("GET", text.split()[-1]).text
        elif language == "" and text.startswith("HTTP"):
            counted = shop.rest("GET", "/goods?select=id&order=id&limit=2&offset=2", headers={"Prefer": "count=exact"})
            assert f"content-range: {counted.headers['content-range']}" in text
            assert str(counted.status_code) in text
            compared += 1
        elif language == "json" and "code" in json.loads(text):
            assert shop.rest("GET", "/good").json() == json.loads(text)
            compared += 1
        elif language == "json":
            assert json.loads(last) == json.loads(text)
            compared += 1
        elif language == "js":
            shell.environment["KEY"] = shop.keys["publishable"]
            assert json.loads(shell.javascript(f"{text}\nconsole.log(JSON.stringify([data, count, found.data]))"))[1] > 0
        elif language == "python":
            assert int(shell.python(f"{text}\nprint(goods.count * len(found.data))")) > 0
    assert compared == 4


def test_writes_of_the_queries_page_do_what_they_say(shop):
    """In the order of the table, each by what it leaves."""
    made = {"category_id": 6, "sku": "LAMP-901", "title": "Lamp", "price": 1}
    stock = lambda: [row["stock"] for row in shop.rest("GET", "/goods?sku=eq.LAMP-901&select=stock", EDITOR).json()]
    write = lambda method, target, body, prefer="": shop.rest(
        method, target, EDITOR, json_body=body, headers={"Prefer": prefer}
    ).status_code
    rows = re.findall(r"^\| `(POST|PATCH|DELETE) (/goods\?[^`]+)`(?: with `Prefer: ([^`]+)`)?", page("docs/queries.md"), re.M)
    assert [method for method, _, _ in rows] == ["POST", "POST", "PATCH", "DELETE"]
    (_, merge, merging), (_, some, missing), (_, change, _), (_, remove, _) = rows
    assert write("POST", some, [{**made, "colour": "red"}], missing) == 201 and stock() == [0]
    assert write("POST", merge, {**made, "stock": 3}, merging) == 200 and stock() == [3]
    assert write("PATCH", change.replace("900", "901"), {"stock": 5}) == 204 and stock() == [5]
    assert write("DELETE", remove.replace("900", "901"), None) == 204 and stock() == []


def test_the_settings_page_lists_what_can_be_set():
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\| ([^|]*) \| `(BACKSTAY_\w+)` \|", page("docs/settings.md"), re.M)
    assert len(rows) > 100
    variables = {}
    for key, default, variable in rows:
        assert variable.endswith(f"_{key.upper().replace('.', '_')}"), variable
        if plain := re.fullmatch(r'`"?([^`"\[]*)"?`', default.strip()):
            variables[variable] = plain[1]
    project = Project({})
    try:
        done = subprocess.run(
            [BINARY, "migrate", "check"], cwd=project.folder, capture_output=True, text=True, timeout=60,
            env={**clean_environment(), **variables},
        )
        assert done.returncode == 0, done.stderr
    finally:
        project.remove()


def test_settings_in_the_database_hold():
    check = "create function public.check_request() returns void language sql as $$ select $$;\n"
    with Server(Project({"migrations/0001_settings.sql": check + of("settings.md", "sql")[0]})) as server:
        assert server.rest("GET", "/").status_code == 200


def test_the_operators_page_speaks_of_commands_that_exist(blog):
    for command in re.findall(r"^backstay ([a-z ]+[a-z])", page("docs/deploying.md"), re.M):
        assert blog.project.run(*command.split(), "--help", check=False).returncode == 0, command


def test_commands_of_the_operators_page_work(tmp_path):
    """Those that need neither root nor another database; keys are changed last, as others use them."""
    text = page("docs/deploying.md").replace("2026-01-31", time.strftime("%F")).replace("backstay serve\n", "\n")
    found = [block for language, block in BLOCK.findall(text.replace("/tmp/proof", f"{tmp_path}/proof")) if language == "sh"]
    done = lambda start: next(block.replace("/backups", str(tmp_path)) for block in found if block.startswith(start))
    with Server(Blog()) as server:
        shell = Shell(server)
        assert "Nothing found." in shell.run(done("backstay migrate check"))
        shell.run(done("backstay backup"))
        assert re.search(r"^applied +migrations/0001_posts.sql", shell.run(done("mkdir")), re.M)
        metrics = shell.run(done("curl"))
        for name in re.findall(r"`(backstay_\w+)", text):
            assert name in metrics, name
        shell.run(done("backstay keys"))
        assert json.loads(shell.run("backstay keys --json"))["publishable"] != server.keys["publishable"]
        server.stop()
        refused = server.project.run("restore", str(next(tmp_path.glob("*.tar.gz"))), check=False)
        assert "--force" in refused.stderr


def test_settings_of_the_operators_page_are_known():
    project = Project({})
    try:
        for text in of("deploying.md", "toml"):
            project.write({"backstay.toml": text})
            done = project.run("migrate", "check", check=False)
            assert done.returncode == 0, f"{text}\n{done.stderr}"
    finally:
        project.remove()
