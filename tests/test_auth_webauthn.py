"""Keys of browsers and devices: second factors and passkeys, in a browser and against an authenticator that lies."""

import time

import jwt
import pytest

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email
from harness.authenticator import Authenticator
from harness.browser import SUPABASE_JS, add_authenticator, chromium

SETTINGS = {
    "passkey__enabled": True,
    "mfa__web_authn__enroll_enabled": True,
    "mfa__web_authn__verify_enabled": True,
}
PAGE = '<!doctype html><html lang="en"><title>Page</title><script src="/supabase.js"></script></html>'
# Runs a piece of code with the unmodified client and gives back what it gives.
RUN = """async ([key, code]) => {
  globalThis.db ??= supabase.createClient(location.origin, key, {auth: {experimental: {passkey: true}}});
  const work = new Function('db', `return (async () => { ${code} })()`);
  const {data, error} = await work(db);
  return {data: JSON.parse(JSON.stringify(data ?? null)), error: error && {code: error.code ?? '', name: error.name, message: error.message}};
}"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    files = {"public/page.html": PAGE, "public/supabase.js": SUPABASE_JS.read_text()}
    with AuthServer(files, databases.environment(request.param), **SETTINGS) as running:
        running.origin = running.url.replace("127.0.0.1", "localhost")
        yield running


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def page(server, browser):
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"{server.origin}/page.html")
    yield opened
    context.close()


def run(server, page, code: str):
    answer = page.evaluate(RUN, [server.keys["publishable"], code])
    assert answer["error"] is None, answer["error"]
    return answer["data"]


def refused(server, page, code: str) -> dict:
    answer = page.evaluate(RUN, [server.keys["publishable"], code])
    assert answer["error"], answer
    return answer["error"]


def sign_in(server, page, email: str) -> None:
    run(server, page, f"return db.auth.signInWithPassword({{email: '{email}', password: '{PASSWORD}'}})")


def levels(server, page) -> tuple[str, str]:
    found = run(server, page, "return db.auth.mfa.getAuthenticatorAssuranceLevel()")
    return found["currentLevel"], found["nextLevel"]


def test_a_key_is_a_second_factor(server, page):
    # The client asks for keys that can be carried away.
    add_authenticator(page, transport="usb")
    email = server.new_user()["email"]
    sign_in(server, page, email)
    run(server, page, "return db.auth.mfa.webauthn.register({friendlyName: 'laptop'})")
    assert levels(server, page) == ("aal2", "aal2")
    factor = run(server, page, "return db.auth.mfa.listFactors()")["webauthn"][0]
    assert (factor["friendly_name"], factor["status"]) == ("laptop", "verified")
    sign_in(server, page, email)
    assert levels(server, page) == ("aal1", "aal2")
    for _ in range(2):
        session = run(server, page, f"return db.auth.mfa.webauthn.authenticate({{factorId: '{factor['id']}'}})")
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    assert claims["aal"] == "aal2" and {one["method"] for one in claims["amr"]} == {"password", "mfa/webauthn"}
    run(server, page, f"return db.auth.mfa.unenroll({{factorId: '{factor['id']}'}})")
    assert run(server, page, "return db.auth.mfa.listFactors()")["all"] == []


def test_a_passkey_signs_in(server, page):
    add_authenticator(page)
    user = server.new_user()
    sign_in(server, page, user["email"])
    made = run(server, page, "return db.auth.registerPasskey()")
    assert set(made) == {"id", "created_at"}
    named = run(server, page, f"return db.auth.passkey.update({{passkeyId: '{made['id']}', friendlyName: 'Ann’s phone'}})")
    assert named["friendly_name"] == "Ann’s phone"
    # The authenticator refuses to make a second one: the options name the first.
    assert refused(server, page, "return db.auth.registerPasskey()")["name"]
    run(server, page, "return db.auth.signOut()")
    session = run(server, page, "return db.auth.signInWithPasskey()")["session"]
    assert session["user"]["id"] == user["id"]
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    assert (claims["aal"], [one["method"] for one in claims["amr"]]) == ("aal1", ["passkey"])
    listed = run(server, page, "return db.auth.passkey.list()")
    assert [one["id"] for one in listed] == [made["id"]] and listed[0]["last_used_at"]
    assert [one["id"] for one in server.admin("GET", f"/admin/users/{user['id']}/passkeys").json()] == [made["id"]]
    run(server, page, f"return db.auth.passkey.delete({{passkeyId: '{made['id']}'}})")
    run(server, page, "return db.auth.signOut()")
    assert refused(server, page, "return db.auth.signInWithPasskey()")["code"] == "webauthn_credential_not_found"
    log = server.admin("GET", "/admin/audit?query=action:passkey&per_page=200").json()
    actions = [entry["payload"]["action"] for entry in log if entry["payload"]["actor_id"] == user["id"]]
    assert sorted(actions) == ["passkey_created", "passkey_deleted", "passkey_updated"]


@pytest.fixture
def key(server):
    return Authenticator(server.origin)


def registered(server, token: str, key: Authenticator):
    begun = server.auth("POST", "/passkeys/registration/options", token=token).json()
    body = {"challenge_id": begun["challenge_id"], "credential": key.create(begun["options"])}
    return server.auth("POST", "/passkeys/registration/verify", body, token=token)


def used(server, key: Authenticator, change=lambda credential: None):
    begun = server.auth("POST", "/passkeys/authentication/options", {}).json()
    credential = key.get(begun["options"])
    change(credential)
    body = {"challenge_id": begun["challenge_id"], "credential": credential}
    return server.auth("POST", "/passkeys/authentication/verify", body), body


FAILED = (400, "webauthn_verification_failed")


def test_passkey_options_have_the_form_of_the_protocol(server):
    session = server.signed_in()
    begun = server.auth("POST", "/passkeys/registration/options", token=session["access_token"]).json()
    options = begun["options"]
    assert options["rp"]["id"] == "localhost" and options["user"]["name"] == session["user"]["email"]
    assert -7 in [one["alg"] for one in options["pubKeyCredParams"]]
    assert options["authenticatorSelection"] == {
        "residentKey": "required", "requireResidentKey": True, "userVerification": "preferred"
    }
    assert options["attestation"] == "none" and options["excludeCredentials"] == []
    assert 0 < begun["expires_at"] - time.time() <= 301
    begun = server.auth("POST", "/passkeys/authentication/options", {}).json()
    assert begun["options"]["rpId"] == "localhost" and begun["options"]["userVerification"] == "preferred"
    assert begun["options"].get("allowCredentials", []) == []
    assert server.auth("GET", "/settings").json()["passkeys_enabled"] is True


def test_a12_an_answer_of_a_key_is_good_once(server, key):
    token = server.signed_in()["access_token"]
    begun = server.auth("POST", "/passkeys/registration/options", token=token).json()
    body = {"challenge_id": begun["challenge_id"], "credential": key.create(begun["options"])}
    assert server.auth("POST", "/passkeys/registration/verify", body, token=token).status_code == 200
    again = server.auth("POST", "/passkeys/registration/verify", body, token=token)
    assert code_of(again) == (400, "webauthn_challenge_not_found")
    signed_in, body = used(server, key)
    assert signed_in.status_code == 200, signed_in.text
    again = server.auth("POST", "/passkeys/authentication/verify", body)
    assert code_of(again) == (400, "webauthn_challenge_not_found")
    wrong, body = used(server, key, lambda credential: credential["response"].update(signature="AAAA"))
    assert code_of(wrong) == FAILED
    assert code_of(server.auth("POST", "/passkeys/authentication/verify", body)) == (400, "webauthn_challenge_not_found")


def test_a13_a_key_answers_for_its_site_and_its_owner_only(server, key):
    session = server.signed_in()
    for name, value in [("origin", "https://evil.example"), ("rp_id", "evil.example"), ("flags", 0), ("algorithm", -65535)]:
        liar = Authenticator(server.origin)
        setattr(liar, name, value)
        assert code_of(registered(server, session["access_token"], liar)) == FAILED, name
    assert registered(server, session["access_token"], key).status_code == 200
    for name, value in [("origin", "https://evil.example"), ("origin", "http://localhost:1"), ("rp_id", "evil.example"), ("flags", 4)]:
        truth = getattr(key, name)
        setattr(key, name, value)
        assert code_of(used(server, key)[0]) == FAILED, name
        setattr(key, name, truth)
    key.user, truth = server.new_user()["id"].encode(), key.user
    assert code_of(used(server, key)[0]) == FAILED
    key.user = truth
    stranger = Authenticator(server.origin)
    stranger.user = truth
    assert code_of(used(server, stranger)[0]) == (400, "webauthn_credential_not_found")
    stranger.id = key.id
    assert code_of(used(server, stranger)[0]) == FAILED
    assert used(server, key)[0].status_code == 200
    key.counter -= 2
    assert code_of(used(server, key)[0]) == FAILED


def test_a13_a_challenge_is_for_its_ceremony_and_user(server, key):
    ann, bea = server.signed_in()["access_token"], server.signed_in()["access_token"]
    begun = server.auth("POST", "/passkeys/registration/options", token=ann).json()
    body = {"challenge_id": begun["challenge_id"], "credential": key.create(begun["options"])}
    assert code_of(server.auth("POST", "/passkeys/registration/verify", body, token=bea)) == FAILED
    assert registered(server, ann, key).status_code == 200
    assert code_of(registered(server, bea, key)) == (422, "webauthn_credential_exists")
    begun = server.auth("POST", "/passkeys/registration/options", token=ann).json()
    body = {"challenge_id": begun["challenge_id"], "credential": key.get(begun["options"])}
    missing = (400, "webauthn_challenge_not_found")
    assert code_of(server.auth("POST", "/passkeys/authentication/verify", body)) == missing
    for body in ({}, {"challenge_id": "x"}, {"challenge_id": 1}, {"challenge_id": None, "credential": []}):
        assert server.auth("POST", "/passkeys/authentication/verify", body).status_code == 400


def test_passkeys_are_their_owners(server, key):
    ann, bea = server.signed_in(), server.signed_in()["access_token"]
    number = registered(server, ann["access_token"], key).json()["id"]
    assert server.auth("GET", "/passkeys", token=bea).json() == []
    for method, body in (("PATCH", {"friendly_name": "mine"}), ("DELETE", None)):
        assert code_of(server.auth(method, f"/passkeys/{number}", body, token=bea)) == (404, "validation_failed")
    for name in ("", " ", "x" * 121):
        assert code_of(server.auth("PATCH", f"/passkeys/{number}", {"friendly_name": name}, token=ann["access_token"])) == (400, "validation_failed")
    assert code_of(server.auth("GET", "/passkeys")) == (401, "no_authorization")
    server.admin("PUT", f"/admin/users/{ann['user']['id']}", {"ban_duration": "1h"})
    assert code_of(used(server, key)[0]) == (403, "user_banned")
    server.admin("PUT", f"/admin/users/{ann['user']['id']}", {"ban_duration": "none"})
    assert used(server, key)[0].status_code == 200
    assert server.admin("DELETE", f"/admin/users/{ann['user']['id']}/passkeys/{number}").status_code == 204
    assert code_of(used(server, key)[0]) == (400, "webauthn_credential_not_found")


def enrolled(server, token: str, key: Authenticator) -> dict:
    """A new factor; the answer to its verification and its id."""
    factor = server.auth("POST", "/factors", {"factor_type": "webauthn", "friendly_name": "key"}, token=token).json()
    begun = server.auth("POST", f"/factors/{factor['id']}/challenge", {}, token=token).json()
    assert begun["webauthn"]["type"] == "create"
    proof = {"type": "create", "credential_response": key.create(begun["webauthn"]["credential_options"]["publicKey"])}
    body = {"challenge_id": begun["id"], "webauthn": proof}
    answer = server.auth("POST", f"/factors/{factor['id']}/verify", body, token=token)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "factor": factor["id"]}


def test_a32_a_passkey_of_somebody_with_a_second_factor_is_level_one(server, key):
    session = server.signed_in()
    assert registered(server, session["access_token"], key).status_code == 200
    enrolled(server, session["access_token"], Authenticator(server.origin))
    again = used(server, key)[0].json()
    assert jwt.decode(again["access_token"], options={"verify_signature": False})["aal"] == "aal1"
    weak = server.auth("POST", "/passkeys/registration/options", token=again["access_token"])
    assert code_of(weak) == (403, "insufficient_aal")


def test_a35_an_answer_of_a_factors_key_is_checked(server, key):
    session = server.signed_in()
    strong = enrolled(server, session["access_token"], key)
    path, token = f"/factors/{strong['factor']}", server.sign_in(session["user"]["email"])["access_token"]

    def verified(change=lambda proof: None, with_key=key):
        begun = server.auth("POST", f"{path}/challenge", {}, token=token).json()
        assert begun["webauthn"]["type"] == "request" and begun["type"] == "webauthn"
        options = begun["webauthn"]["credential_options"]["publicKey"]
        body = {"challenge_id": begun["id"], "webauthn": {"type": "request", "credential_response": with_key.get(options)}}
        change(body)
        return server.auth("POST", f"{path}/verify", body, token=token), body

    failed = (422, "mfa_verification_failed")
    assert code_of(verified(with_key=Authenticator(server.origin))[0]) == failed
    assert code_of(verified(lambda body: body.pop("webauthn"))[0]) == failed
    assert code_of(verified(lambda body: body["webauthn"].update(type="create"))[0]) == failed
    assert code_of(verified(lambda body: body.update(webauthn=None, code="123456"))[0]) == failed
    key.origin, truth = "https://evil.example", key.origin
    assert code_of(verified()[0]) == failed
    key.origin = truth
    answer, body = verified()
    assert answer.status_code == 200, answer.text
    strong = answer.json()["access_token"]
    assert code_of(server.auth("POST", f"{path}/verify", body, token=strong)) == (422, "mfa_ip_address_mismatch")


def test_keys_are_off_by_default(databases):
    with AuthServer() as plain:
        token = plain.signed_in()["access_token"]
        for method, path in [
            ("POST", "/passkeys/registration/options"), ("POST", "/passkeys/authentication/options"), ("GET", "/passkeys"),
            ("DELETE", "/passkeys/x"),
        ]:
            assert code_of(plain.auth(method, path, {}, token=token)) == (404, "passkey_disabled")
        enrolment = {"factor_type": "webauthn", "friendly_name": fresh_email()}
        assert code_of(plain.auth("POST", "/factors", enrolment, token=token)) == (422, "mfa_webauthn_enroll_not_enabled")
        assert plain.auth("GET", "/settings").json()["passkeys_enabled"] is False
