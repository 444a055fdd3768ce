"""What surrounds sign-in: forms of errors, keys, mail servers, imports, the command line, sign-in under load."""

import base64
import email
import json
import subprocess
import threading
from email import policy

import argon2
import bcrypt
import httpx
import jwt
import passlib.hash
import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from werkzeug.security import generate_password_hash

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email
from harness.server import BINARY, Project, Server, clean_environment, free_port

ODD = "Backstay-42-passw\u00f6rd"


@pytest.fixture(scope="module")
def server():
    with AuthServer() as running:
        yield running


def test_the_service_tells_of_itself(server):
    health = server.auth("GET", "/health").json()
    assert health["name"] == "GoTrue" and health["version"] and health["description"]
    settings = server.auth("GET", "/settings").json()
    assert settings["external"]["email"] is True and settings["external"]["google"] is False
    assert settings["mailer_autoconfirm"] is False and settings["disable_signup"] is False
    discovery = server.auth("GET", "/.well-known/openid-configuration").json()
    assert discovery["jwks_uri"] == discovery["issuer"] + "/.well-known/jwks.json"
    jwks = server.auth("GET", "/.well-known/jwks.json")
    assert jwks.json() == {"keys": []} and "max-age=600" in jwks.headers["cache-control"]


def test_errors_have_the_form_of_the_callers_version(server):
    body = {"email": fresh_email(), "password": "abc"}
    new = server.auth("POST", "/signup", body)
    assert new.headers["x-supabase-api-version"] == "2024-01-01" and new.headers["x-sb-error-code"] == "weak_password"
    assert set(new.json()) == {"code", "message", "weak_password"}
    for version in (None, "2023-12-31", "nonsense"):
        old = server.auth("POST", "/signup", body, headers={"X-Supabase-Api-Version": version})
        assert "x-supabase-api-version" not in old.headers
        assert old.json() == {
            "code": 422, "error_code": "weak_password", "msg": new.json()["message"], "weak_password": {"reasons": ["length"]},
        }


def test_browsers_open_links_without_a_key():
    with Server(Project({"migrations/0001_none.sql": "select 1;"})) as server:
        for path in ("/health", "/.well-known/jwks.json", "/verify?token=x&type=signup"):
            assert httpx.get(f"{server.url}/auth/v1{path}").status_code in (200, 303), path
        for path in ("/settings", "/user"):
            assert httpx.get(f"{server.url}/auth/v1{path}").status_code == 401, path
        wrong = httpx.get(f"{server.url}/auth/v1/settings", headers={"apikey": "sb_publishable_wrong"})
        assert wrong.status_code == 401
        key = server.keys["publishable"]
        assert httpx.get(f"{server.url}/auth/v1/settings?apikey={key}").status_code == 200
        assert httpx.get(f"{server.url}/dev/mail.json").status_code == 404


def test_sign_up_can_be_closed():
    with AuthServer(enable_signup=False) as server:
        for path, body in [("/signup", {"email": fresh_email(), "password": PASSWORD}), ("/signup", {})]:
            answer = server.auth("POST", path, body)
            assert code_of(answer) == (422, "signup_disabled")
            assert answer.json()["message"] == "Signups not allowed for this instance"
        assert code_of(server.auth("POST", "/otp", {"email": fresh_email()})) == (422, "otp_disabled")
        assert server.admin("POST", "/invite", {"email": fresh_email()}).status_code == 200


def test_what_is_not_there_is_refused_as_switched_off(server):
    token = server.signed_in()["access_token"]
    for method, path, expected in [
        ("POST", "/sso", (404, "saml_provider_disabled")),
        ("GET", "/passkeys", (404, "passkey_disabled")),
        ("GET", "/oauth/authorizations/x", (404, "feature_disabled")),
        ("POST", "/oauth/clients/register", (404, "feature_disabled")),
        ("POST", "/token?grant_type=web3", (422, "web3_provider_disabled")),
        ("POST", "/token?grant_type=none", (400, "invalid_credentials")),
        ("GET", "/authorize?provider=google", (400, "validation_failed")),
        ("GET", "/authorize?provider=../x", (400, "validation_failed")),
        ("GET", "/user/identities/authorize?provider=google", (404, "manual_linking_disabled")),
        ("GET", "/nothing", (404, "validation_failed")),
    ]:
        assert code_of(server.auth(method, path, {} if method == "POST" else None, token=token)) == expected, path
    for kind in ("phone", "webauthn"):
        assert code_of(server.auth("POST", "/factors", {"factor_type": kind}, token=token)) == (422, f"mfa_{kind}_enroll_not_enabled")


# Keys


def private_jwk(key, id: str, algorithm: str, operations: list[str]) -> dict:
    kind = {"ES256": jwt.algorithms.ECAlgorithm, "RS256": jwt.algorithms.RSAAlgorithm, "EdDSA": jwt.algorithms.OKPAlgorithm}[algorithm]
    return {**json.loads(kind.to_jwk(key)), "kid": id, "alg": algorithm, "key_ops": operations}


def test_tokens_are_signed_with_keys_that_others_can_verify():
    keys = [
        private_jwk(ec.generate_private_key(ec.SECP256R1()), "one", "ES256", ["sign", "verify"]),
        private_jwk(rsa.generate_private_key(65537, 2048), "two", "RS256", ["verify"]),
        private_jwk(ed25519.Ed25519PrivateKey.generate(), "three", "EdDSA", ["verify"]),
    ]
    with AuthServer({"keys.json": json.dumps(keys)}, signing_keys_path="keys.json") as server:
        email = server.new_user()["email"]
        tokens = []
        for signing in range(3):
            for number, key in enumerate(keys):
                key["key_ops"] = ["sign", "verify"] if number == signing else ["verify"]
            server.project.write({"keys.json": json.dumps(keys)})
            server.stop()
            server.start()
            public = server.auth("GET", "/.well-known/jwks.json").json()["keys"]
            assert [key["kid"] for key in public] == ["one", "two", "three"]
            assert not [name for key in public for name in ("d", "p", "q", "dp", "dq", "qi", "k") if name in key]
            token = server.sign_in(email)["access_token"]
            assert jwt.get_unverified_header(token)["kid"] == keys[signing]["kid"]
            known = jwt.PyJWKSet.from_dict({"keys": public})[keys[signing]["kid"]]
            jwt.decode(token, known, algorithms=[keys[signing]["alg"]], audience="authenticated")
            tokens.append(token)
        # Tokens of keys that only verify now still hold; those of a removed key do not.
        assert [server.user(token).status_code for token in tokens] == [200, 200, 200]
        # The public half of a key is no secret to sign with.
        forged = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"two"}').rstrip(b"=").decode()
        assert code_of(server.user(f"{forged}.{tokens[1].split('.')[1]}.{tokens[1].split('.')[2]}")) == (403, "bad_jwt")
        server.project.write({"keys.json": json.dumps(keys[1:])})
        server.stop()
        server.start()
        assert [server.user(token).status_code for token in tokens] == [403, 200, 200]


# Mail


class Sink:
    """A mail server that keeps what it gets."""

    def __init__(self):
        self.mails = []
        self.arrived = threading.Condition()

    async def handle_DATA(self, server, session, envelope):
        with self.arrived:
            self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=policy.default)))
            self.arrived.notify_all()
        return "250 OK"

    def wait_for(self, count: int) -> list:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.mails) >= count, timeout=30), self.mails
            return self.mails


def test_mails_go_to_a_mail_server():
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    smtp = {
        "email__smtp__host": "127.0.0.1", "email__smtp__port": controller.port, "email__smtp__admin_email": "shop@example.com",
        "email__smtp__sender_name": "The Shop", "external_url": "https://api.shop.example", "site_url": "https://shop.example",
        "email__template__recovery__subject": "Hello {{ .Data.name }}",
    }
    template = {"templates/recovery.html": "<p>{{ .Email }} {{ if .Data.name }}{{ .Data.name }}{{ end }} <a href='{{ .ConfirmationURL }}'>x</a> {{ .Token }}</p>"}
    try:
        with AuthServer(template, **smtp) as server:
            to = server.new_user(user_metadata={"name": "<b>Ann</b>"})["email"]
            server.auth("POST", "/recover", {"email": to})
            server.auth("POST", "/recover", {"email": fresh_email("unknown")})
            server.auth("POST", "/otp", {"email": to})
            mails = sink.wait_for(2)
    finally:
        controller.stop()
    assert [recipients for recipients, _ in mails] == [[to], [to]]
    recovery, link = mails[0][1], mails[1][1]
    assert recovery["From"] == "The Shop <shop@example.com>" and recovery["Subject"] == "Hello <b>Ann</b>"
    page = recovery.get_body(("html",)).get_content()
    assert f"{to} &lt;b&gt;Ann&lt;" in page and "https:&#x2f;&#x2f;api.shop.example" in page
    text = link.get_body(("plain",)).get_content()
    assert "https://api.shop.example/auth/v1/verify?token=" in text and "redirect_to=https%3A%2F%2Fshop.example" in text


# Coming from elsewhere


def frameworks() -> dict[str, str]:
    """Hashes by the frameworks' own packages."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(PASSWORD_HASHERS=[
            f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "Scrypt")
        ])
        django.setup()
    from django.contrib.auth.hashers import make_password

    node = subprocess.run(
        ["node", "-e", "const c=require('crypto');const s=c.randomBytes(16);console.log('$scrypt$ln=14,r=8,p=1$'+s.toString('base64').replace(/=+$/,'')+'$'"
         "+c.scryptSync(process.argv[1],s,32,{N:16384,r:8,p:1}).toString('base64').replace(/=+$/,''))", ODD],
        capture_output=True, text=True, check=True,
    ).stdout.strip()
    return {
        **{f"django {name}": make_password(ODD, hasher=name) for name in ("pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "scrypt")},
        "rails": bcrypt.hashpw(ODD.encode(), bcrypt.gensalt(4, b"2a")).decode(),
        "laravel": bcrypt.hashpw(ODD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
        "laravel argon2id": argon2.PasswordHasher(time_cost=2, memory_cost=1024, parallelism=1).hash(ODD),
        "werkzeug scrypt": generate_password_hash(ODD),
        "werkzeug pbkdf2": generate_password_hash(ODD, method="pbkdf2:sha256:1000"),
        "passlib pbkdf2": passlib.hash.pbkdf2_sha256.using(rounds=1000).hash(ODD),
        "passlib sha512": passlib.hash.pbkdf2_sha512.using(rounds=1000).hash(ODD),
        "wordpress": passlib.hash.phpass.using(rounds=7).hash(ODD),
        "node scrypt": node,
    }


def stored_hash(server, email: str) -> str:
    import sqlite3

    with sqlite3.connect(f"file:{server.project.folder}/.backstay/data.db?mode=ro", uri=True) as database:
        return database.execute('select encrypted_password from "auth.users" where email = ?', [email]).fetchone()[0]


def test_users_keep_the_passwords_of_their_framework(server):
    hashes = frameworks()
    rows = [{"email": fresh_email("import"), "password_hash": hash, "id": number, "name": name} for number, (name, hash) in enumerate(hashes.items())]
    bad = [
        {"email": rows[0]["email"], "password_hash": rows[0]["password_hash"]},
        {"email": fresh_email(), "password_hash": "md5$x$00112233445566778899aabbccddeeff"},
        {"email": "no address", "password_hash": rows[0]["password_hash"]},
    ]
    server.project.write({"users.json": json.dumps(rows + bad)})
    server.write_port()
    tried = server.project.run("user", "import", "users.json", "--dry-run", check=False)
    assert tried.returncode == 1 and f"{len(rows) + 1} of {len(rows) + 3} can be imported" in tried.stdout, tried.stdout + tried.stderr
    assert server.admin("GET", f"/admin/users?email={rows[0]['email']}").json()["users"] == []
    done = server.project.run("user", "import", "users.json", check=False)
    assert done.returncode == 1 and f"{len(rows)} of {len(rows) + 3} imported" in done.stdout, done.stdout + done.stderr
    assert all(f"row {len(rows) + number}" in done.stdout for number in (1, 2, 3))
    for row in rows:
        wrong = server.auth("POST", "/token?grant_type=password", {"email": row["email"], "password": ODD[:-1]})
        assert code_of(wrong) == (400, "invalid_credentials"), row["name"]
        before = stored_hash(server, row["email"])
        user = server.sign_in(row["email"], ODD)["user"]
        assert user["app_metadata"]["former_id"] == row["id"] and user["user_metadata"]["name"] == row["name"]
        after = stored_hash(server, row["email"])
        assert before != after and after.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), row["name"]
        server.sign_in(row["email"], ODD)


def test_users_are_managed_from_the_command_line(server):
    run = lambda *arguments, stdin="": subprocess.run(
        [BINARY, "user", *arguments], cwd=server.project.folder, input=stdin, capture_output=True, text=True, timeout=120, env=clean_environment()
    )
    email = fresh_email("cli")

    def walk():
        made = run("create", email, stdin=f"{PASSWORD}\n")
        assert made.returncode == 0 and email in made.stdout, made.stderr
        assert "exists" in (again := run("create", email, stdin="x y z u v\n")).stderr or again.returncode == 1
        assert email in run("list", "--filter", email).stdout
        assert run("role", email, "service_role").returncode == 0
        assert json.loads(run("list", "--filter", email, "--json").stdout)[0]["role"] == "service_role"
        assert "banned" in run("ban", email).stdout
        assert "banned" not in run("unban", email).stdout
        assert run("password", email, stdin="another one entirely\n").returncode == 0
        assert run("delete", email).returncode == 0
        assert run("delete", email).returncode == 1

    server.stop()
    walk()
    server.start()
    server.write_port()
    walk()


# Load


def test_a_storm_of_logins_fails_nobody(server):
    from concurrent.futures import ThreadPoolExecutor

    email = server.new_user()["email"]
    body = {"email": email, "password": PASSWORD}
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: server.auth("POST", "/token?grant_type=password", body).status_code, range(100)))
    assert set(answers) == {200}
