"""What the protocol says in passing, on both engines: order of checks, codes, and what administrators may send."""

import uuid

import jwt
import pytest

from harness.auth import AuthServer, code_of, fresh_email, fresh_phone


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    more = {"mfa__phone__enroll_enabled": True, "mfa__phone__verify_enabled": True}
    with AuthServer(None, databases.environment(request.param), **more) as running:
        yield running


def enrolled(server, token: str, **more) -> dict:
    answer = server.auth("POST", "/factors", {"factor_type": "totp", **more}, token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a48_a_token_of_an_administrator_is_good_while_its_session_is(server):
    session = server.signed_in()
    named = jwt.decode(session["access_token"], options={"verify_signature": False})["session_id"]
    listed = lambda **claims: server.auth("GET", "/admin/users", token=server.token(role="service_role", **claims))
    assert listed().status_code == 200
    assert listed(session_id=named, sub=session["user"]["id"]).status_code == 200
    server.auth("POST", "/logout", token=session["access_token"])
    for gone in (named, str(uuid.uuid4()), "x", 7):
        assert code_of(listed(session_id=gone)) == (403, "session_expired"), gone
    assert code_of(server.auth("POST", "/invite", {"email": fresh_email()}, token=server.token(role="service_role", session_id=named))) == (
        403, "session_expired",
    )


def test_a_ban_is_told_as_such_and_ends(server):
    session = server.signed_in()
    user, token = session["user"]["id"], session["access_token"]
    server.admin("PUT", f"/admin/users/{user}", {"ban_duration": "1h"})
    assert code_of(server.user(token)) == (403, "user_banned")
    refused = server.refresh(session["refresh_token"])
    assert code_of(refused) == (400, "user_banned")
    assert refused.json()["message"] == "Invalid Refresh Token: User Banned"
    assert server.rest("GET", "/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    server.admin("PUT", f"/admin/users/{user}", {"ban_duration": "none"})
    assert server.user(token).status_code == 200
    assert server.refresh(session["refresh_token"]).status_code == 200


def test_id_tokens_of_unknown_providers_are_told_apart_from_those_switched_off(server):
    ask = lambda provider: server.auth("POST", "/token?grant_type=id_token", {"provider": provider, "id_token": "x"})
    for known in ("google", "apple", "azure", "facebook", "keycloak", "kakao", "custom:mine"):
        assert code_of(ask(known)) == (400, "provider_disabled"), known
    for unknown in ("nobody", "../google", "GOOGLE"):
        assert code_of(ask(unknown)) == (400, "validation_failed"), unknown


def test_a_channel_is_for_numbers(server):
    for channel in ("sms", "whatsapp", "pigeon"):
        answer = server.auth("POST", "/otp", {"email": fresh_email(), "channel": channel})
        assert code_of(answer) == (400, "validation_failed"), channel
    assert server.auth("POST", "/otp", {"email": fresh_email(), "channel": None}).status_code == 200


def test_administrators_change_factors(server):
    session = server.signed_in()
    user, token = session["user"]["id"], session["access_token"]
    app, other = enrolled(server, token, friendly_name="app"), enrolled(server, token, friendly_name="other")
    phone = enrolled(server, token, factor_type="phone", phone="447700900555", friendly_name="phone")
    change = lambda factor, **body: server.admin("PUT", f"/admin/users/{user}/factors/{factor['id']}", body)
    assert change(app, friendly_name="renamed").json()["friendly_name"] == "renamed"
    assert change(app, friendly_name="renamed").status_code == 200
    assert code_of(change(other, friendly_name="renamed")) == (422, "mfa_factor_name_conflict")
    assert change(phone, phone="+44 7700 900556").json()["phone"] == "447700900556"
    assert code_of(change(phone, phone="abc")) == (400, "validation_failed")
    assert change(app, phone="447700900557").json().get("phone", "") == ""
    names = [factor["friendly_name"] for factor in server.admin("GET", f"/admin/users/{user}/factors").json()]
    assert names == ["renamed", "other", "phone"]
    assert code_of(change({"id": str(uuid.uuid4())}, friendly_name="x")) == (404, "mfa_factor_not_found")
    assert code_of(server.admin("PUT", f"/admin/users/{uuid.uuid4()}/factors/{app['id']}", {})) == (404, "user_not_found")
    assert server.auth("PUT", f"/admin/users/{user}/factors/{app['id']}", {"friendly_name": "x"}, token=token).status_code == 403


def test_the_first_provider_of_a_user_with_both_addresses_is_email(server):
    made = server.new_user(phone=fresh_phone(), phone_confirm=True)
    assert made["app_metadata"] == {"provider": "email", "providers": ["email", "phone"]}
    assert [identity["provider"] for identity in made["identities"]] == ["email", "phone"]


def test_users_are_sorted_by_age_either_way(server):
    server.new_user(), server.new_user()
    for sort, falling in (("", True), ("created_at", True), ("created_at desc", True), ("created_at%20ASC", False)):
        times = [user["created_at"] for user in server.admin("GET", f"/admin/users?per_page=1000&sort={sort}").json()["users"]]
        assert times == sorted(times, reverse=falling), sort
    for sort in ("encrypted_password", "created_at; drop table x", "created_at asc, id"):
        assert code_of(server.admin("GET", f"/admin/users?sort={sort}")) == (400, "validation_failed"), sort


def test_marks_of_unusable_passwords_are_taken(server):
    for mark in ("!", "!aVeryLongTextThatDjangoMakes", "*"):
        user = server.admin("POST", "/admin/users", {"email": fresh_email(), "email_confirm": True, "password_hash": mark})
        assert user.status_code == 200, user.text
        for password in (mark, "", "x"):
            answer = server.auth("POST", "/token?grant_type=password", {"email": user.json()["email"], "password": password})
            assert code_of(answer) == (400, "invalid_credentials")


def test_what_is_switched_off_is_told_before_a_captcha_is_asked_for():
    more = {"captcha__enabled": True, "captcha__provider": "hcaptcha", "captcha__secret": "x", "captcha__verify_url": "http://127.0.0.1:1/"}
    with AuthServer(None, None, **more) as server:
        assert code_of(server.auth("POST", "/token?grant_type=web3", {})) == (422, "web3_provider_disabled")
        assert code_of(server.auth("POST", "/sso", {})) == (404, "saml_provider_disabled")
