"""Sign-in with the accounts of providers: a real OpenID provider, and a stand-in for GitHub."""

import base64
import hashlib
import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from harness.auth import PASSWORD, AuthServer, code_of
from harness.server import free_port

CLIENTS = Path(__file__).parent / "clients"
ACCOUNTS = {
    "ann": {"email": "ann@provider.example", "email_verified": True, "name": "Ann", "picture": "https://x.example/ann.png"},
    "bob": {"email": "bob@provider.example", "email_verified": True, "name": "Bob"},
    "cat": {"email": "cat@provider.example", "email_verified": False, "name": "Cat"},
    "dan": {"name": "Dan"},
    "fay": {"email": "fay@provider.example", "email_verified": False, "name": "Fay"},
    "eve": {"email": "eve@provider.example", "email_verified": True, "name": "Eve"},
}


class GitHub(BaseHTTPRequestHandler):
    """The calls of GitHub's API that a sign-in makes."""

    user = {"id": 4711, "login": "gina", "name": "Gina"}
    emails = [
        {"email": "other@github.example", "primary": False, "verified": True},
        {"email": "gina@github.example", "primary": True, "verified": True},
    ]

    def answer(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = sent["code"] == ["good"] and sent["client_secret"] == ["a secret of github"]
        self.answer({"access_token": "gh-token", "token_type": "bearer"} if good else {"error": "bad_verification_code"})

    def do_GET(self):
        if self.headers.get("Authorization") != "Bearer gh-token":
            return self.answer({})
        self.answer(self.emails if self.path.endswith("/emails") else self.user)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def github():
    with ThreadingHTTPServer(("127.0.0.1", 0), GitHub) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture(scope="module")
def issuer():
    port = free_port()
    arguments = [str(port), "http://127.0.0.1:8000/auth/v1/callback", json.dumps(ACCOUNTS)]
    process = subprocess.Popen(["node", "oidc.mjs", *arguments], cwd=CLIENTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "ready", process.stderr.read()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def provider(name: str, **keys) -> dict:
    return {f"external__{name}__{key}": value for key, value in {"enabled": True, **keys}.items()}


@pytest.fixture(scope="module")
def server(issuer, github):
    shop = provider('"custom:shop"', client_id="shop", secret="a secret of the shop", url=issuer)
    hub = provider("github", client_id="hub", secret="a secret of github", url=github)
    place = {"site_url": "http://127.0.0.1:8000", "external_url": "http://127.0.0.1:8000"}
    with AuthServer(enable_manual_linking=True, enable_anonymous_sign_ins=True, **place, **shop, **hub) as running:
        yield running


def sign_in_there(url: str, user: str) -> str:
    """Follows the authorization request as the user; where the provider sends the browser back to."""
    with httpx.Client(headers={"x-user": user}) as browser:
        for _ in range(10):
            url = str(httpx.URL(url).join(browser.get(url).headers["location"]))
            if "/auth/v1/callback" in url:
                return url
    raise AssertionError(url)


def begin(server, query="provider=custom:shop") -> str:
    answer = server.follow(f"/auth/v1/authorize?{query}")
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def members(location: str) -> dict:
    parts = urlsplit(location)
    return {name: values[0] for name, values in parse_qs(parts.fragment or parts.query, keep_blank_values=True).items()}


def by_provider(server, user: str, query="provider=custom:shop") -> dict:
    back = server.follow(sign_in_there(begin(server, query), user))
    assert back.status_code == 302
    return members(back.headers["location"])


def link_github(server, token: str, id: int, login: str) -> dict:
    """Links the account at GitHub to the token's user; what the browser is told in the end."""
    GitHub.user = {"id": id, "login": login, "name": login.title()}
    GitHub.emails = [{"email": f"{login}@github.example", "primary": True, "verified": True}]
    url = server.auth("GET", "/user/identities/authorize?provider=github&skip_http_redirect=true", token=token).json()["url"]
    return members(server.follow(f"/auth/v1/callback?code=good&state={members(url)['state']}").headers["location"])


def test_a_provider_signs_people_in(server):
    url = begin(server, "provider=custom:shop&scopes=offline_access&prompt=login&client_id=evil&redirect_uri=https://evil.example")
    asked = members(url)
    assert asked["client_id"] == "shop" and asked["redirect_uri"] == "http://127.0.0.1:8000/auth/v1/callback"
    assert asked["scope"] == "openid email profile offline_access" and asked["prompt"] == "login"
    assert asked["code_challenge_method"] == "S256" and len(asked["nonce"]) > 20
    told = by_provider(server, "ann")
    user = server.user(told["access_token"]).json()
    assert (user["email"], user["user_metadata"]["name"]) == ("ann@provider.example", "Ann")
    assert user["app_metadata"] == {"provider": "custom:shop", "providers": ["custom:shop"]}
    assert user["identities"][0]["identity_data"]["email_verified"] is True and user["email_confirmed_at"]
    assert told["provider_token"] and told["token_type"] == "bearer" and told["sb"] == ""
    assert jwt.decode(told["access_token"], options={"verify_signature": False})["amr"][0]["method"] == "oauth"
    again = server.user(by_provider(server, "ann")["access_token"]).json()
    assert again["id"] == user["id"] and len(again["identities"]) == 1


def test_a_provider_signs_in_with_a_verifier(server):
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    told = by_provider(server, "bob", f"provider=custom:shop&code_challenge={challenge}&code_challenge_method=s256")
    assert set(told) == {"code"}
    session = server.auth("POST", "/token?grant_type=pkce", {"auth_code": told["code"], "code_verifier": verifier}).json()
    assert session["user"]["email"] == "bob@provider.example" and session["provider_token"]


def test_github_signs_people_in(server):
    state = members(begin(server, "provider=github"))["state"]
    back = server.follow(f"/auth/v1/callback?code=good&state={state}")
    user = server.user(members(back.headers["location"])["access_token"]).json()
    assert (user["email"], user["user_metadata"]["user_name"]) == ("gina@github.example", "gina")
    state = members(begin(server, "provider=github"))["state"]
    refused = members(server.follow(f"/auth/v1/callback?code=bad&state={state}").headers["location"])
    assert refused["error_code"] == "bad_oauth_callback"


def test_an_unverified_address_must_be_confirmed(server):
    told = by_provider(server, "cat")
    assert told["error_code"] == "provider_email_needs_verification" and "access_token" not in told
    server.auth("POST", "/verify", {"type": "signup", "email": "cat@provider.example", "token": server.code("cat@provider.example")})
    assert "access_token" in by_provider(server, "cat")


def test_a_user_without_an_address_signs_in(server):
    user = server.user(by_provider(server, "dan")["access_token"]).json()
    assert user["email"] == "" and user["user_metadata"]["name"] == "Dan"


def test_a07_what_a_stranger_prepared_is_void(server):
    email = "eve@provider.example"
    server.auth("POST", "/signup", {"email": email, "password": PASSWORD, "data": {"planted": True}})
    planted = server.code(email)
    user = server.user(by_provider(server, "eve")["access_token"]).json()
    assert user["email"] == email and "planted" not in user["user_metadata"]
    assert [identity["provider"] for identity in user["identities"]] == ["custom:shop"]
    assert code_of(server.auth("POST", "/token?grant_type=password", {"email": email, "password": PASSWORD})) == (400, "invalid_credentials")
    assert code_of(server.auth("POST", "/verify", {"type": "signup", "email": email, "token": planted})) == (403, "otp_expired")


def test_a39_an_address_that_is_only_claimed_links_nothing(server):
    owner = server.new_user(email="fay@provider.example")
    told = by_provider(server, "fay")
    other = server.user(told["access_token"]).json()
    assert other["id"] != owner["id"] and other["email"] == ""
    assert [identity["provider"] for identity in server.admin("GET", f"/admin/users/{owner['id']}").json()["identities"]] == ["email"]


def test_a37_a_state_is_good_for_one_return(server):
    back = sign_in_there(begin(server), "ann")
    first, second = server.follow(back), server.follow(back)
    assert "access_token" in members(first.headers["location"])
    assert members(second.headers["location"])["error_code"] == "flow_state_already_used"
    for state, code in [(None, "bad_oauth_callback"), ("x", "bad_oauth_state"), ("11111111-1111-4111-8111-111111111111", "bad_oauth_state")]:
        query = f"code=x&state={state}" if state else "code=x"
        location = server.follow(f"/auth/v1/callback?{query}").headers["location"]
        assert location.startswith("http://127.0.0.1:8000?error=") and members(location)["error_code"] == code
    # The code of one flow does not fit the verifier and nonce of another.
    one, two = sign_in_there(begin(server), "ann"), sign_in_there(begin(server), "bob")
    mixed = f"/auth/v1/callback?code={members(one)['code']}&state={members(two)['state']}"
    assert members(server.follow(mixed).headers["location"])["error_code"] == "bad_oauth_callback"


def test_a_refusal_at_the_provider_is_passed_on(server):
    state = members(begin(server))["state"]
    location = server.follow(f"/auth/v1/callback?error=access_denied&error_description=No&state={state}").headers["location"]
    assert members(location)["error"] == "access_denied" and members(location)["error_description"] == "No"


def test_identities_are_linked_and_unlinked(server):
    session = server.signed_in()
    token = session["access_token"]
    assert "access_token" in link_github(server, token, 815, "hal")
    user = server.user(token).json()
    assert [identity["provider"] for identity in user["identities"]] == ["email", "github"]
    assert user["app_metadata"]["providers"] == ["email", "github"] and user["email"] == session["user"]["email"]
    # Linked once, it links nobody else.
    other = server.signed_in()["access_token"]
    assert link_github(server, other, 815, "hal")["error_code"] == "identity_already_exists"
    linked = user["identities"][1]["identity_id"]
    unlink = lambda id, who=token: server.auth("DELETE", f"/user/identities/{id}", token=who)
    assert code_of(unlink("x")) == (404, "validation_failed")
    assert code_of(unlink(linked, other)) == (422, "identity_not_found")
    assert unlink(linked).status_code == 200
    left = server.user(token).json()["identities"]
    assert [identity["provider"] for identity in left] == ["email"]
    assert code_of(unlink(left[0]["identity_id"])) == (422, "single_identity_not_deletable")


def test_a42_unlinking_everything_at_once_leaves_a_way_in(server):
    session = server.signed_in()
    token = session["access_token"]
    assert "access_token" in link_github(server, token, 906, "ivy")
    linked = [identity["identity_id"] for identity in server.user(token).json()["identities"]]
    assert len(linked) == 2
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda id: server.auth("DELETE", f"/user/identities/{id}", token=token), linked * 4))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert all(answer.status_code in (200, 422) for answer in answers)
    assert len(server.user(token).json()["identities"]) == 1
