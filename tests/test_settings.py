"""Settings that make no sense, or ask for what is not there: each is one error or warning, with its place."""

import json
import re
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness.auth import AuthServer
from harness.server import BINARY, Project, Server, clean_environment
from test_bad_projects import GOOD, project, refused

assert project  # A fixture.
SECRET = "a secret of the project with more than 32 bytes"
# What Supabase's command line signs with on every machine.
KNOWN_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"


@pytest.mark.parametrize(
    "text,line,told",
    [
        ("[limits]\nbody_bytes = 0\n", 2, "`limits.body_bytes` is 0"),
        ("[limits]\nembeds = 5\nlogic_depth = 100000\n", 3, "`limits.logic_depth` is 100000"),
        ("[limits]\nconnections = 0\n", 2, "limits.connections"),
        ("[limits]\nrequest_ms = 0\n", 2, "limits.request_ms"),
        ("[auth]\njwt_expiry = 0\n", 2, "`auth.jwt_expiry` is 0"),
        ("[auth.email]\notp_expiry = 0\n", 2, "auth.email.otp_expiry"),
        ("[auth.email]\notp_length = 2\n", 2, "auth.email.otp_length"),
        ("[auth]\n\nsite_url = \"http://x.example\"\npassword_requirements = \"strong\"\n", 4, "auth.password_requirements"),
        ("[auth.external.nobody]\nenabled = true\nclient_id = \"x\"\n", 1, "`auth.external.nobody` is no provider"),
        ("[auth.external.keycloak]\nenabled = true\nclient_id = \"x\"\n", 1, "`auth.external.keycloak.url` is empty"),
        ("[auth.external.github]\nenabled = true\nclient_id = \"\"\n", 3, "auth.external.github.client_id"),
        ("[auth.hook.nothing]\nenabled = true\n", 1, "auth.hook.nothing"),
        ("[auth.captcha]\nenabled = true\nprovider = \"mine\"\nsecret = \"x\"\n", 3, "auth.captcha.provider"),
        ("[auth.email.template.welcome]\nsubject = \"Hi\"\n", 1, "auth.email.template.welcome"),
        ("[auth.sessions]\ntimebox = \"long\"\n", 2, "auth.sessions.timebox"),
        ("[server]\ntrusted_proxies = [\"proxy\"]\n", 2, "server.trusted_proxies"),
        ("[server.tls]\ncert = \"x.pem\"\n", 1, "server.tls"),
        ("[api]\npre_request = \"public.guard\"\n", 2, "api.pre_request"),
        ("[api]\nschemas = []\n", 2, "api.schemas"),
    ],
)
def test_a_value_that_makes_no_sense_is_told_with_its_line(project, text, line, told):
    project.write({"backstay.toml": text})
    said = refused(project, f"backstay.toml:{line}")
    assert told in " ".join(said.split()), said


def test_a_value_that_makes_no_sense_is_told_by_its_variable(project):
    variables = {"BACKSTAY_AUTH_PASSWORD_REQUIREMENTS": "strong", "BACKSTAY_LIMITS_BODY_BYTES": "0", "BACKSTAY_API_PRE_REQUEST": "public.guard"}
    for name, value in variables.items():
        said = refused(project, name, environment={name: value})
        assert "backstay.toml:" not in said, said


def test_a_setting_of_a_supabase_folder_is_told_with_its_line():
    made = Project({"supabase/config.toml": "project_id = \"x\"\n[api]\nport = 54321\nschemas = []\n"})
    refused(made, "config.toml:4", "api.schemas")
    made.remove()


@pytest.mark.parametrize("value", ["verbose", "info,loud", "backstay_http=loud", "="])
def test_a_log_level_that_is_none_is_refused(project, value):
    refused(project, "BACKSTAY_LOG", value, environment={"BACKSTAY_LOG": value})


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_schema_that_is_not_there_is_told_and_the_others_are_served(engine, databases):
    made = Project({"migrations/0001_things.sql": GOOD}, "[api]\nschemas = [\"public\", \"shopp\"]\n")
    with Server(made, environment=databases.environment(engine)) as server:
        [line] = [line for line in server.log.read_text().splitlines() if "shopp" in line]
        assert "backstay.toml:2" in line and "api.schemas" in line, line
        assert "graphql_public" not in server.log.read_text()
        assert server.rest("GET", "/things").json() == [{"id": 1}]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_guard_of_requests_is_looked_for_at_the_start(engine, databases):
    guard = "create function public.guard() returns void language sql as 'select 1';"
    settings = "[api]\npre_request = \"public.guard\"\n"
    with Server(Project({"migrations/0001_things.sql": GOOD + guard}, settings), environment=databases.environment(engine)) as server:
        assert server.rest("GET", "/things").json() == [{"id": 1}]
        assert "pre_request" not in server.log.read_text()
    # While people work on it, the function may follow.
    with Server(Project({"migrations/0001_things.sql": GOOD}, settings), "dev", databases.environment(engine)) as server:
        assert "backstay.toml:2: `api.pre_request` names `public.guard`" in server.log.read_text()


def test_any_free_port_is_told_as_the_one_that_was_taken(project):
    log = (project.folder / "log").open("wb")
    first = subprocess.Popen([BINARY, "serve", "--port", "0"], cwd=project.folder, env=clean_environment(), stdout=log, stderr=log)
    try:
        for _ in range(500):
            found = re.search(r"http://127\.0\.0\.1:(\d+)", (project.folder / "log").read_text())
            if found:
                break
            time.sleep(0.02)
        port = found[1]
        assert port != "0"
        refused(project, f"127.0.0.1:{port}")
    finally:
        first.terminate()
        first.wait()


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_migrations_that_were_applied_and_are_gone_are_found_by_the_check(engine, databases):
    made = Project({"migrations/0001_things.sql": GOOD, "migrations/0002_more.sql": "create table public.more (id int primary key);"})
    environment = {**clean_environment(), **databases.environment(engine)}
    run = lambda *arguments: subprocess.run([BINARY, *arguments], cwd=made.folder, capture_output=True, text=True, env=environment, timeout=60)
    assert run("migrate", "up").returncode == 0
    assert run("migrate", "check").returncode == 0
    (made.folder / "migrations/0002_more.sql").unlink()
    done = run("migrate", "check")
    assert done.returncode == 1 and "MISSING" in done.stderr and "0002_more" in done.stderr, done.stderr
    made.write({"migrations/0001_things.sql": GOOD + "-- more\n", "migrations/0002_more.sql": "create table public.more (id int primary key);"})
    done = run("migrate", "check")
    assert done.returncode == 1 and "CHANGED" in done.stderr and "0001_things" in done.stderr, done.stderr
    made.remove()


def test_a_folder_is_named_once(project):
    folder = str(project.folder)
    for arguments in (["migrate", "status", folder], ["migrate", "status", "--dir", folder]):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env=clean_environment(), cwd="/")
        assert done.returncode == 0 and "0001_things" in done.stdout, done.stderr
    for command in (["serve"], ["dev"], ["migrate", "check"], ["doctor"]):
        done = subprocess.run([BINARY, *command, folder, "--dir", folder], capture_output=True, text=True, env=clean_environment(), timeout=30)
        assert done.returncode == 2 and "cannot be used with" in done.stderr, (command, done.stderr)


# Keys and roles


def token(secret: str, **claims) -> str:
    return jwt.encode({"role": "authenticated", "exp": int(time.time()) + 600, **claims}, secret, "HS256")


def test_the_secret_of_a_supabase_folder_signs_its_keys():
    files = {"supabase/config.toml": f"project_id = \"x\"\n[auth]\njwt_secret = \"env(OUR_SECRET)\"\n", "supabase/migrations/20200101000000_things.sql": GOOD, ".env": f"OUR_SECRET='{SECRET}'\n"}
    with Server(Project(files), "dev") as server:
        assert server.keys["jwt_secret"] == SECRET
        assert jwt.decode(server.keys["anon"], SECRET, ["HS256"])["role"] == "anon"
        ask = lambda bearer: server.client.get(f"{server.url}/rest/v1/things", headers={"apikey": server.keys["anon"], "Authorization": f"Bearer {bearer}"})
        assert ask(token(SECRET)).json() == [{"id": 1}]
        assert ask(token(KNOWN_SECRET)).status_code == 401


def test_keys_and_roles_of_gotrues_variables_are_taken():
    key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    keys = [{**key, "kid": "ours", "alg": "ES256", "use": "sig", "key_ops": ["sign", "verify"]}]
    variables = {
        "GOTRUE_JWT_KEYS": json.dumps(keys), "GOTRUE_JWT_ADMIN_ROLES": "boss,service_role", "GOTRUE_JWT_SECRET": SECRET,
        "GOTRUE_MAILER_URLPATHS_CONFIRMATION": "/auth/v1/verify", "GOTRUE_MAILER_URLPATHS_INVITE": "/join",
        "GOTRUE_RATE_LIMIT_HEADER": "X-Forwarded-For", "GOTRUE_DB_DRIVER": "postgres",
    }
    with AuthServer(None, variables) as server:
        session = server.signed_in()
        assert jwt.get_unverified_header(session["access_token"]) == {"alg": "ES256", "kid": "ours", "typ": "JWT"}
        [public] = server.auth("GET", "/.well-known/jwks.json").json()["keys"]
        assert public["kid"] == "ours" and "d" not in public
        assert server.user(session["access_token"]).status_code == 200
        status = lambda role: server.auth("GET", "/admin/users", token=token(SECRET, role=role)).status_code
        assert [status(role) for role in ("boss", "service_role", "supabase_admin", "authenticated")] == [200, 200, 403, 403]
        log = server.log.read_text()
        assert "GOTRUE_MAILER_URLPATHS_INVITE is not read" in log and "GOTRUE_RATE_LIMIT_HEADER is not read" in log and "server.trusted_proxies" in log
        assert "not read from the environment: GOTRUE_DB_DRIVER" in log and "URLPATHS_CONFIRMATION" not in log


def test_keys_are_given_once(project):
    project.write({"backstay.toml": "[auth]\nsigning_keys = \"[]\"\nsigning_keys_path = \"keys.json\"\n"})
    refused(project, "auth.signing_keys", "backstay.toml:2")
