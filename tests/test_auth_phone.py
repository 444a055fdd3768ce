"""Sign-in by phone: what goes wrong, what is counted, what is not told."""

import httpx
import jwt
import pytest

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email, fresh_phone
from harness.hooks import Answer, Hooks
from harness.server import Project, Server

TEST_PHONE, TEST_CODE = "1234567890", "424242"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    more = {"sms__enable_signup": True, "sms__test_otp": {}, "mfa__phone__enroll_enabled": True, "mfa__phone__verify_enabled": True}
    more.pop("sms__test_otp")
    more[f"sms__test_otp__{TEST_PHONE}"] = TEST_CODE
    with AuthServer(None, databases.environment(request.param), **more) as running:
        yield running


def signed_up(server) -> tuple[str, dict]:
    phone = fresh_phone()
    assert server.auth("POST", "/signup", {"phone": phone, "password": PASSWORD}).status_code == 200
    verified = server.auth("POST", "/verify", {"type": "sms", "phone": phone, "token": server.sms_code(phone)})
    assert verified.status_code == 200, verified.text
    return phone, verified.json()


def test_what_is_malformed_is_refused(server):
    phone = fresh_phone()
    challenge = {"code_challenge": "x" * 43, "code_challenge_method": "s256"}
    for path, body in [
        ("/signup", {"phone": phone, "email": fresh_email(), "password": PASSWORD}),
        ("/signup", {"phone": phone, "password": ""}),
        ("/signup", {"phone": "0123", "password": PASSWORD}),
        ("/signup", {"phone": phone, "password": PASSWORD, "channel": "pigeon"}),
        ("/signup", {"phone": phone, "password": PASSWORD, **challenge}),
        ("/otp", {"phone": phone, "email": fresh_email()}),
        ("/otp", {"email": fresh_email(), "channel": "whatsapp"}),
        ("/otp", {"phone": "+"}),
        ("/resend", {"type": "sms", "email": fresh_email()}),
        ("/resend", {"type": "signup", "phone": phone}),
        ("/verify", {"type": "sms", "phone": "abc", "token": "123456"}),
        ("/verify", {"type": "sms", "email": fresh_email(), "token": "123456"}),
        ("/verify", {"type": "email", "phone": phone, "token": "123456"}),
        ("/token?grant_type=password", {"phone": phone, "email": fresh_email(), "password": PASSWORD}),
    ]:
        answer = server.auth("POST", path, body)
        assert code_of(answer) == (400, "validation_failed"), (path, body, answer.text)
    wrong = server.auth("POST", "/otp", {"phone": "0123"}).json()["message"]
    assert wrong == "Invalid phone number format (E.164 required)"
    assert code_of(server.auth("POST", "/signup", {"phone": phone, "password": "abc"})) == (422, "weak_password")


def test_a_code_by_phone_is_void_after_ten_guesses(server):
    phone = fresh_phone()
    server.auth("POST", "/otp", {"phone": phone})
    code = server.sms_code(phone)
    for guess in range(10):
        wrong = f"{(int(code) + 1 + guess) % 1_000_000:06}"
        answer = server.auth("POST", "/verify", {"type": "sms", "phone": phone, "token": wrong})
        assert code_of(answer) == (403, "otp_expired")
    assert code_of(server.auth("POST", "/verify", {"type": "sms", "phone": phone, "token": code})) == (403, "otp_expired")


def test_a_code_is_good_for_its_number_and_purpose(server):
    (first, _), (second, session) = signed_up(server), signed_up(server)
    server.auth("POST", "/otp", {"phone": first})
    code = server.sms_code(first)
    for body in [
        {"type": "sms", "phone": second, "token": code},
        {"type": "phone_change", "phone": first, "token": code},
        {"type": "sms", "phone": first, "token": ""},
    ]:
        assert server.auth("POST", "/verify", body).status_code in (400, 403), body
    new = fresh_phone()
    server.auth("PUT", "/user", {"phone": new}, token=session["access_token"])
    change = server.sms_code(new)
    assert code_of(server.auth("POST", "/verify", {"type": "sms", "phone": new, "token": change})) == (403, "otp_expired")
    done = server.auth("POST", "/verify", {"type": "phone_change", "phone": new, "token": change})
    assert done.json()["user"]["phone"] == new


def test_numbers_for_tests_have_a_fixed_code(server):
    answer = server.auth("POST", "/otp", {"phone": TEST_PHONE})
    assert answer.json() == {"message_id": "test-otp"}
    assert server.mails(TEST_PHONE) == []
    verified = server.auth("POST", "/verify", {"type": "sms", "phone": TEST_PHONE, "token": TEST_CODE})
    assert verified.json()["user"]["phone"] == TEST_PHONE


def test_known_and_unknown_numbers_are_answered_alike(server):
    phone, _ = signed_up(server)
    for path, body in [("/otp", {}), ("/resend", {"type": "sms"}), ("/resend", {"type": "phone_change"})]:
        answers = [server.auth("POST", path, {**body, "phone": number}) for number in (phone, fresh_phone())]
        assert [answer.status_code for answer in answers] == [200, 200] and answers[0].json() == answers[1].json() == {}
    for password in ("wrong", PASSWORD):
        answer = server.auth("POST", "/token?grant_type=password", {"phone": fresh_phone(), "password": password})
        assert code_of(answer) == (400, "invalid_credentials")
    shown = server.auth("POST", "/signup", {"phone": phone, "password": "another one entirely"}).json()
    assert shown["identities"] == [] and shown["phone"] == phone and "phone_confirmed_at" not in shown


def test_a_number_is_changed_at_level_two_where_there_is_a_factor(server):
    _, session = signed_up(server)
    token, phone = session["access_token"], fresh_phone()
    factor = server.auth("POST", "/factors", {"factor_type": "phone", "phone": phone}, token=token).json()
    challenge = server.auth("POST", f"/factors/{factor['id']}/challenge", {"channel": "sms"}, token=token).json()
    body = {"challenge_id": challenge["id"], "code": server.sms_code(phone)}
    verified = server.auth("POST", f"/factors/{factor['id']}/verify", body, token=token).json()
    claims = jwt.decode(verified["access_token"], options={"verify_signature": False})
    assert claims["aal"] == "aal2"
    weak = server.auth("POST", "/token?grant_type=password", {"phone": session["user"]["phone"], "password": PASSWORD}).json()
    change = {"phone": fresh_phone()}
    assert code_of(server.auth("PUT", "/user", change, token=weak["access_token"])) == (401, "insufficient_aal")
    assert server.auth("PUT", "/user", change, token=verified["access_token"]).status_code == 200


def test_messages_are_paced_and_limited():
    more = {"sms__enable_signup": True, "sms__max_frequency": "60s", "rate_limit__sms_sent": 2}
    with AuthServer(None, None, **more) as server:
        phone = fresh_phone()
        assert server.auth("POST", "/otp", {"phone": phone}).status_code == 200
        paced = server.auth("POST", "/otp", {"phone": phone})
        assert code_of(paced) == (429, "over_sms_send_rate_limit")
        assert "you can only request this after" in paced.json()["message"]
        assert server.auth("POST", "/otp", {"phone": fresh_phone()}).status_code == 200
        assert code_of(server.auth("POST", "/otp", {"phone": fresh_phone()})) == (429, "over_sms_send_rate_limit")


def test_nothing_is_kept_where_nothing_is_sent():
    hooks = Hooks()
    try:
        settings = {"sms__enable_signup": True, **hooks.settings("send_sms")}
        with AuthServer(None, None, **settings) as server:
            phone = fresh_phone()
            hooks.answers["send_sms"] = Answer({"error": {"http_code": 422, "message": "no such carrier"}})
            refused = server.auth("POST", "/signup", {"phone": phone, "password": PASSWORD})
            assert refused.status_code == 422 and refused.json()["message"] == "no such carrier"
            assert server.admin("GET", "/admin/users").json()["users"] == []
            hooks.reset()
            assert server.auth("POST", "/signup", {"phone": phone, "password": PASSWORD}).status_code == 200
            told = hooks.told("send_sms")[0]
            assert told["sms"]["phone"] == told["user"]["phone"] == phone
            assert told["sms"]["otp"] in told["sms"]["message"]
            verified = server.auth("POST", "/verify", {"type": "sms", "phone": phone, "token": told["sms"]["otp"]})
            assert verified.status_code == 200 and server.mails() == []
            assert hooks.problems == []
    finally:
        hooks.close()


def test_without_anything_that_sends_messages_they_are_refused():
    settings = "[auth]\nsms.enable_signup = true\n"
    with Server(Project({"migrations/0001_none.sql": "select 1;"}, settings)) as server:
        for path in ("/signup", "/otp"):
            body = {"phone": fresh_phone(), "password": PASSWORD}
            answer = httpx.post(f"{server.url}/auth/v1{path}", json=body, headers=server.headers())
            assert (answer.status_code, answer.json()["error_code"]) == (422, "sms_send_failed")


def test_numbers_count_as_confirmed_where_the_setting_says_so():
    with AuthServer(None, None, sms__enable_signup=True, sms__enable_confirmations=False) as server:
        phone = fresh_phone()
        session = server.auth("POST", "/signup", {"phone": phone, "password": PASSWORD}).json()
        assert session["user"]["phone_confirmed_at"] and server.mails() == []
        again = server.auth("POST", "/signup", {"phone": phone, "password": PASSWORD})
        assert code_of(again) == (422, "user_already_exists")
        new = fresh_phone()
        assert server.auth("PUT", "/user", {"phone": new}, token=session["access_token"]).json()["phone"] == new
        settings = server.auth("GET", "/settings").json()
        assert settings["external"]["phone"] is True and settings["phone_autoconfirm"] is True


def test_phones_are_off_unless_the_setting_says_so():
    with AuthServer() as server:
        phone = fresh_phone()
        for path, status in [("/signup", 400), ("/otp", 400), ("/token?grant_type=password", 422)]:
            answer = server.auth("POST", path, {"phone": phone, "password": PASSWORD})
            assert code_of(answer) == (status, "phone_provider_disabled"), path
        token = server.signed_in()["access_token"]
        assert code_of(server.auth("PUT", "/user", {"phone": phone}, token=token)) == (400, "phone_provider_disabled")
        factor = server.auth("POST", "/factors", {"factor_type": "phone", "phone": phone}, token=token)
        assert code_of(factor) == (422, "mfa_phone_enroll_not_enabled")
