"""Attacks on what is counted and on ids in paths: variants of an address, restarts, one password for many accounts."""

import uuid

import httpx
import pytest

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email

# As they are by default, but for sign-ins: hashing takes so long that more may come meanwhile.
LIMITS = {"rate_limit__token_refresh": 30, "rate_limit__token_verifications": 30, "rate_limit__sign_in_sign_ups": 30}


@pytest.fixture(scope="module")
def strict():
    """Behind a proxy that tells the client's address."""
    with AuthServer(None, {"BACKSTAY_SERVER_TRUSTED_PROXIES": "127.0.0.1"}, email__max_frequency="60s", **LIMITS) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    with AuthServer(None, databases.environment(request.param), passkey__enabled=True, enable_manual_linking=True) as running:
        yield running


def refused(server, addresses, path: str, body, method: str = "POST") -> int:
    """How many of the calls, one from each address, are refused for their number."""
    answers = [server.auth(method, path, body(n), headers={"X-Forwarded-For": address}) for n, address in enumerate(addresses)]
    return [answer.status_code for answer in answers].count(429)


def guess(_) -> dict:
    return {"type": "email", "email": fresh_email(), "token": "000000"}


def test_a45_a_network_is_one_client(strict):
    assert refused(strict, [f"2001:db8:1:2::{n:x}" for n in range(1, 41)], "/verify", guess) >= 8
    assert refused(strict, [f"2001:db8:2:{n:x}::1" for n in range(1, 41)], "/verify", guess) == 0
    # What the client itself put before the proxy's word counts for nothing.
    assert refused(strict, [f"10.0.0.{n}, 198.51.100.7" for n in range(1, 41)], "/verify", guess) >= 8


def test_a45_ways_to_write_a_path_or_a_body_share_their_limit(strict):
    ways = ["/verify", "/verify/", "/verify?x=1", "/verify?redirect_to=y"]
    answers = [
        strict.auth("POST", ways[n % 4], {**guess(n), f"extra{n}": n}, headers={"X-Forwarded-For": "203.0.113.5"}) for n in range(60)
    ]
    counted = [answer for answer in answers if answer.status_code != 404]
    assert len([answer for answer in counted if answer.status_code != 429]) <= 31


def test_a45_ways_to_write_an_address_share_their_limit(strict):
    email = strict.new_user()["email"]
    ask = lambda written, n: strict.auth("POST", "/recover", {"email": written}, headers={"X-Forwarded-For": f"192.0.2.{n}"})
    assert ask(email, 1).status_code == 200
    for n, written in enumerate([email, email.upper(), f" {email} ", email.title()], 2):
        assert code_of(ask(written, n)) == (429, "over_email_send_rate_limit"), written
    assert len(strict.mails(email)) == 1


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a46_a_restart_forgives_no_guesses(engine, databases):
    with AuthServer(None, {**databases.environment(engine), "BACKSTAY_AUTH_EMAIL_OTP_LENGTH": "10"}) as server:
        email = server.new_user()["email"]
        server.auth("POST", "/otp", {"email": email})
        code = server.code(email)
        check = lambda token: server.auth("POST", "/verify", {"type": "email", "email": email, "token": token})
        for _ in range(5):
            assert code_of(check("0000000000")) == (403, "otp_expired")
        server.kill()
        server.start()
        for _ in range(5):
            assert code_of(check("0000000000")) == (403, "otp_expired")
        assert code_of(check(code)) == (403, "otp_expired")


def test_a47_one_password_is_not_tried_on_many_accounts(strict):
    answers = [
        strict.auth("POST", "/token?grant_type=password", {"email": fresh_email(), "password": "summer2026"}, headers={"X-Forwarded-For": "198.51.100.99"})
        for _ in range(45)
    ]
    assert [answer.status_code for answer in answers].count(429) >= 1
    # Others get in meanwhile.
    user = strict.new_user()
    entered = strict.auth("POST", "/token?grant_type=password", {"email": user["email"], "password": PASSWORD}, headers={"X-Forwarded-For": "198.51.100.1"})
    assert entered.status_code == 200


def test_a49_the_first_user_is_nobody_special():
    with AuthServer(None, None, email__enable_confirmations=False) as server:
        session = server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD}).json()
        assert session["user"]["role"] == "authenticated" and session["user"]["app_metadata"] == {"provider": "email", "providers": ["email"]}
        for method, path in [("GET", "/admin/users"), ("GET", "/admin/audit"), ("POST", "/invite")]:
            assert code_of(server.auth(method, path, {"email": fresh_email()} if method == "POST" else None, token=session["access_token"])) == (403, "not_admin")
            assert httpx.request(method, f"{server.url}/auth/v1{path}").status_code == 401


ODD = ["x", "%2e%2e", "..%2f..%2frest", "%00", "1" * 5_000, "11111111-1111-4111-8111-11111111111%20", "{11111111-1111-4111-8111-111111111111}"]


def test_a50_ids_in_paths_are_ids(server):
    session, other = server.signed_in(), server.signed_in()
    token, user = session["access_token"], session["user"]["id"]
    session_of_other = server.auth("GET", "/user/sessions", token=other["access_token"]).json()[0]["id"]
    own = [
        ("DELETE", "/user/sessions/{}"), ("DELETE", "/user/identities/{}"), ("DELETE", "/factors/{}"), ("POST", "/factors/{}/challenge"),
        ("POST", "/factors/{}/verify"), ("PATCH", "/passkeys/{}"), ("DELETE", "/passkeys/{}"),
    ]
    theirs = [
        ("GET", "/admin/users/{}"), ("PUT", "/admin/users/{}"), ("DELETE", "/admin/users/{}"), ("GET", "/admin/users/{}/factors"),
        ("GET", "/admin/users/{}/sessions"), ("GET", "/admin/users/{}/passkeys"), ("DELETE", f"/admin/users/{user}/factors/{{}}"),
        ("PUT", f"/admin/users/{user}/factors/{{}}"), ("DELETE", f"/admin/users/{user}/sessions/{{}}"), ("DELETE", f"/admin/users/{user}/passkeys/{{}}"),
    ]
    body = lambda method: {} if method in ("POST", "PUT", "PATCH") else None
    for id in [*ODD, str(uuid.uuid4())]:
        for method, path in own:
            answer = server.auth(method, path.format(id), body(method), token=token)
            assert answer.status_code in (400, 404, 422), (method, path, id, answer.status_code)
        for method, path in theirs:
            answer = server.admin(method, path.format(id), body(method))
            assert answer.status_code in (400, 404, 422), (method, path, id, answer.status_code)
    identity_of_other = other["user"]["identities"][0]["identity_id"]
    assert code_of(server.auth("DELETE", f"/user/identities/{identity_of_other}", token=token)) == (422, "identity_not_found")
    assert server.auth("DELETE", f"/user/sessions/{session_of_other}", token=token).status_code == 404
    assert server.user(other["access_token"]).status_code == 200
    assert server.admin("DELETE", f"/admin/users/{user}/sessions/{session_of_other}").status_code == 404
    assert server.user(other["access_token"]).status_code == 200
