"""The first hour with Backstay: make a project, run it, change it, get it wrong, mend it."""

import json
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from harness.server import BINARY, Project, Server, clean_environment

NOTES = """create table public.{name} (id int primary key, text text not null);
alter table public.{name} enable row level security;
create policy "everybody reads" on public.{name} for select using (true);
insert into public.{name} values (1, 'saved');
"""


class Blog(Project):
    """What `backstay new blog` makes."""

    def __init__(self):
        self.parent = Path(tempfile.mkdtemp(prefix="backstay-newcomer-"))
        self.folder = self.parent / "blog"
        self.made = subprocess.run([BINARY, "new", "blog"], cwd=self.parent, capture_output=True, text=True, timeout=60,
        env=clean_environment(),)

    def remove(self) -> None:
        shutil.rmtree(self.parent, ignore_errors=True)


@pytest.fixture
def blog():
    made = Blog()
    assert made.made.returncode == 0, made.made.stderr
    yield made
    made.remove()


@pytest.fixture
def developed(blog):
    with Server(blog, "dev") as server:
        yield server


def plain(text: str) -> str:
    """Without the frame around an error's source, its line breaks and colours."""
    return re.sub(r"[\s│╭╰─┬├╯·×]+", " ", re.sub(r"\x1b\[[0-9;]*m", "", text))


def wait_for(condition, seconds: float) -> float | None:
    """How long until the condition holds, if it does in this time."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if condition():
            return time.monotonic() - started
        time.sleep(0.02)
    return None


def serves(server: Server, table: str) -> bool:
    answer = server.rest("GET", f"/{table}?select=text")
    return answer.status_code == 200 and answer.json() == [{"text": "saved"}]


def test_new_tells_what_to_do_next(blog):
    assert "cd blog" in blog.made.stdout and "backstay dev" in blog.made.stdout
    assert (blog.folder / "migrations/0001_posts.sql").exists()


def test_new_overwrites_nothing(blog):
    again = subprocess.run([BINARY, "new", "blog"], cwd=blog.parent, capture_output=True, text=True, timeout=60,
        env=clean_environment(),)
    assert again.returncode != 0 and "blog exists already" in plain(again.stderr)


def test_line_that_dev_prints_answers_with_rows(developed):
    line = next(line for line in developed.log.read_text().splitlines() if line.strip().startswith("curl "))
    done = subprocess.run(
        [*shlex.split(line), "-s", "-w", "\n%{http_code}"], capture_output=True, text=True, timeout=60,
        env=clean_environment(),
    )
    body, _, status = done.stdout.rpartition("\n")
    assert status == "200", done.stdout
    assert [row["title"] for row in json.loads(body)] == ["Hello"]


def test_page_of_a_new_project_is_served(developed):
    page = httpx.get(developed.url)
    assert page.status_code == 200 and "<title>blog</title>" in page.text
    assert httpx.get(f"{developed.url}/backstay.json").json()["publishableKey"] == developed.keys["publishable"]


def test_new_migration_is_served_within_two_seconds_of_saving_it(developed):
    needed = []
    # The machine may be busy with something else: the best of three counts.
    for number in (2, 3, 4):
        table = f"notes_{number}"
        developed.project.write({f"migrations/{number:04}_{table}.sql": NOTES.format(name=table)})
        seconds = wait_for(lambda table=table: serves(developed, table), 30)
        assert seconds is not None, developed.log.read_text()
        needed.append(seconds)
    print("served after", ", ".join(f"{seconds:.2f} s" for seconds in needed))
    assert min(needed) < 2


def test_broken_migration_shows_its_place_and_the_server_goes_on(developed):
    broken = NOTES.format(name="notes") + "create tabel public.more (id int);\n"
    developed.project.write({"migrations/0002_notes.sql": broken})
    shown = lambda: "migrations/0002_notes.sql:5:8" in plain(developed.log.read_text())
    assert wait_for(shown, 30) is not None, developed.log.read_text()
    assert 'syntax error at or near "tabel"' in plain(developed.log.read_text())
    assert developed.rest("GET", "/posts?select=title").json() == [{"title": "Hello"}]
    assert developed.rest("GET", "/notes").status_code == 404, "nothing of a broken file is applied"
    developed.project.write({"migrations/0002_notes.sql": NOTES.format(name="notes")})
    assert wait_for(lambda: serves(developed, "notes"), 30) is not None, developed.log.read_text()


def test_migration_that_fails_in_the_middle_changes_nothing(developed):
    failing = NOTES.format(name="notes") + "insert into public.notes values (1, 'again');\n"
    developed.project.write({"migrations/0002_notes.sql": failing})
    shown = lambda: "migrations/0002_notes.sql:5:1" in plain(developed.log.read_text())
    assert wait_for(shown, 30) is not None, developed.log.read_text()
    assert "duplicate key value violates unique constraint" in plain(developed.log.read_text())
    assert developed.rest("GET", "/notes").status_code == 404


def test_settings_are_read_again_when_saved(developed):
    settings = (developed.project.folder / "backstay.toml").read_text()
    rows = lambda: len(developed.rest("GET", "/posts", "service").json())
    assert rows() == 2
    developed.project.write({"backstay.toml": settings + "\n[api]\nmax_rows = 1\n"})
    assert wait_for(lambda: rows() == 1, 30) is not None, developed.log.read_text()
    developed.project.write({"backstay.toml": settings + '\n[api]\ncolour = "red"\n'})
    assert wait_for(lambda: "colour" in plain(developed.log.read_text()), 30) is not None, developed.log.read_text()
    assert rows() == 1, "the settings of before hold until the mistake is mended"


@pytest.mark.parametrize(
    "settings,told",
    [
        ('[api]\nmax_row = 5\n', ["max_row", "backstay.toml"]),
        ('[server]\nport = "many"\n', ["port", "backstay.toml"]),
        ("[server\n", ["backstay.toml"]),
        ('[database]\ndurability = "sometimes"\n', ["durability", "full"]),
        ('[database]\nurl = "oracle://nowhere"\n', ["oracle"]),
        ('[auth]\nencryption_key = "short"\n', ["auth.encryption_key", "32"]),
        ('[auth.email]\notp_length = 2\n', ["auth.email.otp_length", "6 to 10"]),
        ('[auth.email.smtp]\nhost = "mail.example"\n', ["auth.email.smtp.admin_email"]),
        ('[auth.email.template.confirmaton]\nsubject = "Hello"\n', ["confirmaton", "confirmation"]),
        ('[auth.external.github]\nenabled = true\nclient_id = "x"\nsecret = "env(NOWHERE)"\n', ["auth.external.github.secret", "NOWHERE"]),
        ('[auth.hook.send_sms]\nenabled = true\nuri = "https://x.example"\nsecrets = "env(NOWHERE)"\n', ["auth.hook.send_sms.secrets", "NOWHERE"]),
        ('[auth]\nsite_url = "shop.example"\n', ["auth.site_url", "https://"]),
    ],
)
def test_o20_mistake_in_the_settings_is_named(blog, settings, told):
    blog.write({"backstay.toml": settings})
    for command in (["doctor"], ["serve", "--port", "0"]):
        done = blog.run(*command, check=False)
        assert done.returncode != 0
        for word in told:
            assert word in plain(done.stderr), done.stderr


def test_folder_without_a_project_is_told_so(tmp_path):
    done = subprocess.run([BINARY, "serve"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=clean_environment(),)
    assert done.returncode != 0 and "backstay new" in plain(done.stderr)


def test_o21_keys_rotate_while_the_server_runs(developed):
    def status(key: str, path: str = "/posts?select=id") -> int:
        return httpx.get(f"{developed.url}/rest/v1{path}", headers={"apikey": key}).status_code

    old = developed.keys
    token = developed.token(sub="00000000-0000-4000-8000-000000000001")
    new = json.loads(developed.project.run("keys", "rotate", "--json").stdout)
    assert new["publishable"] != old["publishable"] and new["jwt_secret"] != old["jwt_secret"]
    assert wait_for(lambda: status(new["secret"]) == 200, 30) is not None
    assert status(new["publishable"]) == status(old["publishable"]) == status(old["anon"]) == 200
    developed.project.run("keys", "rotate", "--finish")
    assert wait_for(lambda: status(old["publishable"]) == 401, 30) is not None
    assert status(old["secret"]) == status(old["anon"]) == 401
    assert status(new["publishable"]) == status(new["anon"]) == status(new["service_role"]) == 200
    answer = httpx.get(
        f"{developed.url}/rest/v1/posts", headers={"apikey": new["publishable"], "Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401


def test_token_of_the_command_line_speaks_for_a_user(developed):
    done = developed.project.run("keys", "token", "--sub", "00000000-0000-4000-8000-000000000007", "--email", "a@example.com")
    headers = {"apikey": developed.keys["publishable"], "Authorization": f"Bearer {done.stdout.strip()}", "Prefer": "return=representation"}
    written = httpx.post(f"{developed.url}/rest/v1/posts", headers=headers, json={"title": "Mine"})
    assert written.status_code == 201, written.text
    assert written.json()[0]["author_id"] == "00000000-0000-4000-8000-000000000007"


def test_migrations_are_made_listed_and_checked(blog):
    assert blog.run("migrate", "up").returncode == 0
    assert re.search(r"applied\s+migrations/0001_posts.sql", blog.run("migrate", "status").stdout)
    blog.run("migrate", "new", "Add comments")
    made = blog.folder / "migrations/0002_add_comments.sql"
    assert made.exists()
    assert re.search(r"new\s+migrations/0002_add_comments.sql", blog.run("migrate", "status").stdout)
    assert blog.run("migrate", "check").returncode == 0
    made.write_text("select 1;\ncreate index on public.posts using brin (id);\ncreate unlogged tabel x();\n")
    checked = blog.run("migrate", "check", check=False)
    assert checked.returncode != 0
    assert "migrations/0002_add_comments.sql:3" in plain(checked.stderr), checked.stderr


def test_changed_history_is_refused_until_reset(blog):
    blog.run("migrate", "up")
    path = blog.folder / "migrations/0001_posts.sql"
    path.write_text(path.read_text().replace("between 1 and 200", "between 1 and 300"))
    assert "CHANGED" in blog.run("migrate", "status").stdout
    assert "CHANGED" in blog.run("doctor", check=False).stdout
    refused = blog.run("migrate", "up", check=False)
    assert refused.returncode != 0 and "migrate reset" in plain(refused.stderr), refused.stderr
    blog.run("migrate", "reset", "--yes")
    assert re.search(r"applied\s+migrations/0001_posts.sql", blog.run("migrate", "status").stdout)
    with Server(blog) as server:
        rows = server.rest("GET", "/posts?select=title&order=id", "service").json()
    assert rows == [{"title": "Hello"}, {"title": "A draft"}], "the seed is loaded anew"


def test_reset_leaves_a_served_database_alone(developed):
    refused = developed.project.run("migrate", "reset", "--yes", check=False)
    assert refused.returncode != 0
    assert developed.rest("GET", "/posts?select=title").json() == [{"title": "Hello"}]


def test_status_and_doctor_look_beside_a_running_server(developed):
    status = developed.project.run("migrate", "status")
    assert "applied  migrations/0001_posts.sql" in status.stdout
    assert "Nothing found." in developed.project.run("doctor").stdout
    assert developed.rest("GET", "/posts?select=title").json() == [{"title": "Hello"}]


def test_status_makes_no_database(blog):
    assert "new      migrations/0001_posts.sql" in blog.run("migrate", "status").stdout
    assert not list(blog.folder.glob(".backstay/data.db*"))


def test_reset_asks_first(blog):
    blog.run("migrate", "up")
    done = subprocess.run(
        [BINARY, "migrate", "reset"], cwd=blog.folder, input="no\n", capture_output=True, text=True, timeout=60,
        env=clean_environment(),
    )
    assert done.returncode != 0 and "Nothing was changed" in done.stdout


def test_serve_applies_migrations_but_loads_no_seed(blog):
    with Server(blog) as server:
        assert server.rest("GET", "/posts", "service").json() == []


def test_stopped_server_keeps_its_rows(blog):
    with Server(blog) as server:
        server.rest("POST", "/posts", "service", json_body={"title": "Kept"})
        assert server.stop() == 0
        server.start()
        assert server.rest("GET", "/posts?select=title", "service").json() == [{"title": "Kept"}]


def test_a_project_is_made_in_the_folder_one_is_in(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / ".gitignore").write_text("node_modules/\n")
    made = lambda: subprocess.run([BINARY, "new", "."], cwd=folder, capture_output=True, text=True, env=clean_environment())
    assert made().returncode == 0
    assert 'project_id = "shop"' in (folder / "backstay.toml").read_text()
    assert (folder / ".gitignore").read_text() == "node_modules/\n"
    again = made()
    assert again.returncode != 0 and "backstay.toml exists already" in plain(again.stderr)


def test_the_first_migration_of_an_empty_folder_is_noticed():
    with Server(Project({}), "dev") as server:
        server.project.write({"migrations/0001_notes.sql": NOTES.format(name="notes")})
        assert wait_for(lambda: serves(server, "notes"), 30) is not None, server.log.read_text()


def test_a_saved_template_of_a_mail_holds_at_once(blog):
    settings = "[auth.rate_limit]\nemail_sent = 0\nsign_in_sign_ups = 0\n"
    blog.write({"backstay.toml": settings, "templates/confirmation.html": "<p>Before {{ .Token }}</p>"})
    with Server(blog, "dev") as server:
        blog.write({"templates/confirmation.html": "<p>After {{ .Token }}</p>"})

        def arrives() -> bool:
            wanted = {"email": f"ann{time.monotonic_ns()}@example.com", "password": "correct horse battery"}
            server.client.post(f"{server.url}/auth/v1/signup", headers=server.headers(), json=wanted)
            return any("After" in mail["html"] for mail in server.client.get(f"{server.url}/dev/mail.json").json())

        assert wait_for(arrives, 30) is not None, server.log.read_text()


def test_commands_about_users_find_the_server_wherever_it_listens(developed):
    # The port of `--port`, which the settings do not know.
    made = subprocess.run(
        [BINARY, "user", "create", "ann@example.com"], cwd=developed.project.folder, input="correct horse battery\n",
        capture_output=True, text=True, timeout=60, env=clean_environment(),
    )
    assert made.returncode == 0, made.stderr
    assert "ann@example.com" in developed.project.run("user", "list").stdout


def test_the_log_tells_the_code_of_an_error(developed):
    assert developed.rest("GET", "/pots").status_code == 404
    wrong = {"email": "ann@example.com", "password": "wrong"}
    developed.client.post(f"{developed.url}/auth/v1/token?grant_type=password", headers=developed.headers(), json=wrong)
    for code in ("PGRST205", "invalid_credentials"):
        assert wait_for(lambda code=code: f'code="{code}"' in plain(developed.log.read_text()), 30) is not None, code
