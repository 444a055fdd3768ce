"""The OAuth 2.1 server: other applications sign people in with their accounts here."""

import base64
import hashlib
import json
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from supabase import create_client

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email
from test_auth_service import private_jwk

CALLBACK = "https://app.example/callback?x=1"
VERIFIER = "verifier-" + "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
NOTES = """
create table notes (owner uuid not null default auth.uid() references auth.users (id) on delete cascade, body text);
alter table notes enable row level security;
create policy own on notes for all to authenticated using (owner = (select auth.uid()));
grant select, insert on notes to authenticated;

-- As docs/auth-oauth-server.md keeps applications out of a table.
create table invoices (owner uuid not null default auth.uid() references auth.users (id) on delete cascade, body text);
alter table invoices enable row level security;
create policy own on invoices for all to authenticated using (owner = (select auth.uid()));
create policy "no foreign applications" on invoices as restrictive for all to authenticated
  using ((select auth.jwt() ->> 'client_id') is null);
grant select, insert on invoices to authenticated;
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    keys = json.dumps([private_jwk(ec.generate_private_key(ec.SECP256R1()), "one", "ES256", ["sign", "verify"])])
    more = {"signing_keys_path": "keys.json", "oauth_server__enabled": True, "oauth_server__allow_dynamic_registration": True,
            "rate_limit__registrations": 0, "site_url": "https://shop.example"}
    files = {"keys.json": keys, "migrations/0002_notes.sql": NOTES}
    with AuthServer(files, databases.environment(request.param), **more) as running:
        yield running


def client_of(server, **more) -> dict:
    body = {"client_name": "App", "redirect_uris": [CALLBACK, "http://127.0.0.1:9/cb"], **more}
    made = server.admin("POST", "/admin/oauth/clients", body)
    assert made.status_code == 201, made.text
    return made.json()


def asked(server, client: dict, **more) -> httpx.Response:
    query = {
        "client_id": client["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email profile",
        "state": "s&t", "code_challenge": CHALLENGE, "code_challenge_method": "S256", "nonce": "n1", **more,
    }
    query = {name: value for name, value in query.items() if value is not None}
    # As a browser comes: without a key.
    return httpx.get(f"{server.url}/auth/v1/oauth/authorize?{urlencode(query)}", follow_redirects=False)


def handle_of(answer: httpx.Response) -> str:
    assert answer.status_code == 302, answer.text
    target = urlsplit(answer.headers["location"])
    assert (target.netloc, target.path) == ("shop.example", "/oauth/consent"), answer.headers["location"]
    return parse_qs(target.query)["authorization_id"][0]


def query_of(url: str) -> dict:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def decided(server, handle: str, token: str, action: str = "approve") -> dict:
    answer = server.auth("POST", f"/oauth/authorizations/{handle}/consent", {"action": action}, token=token)
    assert answer.status_code == 200, answer.text
    return query_of(answer.json()["redirect_url"])


def token(server, client: dict, *, basic: bool | None = None, **body) -> httpx.Response:
    """As the client calls: with its own credentials and no key of the project."""
    secret = client.get("client_secret")
    method = client["token_endpoint_auth_method"]
    authorization = None
    if method == "client_secret_basic" and basic is not False:
        authorization = (client["client_id"], secret)
    else:
        body = {"client_id": client["client_id"], **({"client_secret": secret} if secret else {}), **body}
    return httpx.post(f"{server.url}/auth/v1/oauth/token", data=body, auth=authorization)


def redeemed(server, client: dict, code: str, **more) -> httpx.Response:
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **more}
    return token(server, client, **body)


def granted(server, client: dict, session: dict | None = None, **more) -> dict:
    session = session or server.signed_in()
    back = decided(server, handle_of(asked(server, client, **more)), session["access_token"])
    answer = redeemed(server, client, back["code"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def oauth_error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


def test_an_application_signs_people_in(server):
    client, session = client_of(server), server.signed_in(user_metadata={"full_name": "Ann"})
    handle = handle_of(asked(server, client))
    details = server.auth("GET", f"/oauth/authorizations/{handle}", token=session["access_token"]).json()
    assert details == {
        "authorization_id": handle, "redirect_uri": CALLBACK, "scope": "openid email profile",
        "client": {"id": client["client_id"], "name": "App", "uri": "", "logo_uri": ""},
        "user": {"id": session["user"]["id"], "email": session["user"]["email"]},
    }
    back = decided(server, handle, session["access_token"])
    assert back["state"] == "s&t" and back["x"] == "1"
    tokens = redeemed(server, client, back["code"]).json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
    discovery = httpx.get(f"{server.url}/auth/v1/.well-known/openid-configuration").json()
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(tokens["id_token"])
    claims = jwt.decode(tokens["id_token"], key, algorithms=["ES256"], audience=client["client_id"], issuer=discovery["issuer"])
    assert claims["sub"] == session["user"]["id"] and claims["nonce"] == "n1" and claims["name"] == "Ann"
    assert claims["email"] == session["user"]["email"] and claims["email_verified"] is True and "phone_number" not in claims
    access = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (access["client_id"], access["scope"]) == (client["client_id"], "openid email profile")
    assert access["amr"][0]["method"] == "oauth_provider/authorization_code"
    info = httpx.get(discovery["userinfo_endpoint"], headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert info["sub"] == claims["sub"] and info["email"] == claims["email"] and info["name"] == "Ann" and "phone" not in info
    # It acts for the user on the data API.
    bearer = {"apikey": server.keys["publishable"], "Authorization": f"Bearer {tokens['access_token']}"}
    assert httpx.post(f"{server.url}/rest/v1/notes", headers=bearer, json={"body": "mine"}).status_code == 201
    assert len(httpx.get(f"{server.url}/rest/v1/notes", headers=bearer).json()) == 1
    # Policies may keep it out.
    assert httpx.post(f"{server.url}/rest/v1/invoices", headers=bearer, json={"body": "x"}).status_code == 403
    own = {**bearer, "Authorization": f"Bearer {session['access_token']}"}
    assert httpx.post(f"{server.url}/rest/v1/invoices", headers=own, json={"body": "x"}).status_code == 201
    assert httpx.get(f"{server.url}/rest/v1/invoices", headers=bearer).json() == []
    renewed = token(server, client, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert renewed["refresh_token"] != tokens["refresh_token"] and "user" not in renewed


def test_consent_is_remembered_listed_and_taken_back(server):
    client, session = client_of(server), server.signed_in()
    tokens = granted(server, client, session)
    again = server.auth("GET", f"/oauth/authorizations/{handle_of(asked(server, client, scope='email'))}", token=session["access_token"])
    assert redeemed(server, client, query_of(again.json()["redirect_url"])["code"]).status_code == 200
    more = server.auth("GET", f"/oauth/authorizations/{handle_of(asked(server, client, scope='email phone'))}", token=session["access_token"])
    assert more.json()["scope"] == "email phone"
    [grant] = server.auth("GET", "/user/oauth/grants", token=session["access_token"]).json()
    assert grant["client"]["id"] == client["client_id"] and grant["scopes"] == ["openid", "email", "profile"]
    path = f"/user/oauth/grants?client_id={client['client_id']}"
    assert server.auth("DELETE", path, token=session["access_token"]).status_code == 204
    assert code_of(server.auth("DELETE", path, token=session["access_token"])) == (404, "oauth_consent_not_found")
    refused = token(server, client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert oauth_error(refused) == (400, "invalid_grant")
    assert server.user(session["access_token"]).status_code == 200
    asked_again = server.auth("GET", f"/oauth/authorizations/{handle_of(asked(server, client, scope='email'))}", token=session["access_token"])
    assert "redirect_url" not in asked_again.json()


def test_a_user_denies(server):
    client, session = client_of(server), server.signed_in()
    back = decided(server, handle_of(asked(server, client)), session["access_token"], "deny")
    assert back["error"] == "access_denied" and back["state"] == "s&t" and "code" not in back


def test_clients_are_managed(server):
    made = client_of(server, client_uri="https://app.example", token_endpoint_auth_method="client_secret_post")
    assert made["client_type"] == "confidential" and len(made["client_secret"]) == 43 and made["registration_type"] == "manual"
    path = f"/admin/oauth/clients/{made['client_id']}"
    shown = server.admin("GET", path).json()
    assert "client_secret" not in shown and shown["client_uri"] == "https://app.example"
    assert server.admin("PUT", path, {"client_name": "Other"}).json()["client_name"] == "Other"
    assert code_of(server.admin("PUT", path, {})) == (400, "validation_failed")
    new = server.admin("POST", f"{path}/regenerate_secret").json()["client_secret"]
    assert new != made["client_secret"]
    tokens = {**made, "client_secret": new}
    session = granted(server, tokens)
    old = token(server, made, grant_type="refresh_token", refresh_token=session["refresh_token"])
    assert (old.status_code, old.json()["error_code"]) == (400, "invalid_credentials")
    listed = server.admin("GET", "/admin/oauth/clients?page=1&per_page=1")
    assert len(listed.json()["clients"]) == 1 and int(listed.headers["x-total-count"]) >= 1
    assert server.admin("DELETE", path).status_code == 204
    assert code_of(server.admin("GET", path)) == (404, "oauth_client_not_found")
    assert code_of(server.admin("GET", "/admin/oauth/clients/x")) == (400, "validation_failed")
    gone = httpx.get(f"{server.url}/auth/v1/oauth/userinfo", headers={"Authorization": f"Bearer {session['access_token']}"})
    assert gone.status_code == 403
    user = server.signed_in()["access_token"]
    assert code_of(server.auth("GET", "/admin/oauth/clients", token=user)) == (403, "not_admin")


def test_clients_register_by_themselves(server):
    body = {"client_name": "MCP", "redirect_uris": ["http://localhost:7/cb"], "token_endpoint_auth_method": "none"}
    made = httpx.post(f"{server.url}/auth/v1/oauth/clients/register", json=body)
    assert made.status_code == 201, made.text
    client = made.json()
    assert (client["client_type"], client["registration_type"]) == ("public", "dynamic") and "client_secret" not in client
    session = server.signed_in()
    back = decided(server, handle_of(asked(server, client, redirect_uri="http://localhost:7/cb")), session["access_token"])
    assert redeemed(server, client, back["code"], redirect_uri="http://localhost:7/cb").status_code == 200
    discovery = httpx.get(f"{server.url}/auth/v1/.well-known/oauth-authorization-server").json()
    assert discovery["registration_endpoint"].endswith("/oauth/clients/register")


@pytest.mark.parametrize("change", [
    {"client_name": ""}, {"client_name": "x" * 1025}, {"redirect_uris": []}, {"redirect_uris": ["https://a.example/"] * 11},
    {"redirect_uris": ["http://app.example/cb"]}, {"redirect_uris": ["javascript:alert(1)"]}, {"redirect_uris": ["https://a.example/#x"]},
    {"grant_types": ["password"]}, {"response_types": ["token"]}, {"client_type": "public", "token_endpoint_auth_method": "client_secret_post"},
    {"token_endpoint_auth_method": "private_key_jwt"}, {"client_uri": "javascript:alert(1)"},
])
def test_clients_that_cannot_be_are_refused(server, change):
    body = {"client_name": "App", "redirect_uris": [CALLBACK], **change}
    for answer in (server.admin("POST", "/admin/oauth/clients", body), server.auth("POST", "/oauth/clients/register", body)):
        assert code_of(answer) == (400, "validation_failed"), answer.text
        assert any(word in answer.json()["message"] for word in ("redirect_uris", "required", "invalid"))


# Attacks


@pytest.mark.parametrize("uri", [
    CALLBACK + "&y=2", CALLBACK.upper(), "https://app.example/callback", "https://app.example:443/callback?x=1",
    "https://app.example/callback/../callback?x=1", "https://evil.example/callback?x=1", "http://127.0.0.1:10/cb", "", "javascript:alert(1)",
])
def test_a43_a_browser_is_sent_to_registered_addresses_only(server, uri):
    answer = asked(server, client_of(server), redirect_uri=uri)
    assert code_of(answer)[0] == 400 and "location" not in answer.headers


def test_a43_what_is_missing_is_told_to_the_application(server):
    client = client_of(server)
    for change in [
        {"code_challenge": None, "code_challenge_method": None}, {"code_challenge": "short"}, {"code_challenge_method": "S512"},
        {"response_type": "token"}, {"scope": "openid admin"}, {"state": "s", "nonce": "n" * 5000},
    ]:
        back = query_of(asked(server, client, **change).headers["location"])
        assert back["error"] == "invalid_request" and back["state"] == change.get("state", "s&t") and "code" not in back, change
    for unknown in ("x", "6f9619ff-8b86-4011-b42d-00c04fc964ff"):
        answer = asked(server, {"client_id": unknown})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "oauth_client_not_found")


def test_a43_a_code_belongs_to_its_client_address_and_verifier(server):
    client, other, session = client_of(server), client_of(server), server.signed_in()["access_token"]
    code = decided(server, handle_of(asked(server, client)), session)["code"]
    for answer in [
        redeemed(server, other, code), redeemed(server, client, code, redirect_uri="http://127.0.0.1:9/cb"),
        redeemed(server, client, code, code_verifier=CHALLENGE), redeemed(server, client, code, code_verifier="w" * 50),
        redeemed(server, client, code + "x"), redeemed(server, client, code, resource="https://other.example"),
    ]:
        assert answer.status_code == 400 and "access_token" not in answer.text
    assert oauth_error(redeemed(server, client, code, code_verifier="")) == (400, "invalid_request")
    assert oauth_error(token(server, client, grant_type="password", username="x", password="y")) == (400, "unsupported_grant_type")
    assert redeemed(server, client, code).status_code == 200


def test_a43_a_code_that_is_used_again_ends_what_it_began(server):
    client, session = client_of(server), server.signed_in()["access_token"]
    code = decided(server, handle_of(asked(server, client)), session)["code"]
    tokens = redeemed(server, client, code).json()
    assert oauth_error(redeemed(server, client, code)) == (400, "invalid_grant")
    again = token(server, client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert oauth_error(again) == (400, "invalid_grant")


def test_a43_clients_prove_who_they_are_in_the_registered_way(server):
    basic, post = client_of(server), client_of(server, token_endpoint_auth_method="client_secret_post")
    public = client_of(server, client_type="public")
    session = server.signed_in()["access_token"]
    for client, changes in [
        (basic, {"client_secret": secrets.token_urlsafe(32)}), (basic, {"client_secret": ""}),
        (basic, {"token_endpoint_auth_method": "client_secret_post"}), (post, {"token_endpoint_auth_method": "client_secret_basic"}),
        (public, {"token_endpoint_auth_method": "client_secret_post", "client_secret": "x"}),
    ]:
        code = decided(server, handle_of(asked(server, client, scope="email phone")), session)["code"]
        answer = redeemed(server, {**client, **changes}, code)
        assert code_of(answer)[0] == 400 and answer.json()["error_code"] == "invalid_credentials", answer.text
        server.auth("DELETE", f"/user/oauth/grants?client_id={client['client_id']}", token=session)


def test_a43_refresh_tokens_belong_to_their_client_and_give_no_more(server):
    client, other, session = client_of(server), client_of(server), server.signed_in()
    tokens = granted(server, client, session, scope="email")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert oauth_error(token(server, other, **refresh)) == (400, "invalid_grant")
    assert code_of(server.refresh(tokens["refresh_token"])) == (400, "refresh_token_not_found")
    assert oauth_error(token(server, client, **refresh, scope="email profile")) == (400, "invalid_scope")
    assert oauth_error(token(server, client, grant_type="refresh_token", refresh_token=session["refresh_token"])) == (400, "invalid_grant")
    assert token(server, client, **refresh, scope="email").status_code == 200


def test_a43_who_looked_first_decides(server):
    client, first, second = client_of(server), server.signed_in()["access_token"], server.signed_in()["access_token"]
    handle = handle_of(asked(server, client))
    assert server.auth("GET", f"/oauth/authorizations/{handle}", token=first).status_code == 200
    for method, path, body in [("GET", f"/oauth/authorizations/{handle}", None), ("POST", f"/oauth/authorizations/{handle}/consent", {"action": "approve"})]:
        assert code_of(server.auth(method, path, body, token=second)) == (404, "oauth_authorization_not_found")
        assert code_of(server.auth(method, path, body, token=first, headers={"Origin": "https://evil.example"})) == (400, "validation_failed")
        assert code_of(server.auth(method, path, body))[0] in (401, 403)
    path = f"/oauth/authorizations/{handle}/consent"
    assert server.auth("POST", path, {"action": "approve"}, token=first, headers={"Origin": "https://shop.example"}).status_code == 200
    assert code_of(server.auth("POST", path, {"action": "approve"}, token=first)) == (404, "oauth_authorization_not_found")
    assert code_of(server.auth("POST", path, {"action": "maybe"}, token=first)) == (400, "validation_failed")


def test_a43_an_application_changes_nothing_of_the_account(server):
    client = client_of(server)
    tokens = granted(server, client)["access_token"]
    handle = handle_of(asked(server, client_of(server)))
    for method, path, body in [
        ("PUT", "/user", {"password": "another one entirely"}), ("PUT", "/user", {"email": fresh_email()}), ("POST", "/factors", {"factor_type": "totp"}),
        ("GET", "/user/sessions", None), ("GET", "/user/oauth/grants", None), ("GET", f"/oauth/authorizations/{handle}", None),
        ("POST", f"/oauth/authorizations/{handle}/consent", {"action": "approve"}), ("GET", "/reauthenticate", None),
    ]:
        assert code_of(server.auth(method, path, body, token=tokens)) == (403, "no_authorization"), path
    assert server.user(tokens).status_code == 200
    assert server.auth("POST", "/logout?scope=global", token=tokens).status_code == 204
    assert code_of(server.user(tokens)) == (403, "session_not_found")


def test_python_administers_clients(server):
    admin = create_client(server.url, server.keys["secret"]).auth.admin.oauth
    made = admin.create_client({"client_name": "Py", "redirect_uris": [CALLBACK]}).client
    assert made.client_secret and admin.get_client(made.client_id).client.client_name == "Py"
    assert any(one.client_id == made.client_id for one in admin.list_clients().clients)
    assert admin.regenerate_client_secret(made.client_id).client.client_secret != made.client_secret
    admin.delete_client(made.client_id)


def test_the_server_is_off_unless_the_setting_says_so():
    with AuthServer() as server:
        token = server.signed_in()["access_token"]
        for method, path in [
            ("GET", "/oauth/authorize?client_id=x"), ("POST", "/oauth/token"), ("GET", "/oauth/userinfo"), ("GET", "/user/oauth/grants"),
            ("GET", "/.well-known/oauth-authorization-server"), ("GET", "/oauth/authorizations/x"),
        ]:
            assert code_of(server.auth(method, path, {} if method == "POST" else None, token=token)) == (404, "feature_disabled"), path
        assert code_of(server.admin("GET", "/admin/oauth/clients")) == (404, "feature_disabled")
        assert code_of(server.auth("POST", "/oauth/clients/register", {})) == (404, "feature_disabled")
