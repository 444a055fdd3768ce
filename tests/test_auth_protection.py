"""Captchas, passwords that leaked, and attacks on what stands around sign-in: keys, headers, providers, storage."""

import errno
import hashlib
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from supabase import AuthApiError, create_client

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email
from harness.postgres import Postgres
from harness.server import Server, free_port
from test_bad_disk import Disk, library  # noqa: F401  (a fixture)


class Stub:
    """A service of somebody else's. `answer(path, body)` gives status, headers and body."""

    def __init__(self, answer):
        self.answer = answer
        self.calls: list[tuple[str, str]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def serve(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                stub.calls.append((self.path, body))
                status, headers, content = stub.answer(self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for part in [content] if isinstance(content, bytes) else content:
                        self.wfile.write(part)
                except OSError:
                    pass  # It was hung up on, as it should be.

            do_GET = do_POST = serve

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def as_json(value, status: int = 200):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


# Captchas


@pytest.fixture(scope="module")
def captcha():
    def answer(_, body):
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        good = sent["secret"] == "a secret of theirs" and sent["response"] == "a person" and sent["remoteip"] == "127.0.0.1"
        return as_json({"success": True} if good else {"success": False, "error-codes": ["invalid-input-response"]})

    with Stub(answer) as made:
        yield made


@pytest.fixture(scope="module", params=["hcaptcha", "turnstile"])
def guarded(request, captcha):
    more = {"captcha__enabled": True, "captcha__provider": request.param, "captcha__secret": "a secret of theirs"}
    with AuthServer(None, None, captcha__verify_url=f"{captcha.url}/verify", **more) as server:
        yield server


def test_calls_that_programs_could_make_need_a_captcha(guarded, captcha):
    email = guarded.new_user()["email"]
    for path, body in [
        ("/signup", {"email": fresh_email(), "password": PASSWORD}), ("/signup", {}), ("/recover", {"email": email}), ("/otp", {"email": email}),
        ("/magiclink", {"email": email}), ("/resend", {"type": "signup", "email": email}), ("/token?grant_type=password", {"email": email, "password": PASSWORD}),
    ]:
        for token in (None, "", "a program", 7):
            answer = guarded.auth("POST", path, {**body, "gotrue_meta_security": {"captcha_token": token}})
            assert code_of(answer) == (400, "captcha_failed"), (path, token)
            assert answer.json()["message"].startswith("captcha protection: request disallowed")
        assert code_of(guarded.auth("POST", path, body)) == (400, "captcha_failed")
        if body:
            # The body is there for the call itself.
            passed = guarded.auth("POST", path, {**body, "gotrue_meta_security": {"captcha_token": "a person"}})
            assert passed.status_code == 200, passed.text
    calls = len(captcha.calls)
    session = guarded.admin("POST", "/token?grant_type=password", {"email": email, "password": PASSWORD}).json()
    assert guarded.refresh(session["refresh_token"]).status_code == 200
    assert len(captcha.calls) == calls


def test_python_sends_the_token_of_a_captcha(guarded):
    email = guarded.new_user()["email"]
    client = create_client(guarded.url, guarded.keys["publishable"])
    with pytest.raises(AuthApiError) as caught:
        client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert caught.value.code == "captcha_failed"
    assert client.auth.sign_in_with_password({"email": email, "password": PASSWORD, "options": {"captcha_token": "a person"}}).session


def test_nobody_gets_in_while_the_captchas_provider_is_gone():
    more = {"captcha__enabled": True, "captcha__provider": "hcaptcha", "captcha__secret": "x"}
    with AuthServer(None, None, captcha__verify_url=f"http://127.0.0.1:{free_port()}/", **more) as server:
        body = {"email": fresh_email(), "password": PASSWORD, "gotrue_meta_security": {"captcha_token": "a person"}}
        assert code_of(server.auth("POST", "/signup", body)) == (500, "unexpected_failure")


# Passwords that leaked


LEAKED = "a sentence that leaked elsewhere"


def test_a03_passwords_that_leaked_are_refused():
    digest = hashlib.sha1(LEAKED.encode()).hexdigest().upper()

    def answer(path, _):
        rest = digest[5:] if path == f"/range/{digest[:5]}" else "0" * 35
        return 200, {}, f"{'1' * 35}:7\r\n{rest}:{3 if rest == digest[5:] else 0}\r\n".encode()

    with Stub(answer) as stub:
        more = {"breached_passwords__enabled": True, "breached_passwords__url": f"{stub.url}/range/", "email__enable_confirmations": False}
        with AuthServer(None, None, **more) as server:
            body = {"email": fresh_email(), "password": LEAKED}
            for answer in (server.auth("POST", "/signup", body), server.admin("POST", "/admin/users", body)):
                assert code_of(answer) == (422, "weak_password") and answer.json()["weak_password"]["reasons"] == ["pwned"]
            token = server.signed_in()["access_token"]
            assert code_of(server.auth("PUT", "/user", {"password": LEAKED}, token=token)) == (422, "weak_password")
            assert server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD}).status_code == 200
            # Nobody is shown more than five digits, and an answer is kept for a while.
            assert all(len(path) == len("/range/12345") for path, _ in stub.calls)
            assert max(Counter(path for path, _ in stub.calls).values()) == 1


@pytest.mark.parametrize("closed", [False, True])
def test_a03_what_holds_while_nobody_can_be_asked(closed):
    more = {"breached_passwords__enabled": True, "breached_passwords__fail_closed": closed}
    with AuthServer(None, None, breached_passwords__url=f"http://127.0.0.1:{free_port()}/range", **more) as server:
        answer = server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD})
        assert answer.status_code == (503 if closed else 200)


# Attacks


@pytest.fixture(scope="module")
def server():
    with AuthServer(None, None, enable_anonymous_sign_ins=True) as running:
        yield running


def test_a25_a_removed_key_is_refused_at_once_though_requests_run():
    with AuthServer() as server:
        old, key = server.signed_in(), server.keys["publishable"]
        answers, stop = [], threading.Event()

        def load():
            with httpx.Client() as client:
                headers = {"apikey": key, "Authorization": f"Bearer {old['access_token']}"}
                while not stop.is_set():
                    answers.append(client.get(f"{server.url}/rest/v1/", headers=headers).status_code)

        def rotated(*arguments: str, until) -> None:
            server.project.run("keys", "rotate", *arguments)
            for _ in range(500):
                if until():
                    return
                time.sleep(0.02)
            raise AssertionError("the rotated keys are not noticed")

        def data_status(token: str) -> int:
            return httpx.get(f"{server.url}/rest/v1/", headers={"Authorization": f"Bearer {token}"}).status_code

        def fresh_token() -> str:
            return server.refresh(old["refresh_token"]).json()["access_token"]

        def is_of(token: str, secret: str) -> bool:
            try:
                return bool(jwt.decode(token, secret, algorithms=["HS256"], audience="authenticated"))
            except jwt.InvalidSignatureError:
                return False

        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(load)
            rotated(until=lambda: not is_of(fresh_token(), server.keys["jwt_secret"]))
            # Both keys verify: nobody was turned away.
            assert server.user(old["access_token"]).status_code == 200 and set(answers) == {200}
            new = fresh_token()
            rotated("--finish", until=lambda: data_status(old["access_token"]) == 401)
            # Whatever was remembered of it is forgotten, for all that come from now on.
            assert {data_status(old["access_token"]) for _ in range(20)} == {401}
            stop.set()
        user = lambda token: httpx.get(f"{server.url}/auth/v1/user", headers={"Authorization": f"Bearer {token}"}).status_code
        assert answers and (user(old["access_token"]), user(new)) == (403, 200)


def raw(server, path: str, *lines: str) -> int:
    """The status of a request whose headers are sent as they are."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", f"apikey: {server.keys['publishable']}", *lines, "Connection: close", "", ""])
        connection.sendall(head.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1])


def test_a26_one_authorization_header_counts_and_odd_ones_do_not(server):
    mine, theirs = (server.signed_in()["access_token"] for _ in range(2))
    for path in ("/auth/v1/user", "/rest/v1/"):
        for line in (f"Authorization: Bearer {mine}", f"authorization: bearer {mine}", f"AUTHORIZATION:  BEARER   {mine} "):
            assert raw(server, path, line) == 200, (path, line)
        for lines in [
            [f"Authorization: Bearer {mine}", f"Authorization: Bearer {theirs}"],
            [f"Authorization: Bearer {mine}", "Authorization: Basic eA=="],
            [f"Authorization: Bearer {mine}, Bearer {theirs}"],
            [f"Authorization: Bearer {mine} {theirs}"],
            ["Authorization: Bearer"],
            ["Authorization: Bearer \xff"],
        ]:
            assert raw(server, path, *lines) in (400, 401, 403), (path, lines)
    # A token counts nowhere else.
    for path, lines in [
        (f"/auth/v1/user?access_token={mine}", []), (f"/auth/v1/user?token={mine}", []), ("/auth/v1/user", [f"Cookie: access_token={mine}; sb-access-token={mine}"]),
        ("/auth/v1/user", [f"Authorization: Basic {mine}"]), ("/auth/v1/user", [f"X-Forwarded-Authorization: Bearer {mine}"]),
    ]:
        assert raw(server, path, *lines) == 401, (path, lines)


def sign_out_fails(server, fail, heal) -> None:
    """While nothing can be stored sign-out says so; afterwards it works, and ends the session."""
    session = server.signed_in()
    token = session["access_token"]
    fail()
    refused = server.auth("POST", "/logout?scope=global", token=token)
    assert refused.status_code >= 500, refused.text
    heal()
    for _ in range(500):
        if server.user(token).status_code == 200:
            break
        time.sleep(0.02)
    assert server.user(token).status_code == 200
    assert server.auth("POST", "/logout?scope=global", token=token).status_code == 204
    assert code_of(server.user(token)) == (403, "session_not_found")
    assert code_of(server.refresh(session["refresh_token"])) == (400, "refresh_token_not_found")


class OnDisk(AuthServer):
    def __init__(self, disk: Disk):
        Server.__init__(self, disk.project, "dev", disk.environment)


def test_a30_sign_out_is_not_told_as_done_on_a_disk_that_fails(library):  # noqa: F811
    disk = Disk(library)
    with OnDisk(disk) as server:
        sign_out_fails(server, lambda: disk.fail("write", errno.ENOSPC), disk.heal)


def test_a30_sign_out_is_not_told_as_done_without_the_database():
    with Postgres() as postgres:
        environment = {"BACKSTAY_DATABASE_URL": postgres.create("project"), "BACKSTAY_DATABASE_QUEUE_MS": "500"}
        with AuthServer(None, environment) as server:
            sign_out_fails(server, postgres.halt, postgres.start)


def claims_of(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def test_a31_what_was_there_before_the_sign_in_is_not_lifted_by_it(server):
    email = server.new_user()["email"]
    planted = server.auth("POST", "/signup", {}).json()
    body = {"email": email, "password": PASSWORD, "session_id": claims_of(planted["access_token"])["session_id"], "refresh_token": planted["refresh_token"]}
    for path in (f"/token?grant_type=password&refresh_token={planted['refresh_token']}", "/token?grant_type=password"):
        session = server.auth("POST", path, body, token=planted["access_token"]).json()
        mine, theirs = claims_of(session["access_token"]), claims_of(planted["access_token"])
        assert mine["session_id"] != theirs["session_id"] and session["user"]["email"] == email
    # The planted tokens are still those of nobody.
    assert server.user(planted["access_token"]).json()["is_anonymous"] is True
    assert server.refresh(planted["refresh_token"]).json()["user"]["is_anonymous"] is True


def test_a31_a_flow_begun_by_another_brings_them_nothing(server):
    """A link asked for with a stranger's verifier signs its reader in nowhere but where that verifier is."""
    email = server.new_user()["email"]
    challenge = {"code_challenge": "c" * 43, "code_challenge_method": "plain"}
    server.auth("POST", "/otp", {"email": email, **challenge})
    strangers = server.link(email)
    own = {"code_challenge": "o" * 43, "code_challenge_method": "plain"}
    server.auth("POST", "/otp", {"email": email, **own})
    stale = server.follow(strangers).headers["location"]
    assert "error_code=otp_expired" in stale and "code=" not in stale.replace("error_code=", "")
    code = parse_qs(urlsplit(server.follow(server.link(email)).headers["location"]).query)["code"][0]
    exchange = lambda verifier: server.auth("POST", "/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})
    assert code_of(exchange("c" * 43)) == (400, "bad_code_verifier")
    assert exchange("o" * 43).json()["user"]["email"] == email


# Providers that answer as they should not


class Provider(Stub):
    """An OpenID provider, one of whose documents goes wrong."""

    def __init__(self):
        super().__init__(self.reply)
        self.wrong: dict = {}
        self.info = {"sub": "1", "email": "ann@provider.example", "email_verified": True}

    def reply(self, path, body):
        name = urlsplit(path).path.rsplit("/", 1)[-1]
        if name in self.wrong:
            return self.wrong[name]
        match name:
            case "openid-configuration":
                place = {f"{kind}_endpoint": f"{self.url}/{kind}" for kind in ("authorization", "token", "userinfo")}
                return as_json({"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **place})
            case "token":
                return as_json({"access_token": "x", "token_type": "bearer", "id_token": "a.b.c"})
            case "jwks":
                return as_json({"keys": []})
            case _:
                return as_json(self.info)


def endless():
    for _ in range(50):
        yield b"x" * 1024 * 1024


def slow():
    time.sleep(12)
    yield b"{}"


ODD = {
    "html": (200, {"Content-Type": "text/html"}, b"<p>Welcome</p>"),
    "a list": as_json([1, 2]),
    "a text": as_json("yes"),
    "numbers": as_json({"access_token": 7, "id_token": {"a": 1}, "issuer": [], "keys": 7, "sub": {}}),
    "nothing": (200, {}, b""),
    "fifty megabytes": (200, {"Content-Type": "application/json"}, endless),
    "a redirect to itself": (302, {"Location": "/token"}, b""),
    "an error": as_json({"error": "invalid_client", "secret": "do not tell"}, 500),
    "no end of time": (200, {"Content-Type": "application/json"}, slow),
}


@pytest.fixture(scope="module")
def provider():
    with Provider() as made:
        yield made


@pytest.fixture(scope="module")
def linked(provider):
    name = '"custom:odd"'
    more = {f"external__{name}__{key}": value for key, value in [("enabled", True), ("client_id", "us"), ("secret", "s"), ("url", provider.url)]}
    with AuthServer(None, None, **more) as server:
        yield server


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("document", ["token", "jwks"])
def test_a40_odd_answers_of_a_provider_are_refused(linked, provider, document, kind):
    provider.wrong = {}
    begun = linked.auth("GET", "/authorize?provider=custom:odd&redirect_to=" + linked.url)
    assert begun.status_code == 302, begun.text
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    status, headers, content = ODD[kind]
    provider.wrong = {document: (status, headers, content() if callable(content) else content)}
    started = time.monotonic()
    back = linked.follow(f"{linked.url}/auth/v1/callback?code=c&state={state}")
    target = back.headers["location"]
    assert back.status_code == 302 and target.startswith(linked.url) and "error=" in target, target
    assert "access_token" not in target and "do not tell" not in target
    assert time.monotonic() - started < 12, "it was waited for"


def test_a40_a_provider_that_cannot_be_found_out_about_is_refused(linked, provider):
    for kind, (status, headers, content) in ODD.items():
        provider.wrong = {"openid-configuration": (status, headers, content() if callable(content) else content)}
        # Its document is kept for a while; another issuer is looked at anew.
        name = '"custom:other"'
        more = {f"external__{name}__{key}": value for key, value in [("enabled", True), ("client_id", "us"), ("secret", "s"), ("url", provider.url)]}
        if kind in ("html", "fifty megabytes", "numbers"):
            with AuthServer(None, None, **more) as server:
                answer = server.auth("GET", "/authorize?provider=custom:other")
                assert code_of(answer)[0] == 400, (kind, answer.text)
    provider.wrong = {}


def test_a41_odd_names_of_providers_ask_nobody(linked, provider):
    provider.wrong = {}
    before = len(provider.calls)
    odd = ["", "none", "../x", "..%2f..%2fetc%2fpasswd", "custom:", "custom:none", "CUSTOM:ODD", "custom:odd%00", "http://evil.example", "%27%20or%201=1--", "x" * 5000]
    for name in odd:
        answer = linked.auth("GET", f"/authorize?provider={name}")
        assert code_of(answer) == (400, "validation_failed"), name
    for query in ("provider[]=custom:odd", "provider[0]=custom:odd", "provider=&provider=custom:odd"):
        assert code_of(linked.auth("GET", f"/authorize?{query}")) == (400, "validation_failed"), query
    for name in (["custom:odd"], {"name": "custom:odd"}, 7, True):
        answer = linked.auth("POST", "/token?grant_type=id_token", {"provider": name, "id_token": "a.b.c"})
        assert code_of(answer) == (400, "bad_json"), name
    for name in ("none", "../x"):
        answer = linked.auth("POST", "/token?grant_type=id_token", {"provider": name, "id_token": "a.b.c"})
        assert code_of(answer)[0] == 400, name
    assert len(provider.calls) == before


def test_wrong_passwords_are_on_record(server):
    email = server.new_user()["email"]
    server.auth("POST", "/token?grant_type=password", {"email": email, "password": "wrong"})
    for _ in range(250):
        found = server.admin("GET", f"/admin/audit?query=author:{email}").json()
        if [entry["payload"]["action"] for entry in found][:1] == ["login_failed"]:
            break
        time.sleep(0.02)
    entry = found[0]
    assert entry["payload"]["action"] == "login_failed" and entry["ip_address"] == "127.0.0.1"
    assert "wrong" not in json.dumps(entry)


TRIGGER = """
create table public.changes (id bigint generated always as identity primary key, what text not null);
create function public.note_change() returns trigger language plpgsql as $$
begin
  insert into public.changes (what) values (tg_argv[0]);
  return new;
end $$;
create trigger email_changed after update of email on auth.users for each row execute function public.note_change('email');
create trigger seen after update of last_sign_in_at on auth.users for each row execute function public.note_change('sign-in');
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_triggers_of_a_column_see_changes_of_that_column_only(engine, databases):
    with AuthServer({"migrations/0002_trigger.sql": TRIGGER}, databases.environment(engine)) as server:
        changes = lambda: [row["what"] for row in server.rest("GET", "/changes?select=what&order=id", "service").json()]
        user = server.new_user()
        before = changes()
        server.sign_in(user["email"])
        assert changes()[len(before):] == ["sign-in"]
        server.admin("PUT", f"/admin/users/{user['id']}", {"email": fresh_email()})
        assert changes()[len(before) + 1:] == ["email"]
