"""Attacks on sign-in. A test is named after its case in docs/auth-items.md."""

import base64
import calendar
import hashlib
import hmac
import json
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pyotp
import pytest

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email

NOTES = """
create table notes (id int primary key, owner uuid default auth.uid());
alter table notes enable row level security;
create policy own on notes for select to authenticated using (true);
insert into notes values (1);
"""


@pytest.fixture(scope="module")
def server():
    migrations = {"migrations/0002_notes.sql": NOTES}
    with AuthServer(migrations, enable_anonymous_sign_ins=True, additional_redirect_urls=["http://127.0.0.1:3000/**"]) as running:
        yield running


@pytest.fixture(scope="module")
def strict():
    """With the limits of requests as they are by default."""
    limits = {
        f"rate_limit__{name}": value
        for name, value in {
            "email_sent": 30, "token_refresh": 150, "sign_in_sign_ups": 30, "token_verifications": 30, "anonymous_users": 30,
        }.items()
    }
    with AuthServer(enable_anonymous_sign_ins=True, email__max_frequency="60s", **limits) as running:
        yield running


def parallel(count: int, work) -> list:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(work, range(count)))


def shape(answer: httpx.Response) -> tuple:
    """What a stranger can compare: status, names of headers, body with ids and times masked."""
    body = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[^\"]+", "?", answer.text)
    return answer.status_code, sorted(answer.headers.keys()), re.sub(r"[a-z]+\d+@example.com", "?", body)


# Accounts and secrets


def test_a01_known_and_unknown_addresses_are_answered_alike(server):
    confirmed = server.new_user()["email"]
    banned = server.new_user(ban_duration="24h")["email"]
    unconfirmed = fresh_email()
    server.auth("POST", "/signup", {"email": unconfirmed, "password": PASSWORD})
    for path, more in [
        ("/recover", {}),
        ("/token?grant_type=password", {"password": "wrong"}),
        ("/resend", {"type": "signup"}),
        ("/verify", {"type": "email", "token": "000000"}),
        ("/verify", {"type": "recovery", "token": "000000"}),
        ("/verify", {"type": "email_change", "token": "000000"}),
        ("/otp", {}),
        ("/magiclink", {}),
    ]:
        answers = {
            name: shape(server.auth("POST", path, {"email": email, **more}))
            for name, email in [
                ("confirmed", confirmed), ("banned", banned), ("unconfirmed", unconfirmed), ("unknown", fresh_email()),
            ]
        }
        assert len(set(map(str, answers.values()))) == 1, (path, answers)


def test_a01_signing_up_a_known_address_differs_only_in_its_identities(server):
    known = server.new_user()["email"]
    answers = [server.auth("POST", "/signup", {"email": email, "password": PASSWORD}) for email in (known, fresh_email())]
    first, second = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert set(first) == set(second)
    assert first["identities"] == [] and len(second["identities"]) == 1
    assert server.mails(known) == []


def test_a02_passwords_of_every_length(server):
    for password, expected in [
        ("", (400, "validation_failed")),
        ("12345", (422, "weak_password")),
        ("      ", None),
        ("x" * 72, None),
        ("x" * 73, (400, "validation_failed")),
        ("\u00e9" * 37, (400, "validation_failed")),
        ("x" * 1_000, (400, "validation_failed")),
        ("good\0password", (400, "validation_failed")),
    ]:
        answer = server.auth("POST", "/signup", {"email": fresh_email(), "password": password})
        assert (None if answer.status_code == 200 else code_of(answer)) == expected, password[:80]
    answer = server.auth("POST", "/signup", {"email": fresh_email(), "password": "x" * 1_100_000})
    assert code_of(answer) == (413, "request_entity_too_large")
    weak = server.auth("POST", "/signup", {"email": fresh_email(), "password": "abc"}).json()
    assert weak["weak_password"] == {"reasons": ["length"]}


def test_a02_every_byte_of_a_password_counts(server):
    email = fresh_email()
    server.new_user(email=email, password="x" * 71 + "a")
    assert server.auth("POST", "/token?grant_type=password", {"email": email, "password": "x" * 71 + "b"}).status_code == 400
    assert server.auth("POST", "/token?grant_type=password", {"email": email, "password": "x" * 71}).status_code == 400
    server.sign_in(email, "x" * 71 + "a")


def test_a03_common_passwords_are_refused_everywhere(server):
    session = server.signed_in()
    for answer in [
        server.auth("POST", "/signup", {"email": fresh_email(), "password": "password123"}),
        server.auth("PUT", "/user", {"password": "qwerty123"}, token=session["access_token"]),
        server.admin("POST", "/admin/users", {"email": fresh_email(), "password": "iloveyou"}),
    ]:
        assert code_of(answer) == (422, "weak_password")
        assert answer.json()["weak_password"]["reasons"] == ["pwned"]


def test_a04_a_password_is_changed_only_with_the_present_one_where_that_is_set():
    with AuthServer(email__require_current_password=True) as server:
        session = server.signed_in()
        change = lambda **more: server.auth("PUT", "/user", {"password": "another one entirely", **more}, token=session["access_token"])
        assert code_of(change()) == (400, "current_password_required")
        assert code_of(change(current_password="wrong")) == (400, "current_password_invalid")
        assert change(current_password=PASSWORD).status_code == 200
        # Who lost it cannot tell it, and proved the address instead.
        email = session["user"]["email"]
        server.auth("POST", "/recover", {"email": email})
        found = server.auth("POST", "/verify", {"type": "recovery", "email": email, "token": server.code(email)}).json()
        change = lambda **more: server.auth("PUT", "/user", {"password": "one more sentence", **more}, token=found["access_token"])
        assert change().status_code == 200


def test_a05_an_address_has_one_form(server):
    email = fresh_email()
    server.new_user(email=email)
    for written in [email.upper(), f"  {email} "]:
        answer = server.auth("POST", "/token?grant_type=password", {"email": written, "password": PASSWORD})
        assert answer.status_code == 200, written
    assert code_of(server.admin("POST", "/admin/users", {"email": email.upper()})) == (422, "email_exists")
    for other in [email.replace("@", "+x@"), email.replace("u", "\uff55", 1), email.replace("user", "u\u0073\u0323er"), f"{email}."]:
        answer = server.auth("POST", "/token?grant_type=password", {"email": other, "password": PASSWORD})
        assert answer.status_code == 400, other


def test_a06_nothing_is_smuggled_into_a_mail(server):
    before = len(server.mails())
    for email in [
        "a@example.com,b@example.com", "a@example.com\r\nBcc: b@example.com", "a@example.com\nb", "A <a@example.com>",
        '"a b"@example.com', "a@example.com;b@example.com", "a@example.com b@example.com", "a%0d%0aBcc:b@example.com@x y",
    ]:
        for path in ("/signup", "/otp", "/recover", "/magiclink"):
            answer = server.auth("POST", path, {"email": email, "password": PASSWORD})
            assert code_of(answer) == (400, "validation_failed"), (path, email)
    assert len(server.mails()) == before


def test_a08_many_sign_ups_with_one_address_make_one_account(server):
    email = fresh_email()
    answers = parallel(64, lambda _: server.auth("POST", "/signup", {"email": email, "password": PASSWORD}))
    assert {answer.status_code for answer in answers} == {200}
    assert len(server.admin("GET", f"/admin/users?email={email}").json()["users"]) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a09_what_a_user_writes_gives_no_rights(server):
    email = fresh_email()
    forged = {
        "role": "service_role", "aud": "admin", "app_metadata": {"role": "service_role"}, "is_anonymous": True, "is_super_admin": True,
        "email_confirmed_at": "2020-01-01T00:00:00Z", "id": "11111111-1111-4111-8111-111111111111", "banned_until": "2099-01-01T00:00:00Z",
        "identities": [], "factors": [],
    }
    user = server.auth("POST", "/signup", {"email": email, "password": PASSWORD, "data": forged, **forged}).json()
    assert (user["role"], user["aud"], user["is_anonymous"]) == ("authenticated", "authenticated", False)
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert "email_confirmed_at" not in user and user["id"] != forged["id"]
    session = server.signed_in()
    token = session["access_token"]
    assert code_of(server.auth("PUT", "/user", {"app_metadata": {"role": "service_role"}}, token=token)) == (403, "not_admin")
    changed = server.auth("PUT", "/user", {"data": forged, "role": "service_role", "banned_until": "2099-01-01T00:00:00Z"}, token=token).json()
    assert (changed["role"], changed["is_anonymous"]) == ("authenticated", False)
    assert code_of(server.auth("GET", "/admin/users", token=server.sign_in(changed["email"])["access_token"])) == (403, "not_admin")
    big = server.auth("PUT", "/user", {"data": {"x": "y" * 100_000}}, token=token)
    assert code_of(big) == (400, "validation_failed")


@pytest.mark.parametrize("end", ["delete", "ban", "sign out", "end the session"])
def test_a10_a_token_ends_at_once_with_its_user_or_session(server, end):
    session = server.signed_in()
    token, user = session["access_token"], session["user"]["id"]
    headers = {"apikey": server.keys["publishable"], "Authorization": f"Bearer {token}"}
    read = lambda: httpx.get(f"{server.url}/rest/v1/notes", headers=headers)
    assert read().status_code == 200
    if end == "delete":
        server.admin("DELETE", f"/admin/users/{user}")
    elif end == "ban":
        server.admin("PUT", f"/admin/users/{user}", {"ban_duration": "1h"})
    elif end == "sign out":
        server.auth("POST", "/logout", token=token)
    else:
        id = server.auth("GET", "/user/sessions", token=token).json()[0]["id"]
        assert server.admin("DELETE", f"/admin/users/{user}/sessions/{id}").status_code == 204
    assert (read().status_code, read().json()["code"]) == (401, "PGRST303")
    assert server.user(token).status_code == 403
    assert server.refresh(session["refresh_token"]).status_code == 400
    assert server.auth("PUT", "/user", {"data": {}}, token=token).status_code == 403


def test_a11_a_new_account_inherits_nothing(server):
    email = fresh_email()
    old = server.new_user(email=email, user_metadata={"secret": 1})
    token = server.sign_in(email)
    server.admin("DELETE", f"/admin/users/{old['id']}")
    new = server.new_user(email=email)
    assert new["id"] != old["id"] and "secret" not in new["user_metadata"]
    assert server.user(token["access_token"]).status_code == 403
    assert server.refresh(token["refresh_token"]).status_code == 400


# Codes and links


def test_a12_a_code_is_good_for_one_use(server):
    for kind in ("otp", "recovery", "link"):
        email = server.new_user()["email"]
        server.auth("POST", "/recover" if kind == "recovery" else "/otp", {"email": email})
        code, link = server.code(email), server.link(email)
        if kind == "link":
            answers = parallel(64, lambda _: server.follow(link))
            good = [answer for answer in answers if "access_token" in answer.headers["location"]]
        else:
            body = {"type": "email" if kind == "otp" else "recovery", "email": email, "token": code}
            answers = parallel(64, lambda _: server.auth("POST", "/verify", body))
            good = [answer for answer in answers if answer.status_code == 200]
            assert {code_of(answer) for answer in answers if answer.status_code != 200} == {(403, "otp_expired")}
        assert len(good) == 1, kind


def test_a13_a_code_serves_its_purpose_and_its_user_only(server):
    first, second = server.new_user()["email"], server.new_user()["email"]
    server.auth("POST", "/recover", {"email": first})
    code = server.code(first)
    for body in [
        {"type": "email", "email": second, "token": code},
        {"type": "signup", "email": first, "token": code},
        {"type": "invite", "email": first, "token": code},
        {"type": "email_change", "email": first, "token": code},
        {"type": "email", "email": first, "token": f" {code}"},
        {"type": "email", "email": first, "token": f"{code}0"},
    ]:
        assert code_of(server.auth("POST", "/verify", body)) == (403, "otp_expired"), body
    token = parse_qs(urlsplit(server.link(first)).query)["token"][0]
    for kind in ("signup", "invite", "email_change"):
        assert code_of(server.auth("POST", "/verify", {"type": kind, "token_hash": token})) == (403, "otp_expired")
    newer = server.auth("POST", "/recover", {"email": first})
    assert newer.status_code == 200
    if server.code(first) != code:
        assert code_of(server.auth("POST", "/verify", {"type": "recovery", "email": first, "token": code})) == (403, "otp_expired")
    assert server.auth("POST", "/verify", {"type": "recovery", "email": first, "token": server.code(first)}).status_code == 200


def test_a13_an_old_code_is_refused():
    with AuthServer(email__otp_expiry=1) as server:
        email = server.new_user()["email"]
        server.auth("POST", "/otp", {"email": email})
        sent = server.mail(email)
        age = lambda: time.time() - calendar.timegm(time.strptime(sent["at"][:19], "%Y-%m-%dT%H:%M:%S"))
        while age() < 3:
            time.sleep(0.1)
        body = {"type": "email", "email": email, "token": server.code(email)}
        assert code_of(server.auth("POST", "/verify", body)) == (403, "otp_expired")
        assert "otp_expired" in server.follow(server.link(email)).headers["location"]


def test_a14_a_code_is_void_after_ten_guesses(server):
    email = server.new_user()["email"]
    server.auth("POST", "/otp", {"email": email})
    code = server.code(email)
    wrong = [f"{guess:06}" for guess in range(20) if f"{guess:06}" != code][:10]
    for guess in wrong:
        assert code_of(server.auth("POST", "/verify", {"type": "email", "email": email, "token": guess})) == (403, "otp_expired")
    assert code_of(server.auth("POST", "/verify", {"type": "email", "email": email, "token": code})) == (403, "otp_expired")
    assert "otp_expired" in server.follow(server.link(email)).headers["location"]
    server.sign_in(email)
    server.auth("POST", "/otp", {"email": email})
    assert server.auth("POST", "/verify", {"type": "email", "email": email, "token": server.code(email)}).status_code == 200


def test_a15_nothing_stored_or_logged_signs_anybody_in(server):
    email = fresh_email()
    password = "canary password 4711"
    server.new_user(email=email, password=password)
    session = server.sign_in(email, password)
    server.auth("POST", "/otp", {"email": email})
    code = server.code(email)
    token = parse_qs(urlsplit(server.link(email)).query)["token"][0]
    factor = server.auth("POST", "/factors", {"factor_type": "totp"}, token=session["access_token"]).json()
    secrets = [password, token, session["refresh_token"], session["access_token"], factor["totp"]["secret"]]
    with sqlite3.connect(f"file:{server.project.folder}/.backstay/data.db?mode=ro", uri=True) as database:
        stored = "\n".join(database.iterdump())
    log = server.log.read_text()
    for secret in secrets:
        assert secret not in stored and secret not in log
    assert f"'{code}'" not in stored
    # What stands in the database is no link either.
    with sqlite3.connect(f"file:{server.project.folder}/.backstay/data.db?mode=ro", uri=True) as database:
        hashes = [row[0] for row in database.execute('select token_hash from "auth.one_time_tokens"')]
    for hash in hashes:
        assert code_of(server.auth("POST", "/verify", {"type": "email", "token_hash": hash})) == (403, "otp_expired")


def test_a16_looking_at_a_link_does_not_use_it_up(server):
    email = server.new_user()["email"]
    server.auth("POST", "/otp", {"email": email})
    link = server.link(email)
    for method in ("HEAD", "OPTIONS"):
        assert "access_token" not in server.follow(link, method).headers.get("location", "")
    assert "access_token" in server.follow(link).headers["location"]


def test_a16_a_page_with_a_button_keeps_links_from_programs():
    with AuthServer(email__confirm_page=True) as server:
        email = server.new_user()["email"]
        server.auth("POST", "/otp", {"email": email})
        link = server.link(email)
        for _ in range(2):
            page = server.follow(link)
            assert page.status_code == 200 and "location" not in page.headers
        action = re.search(r'action="verify/(confirm[^"]+)"', page.text)[1].replace("&amp;", "&")
        assert "access_token" in server.follow(f"/auth/v1/verify/{action}", "POST").headers["location"]
        hostile = server.follow('/auth/v1/verify?token=x&type=y&redirect_to=%22%3E<script>alert(1)</script>')
        assert "<script" not in hostile.text


def test_a17_both_addresses_confirm_a_change_even_if_others_need_no_confirmation():
    with AuthServer(email__enable_confirmations=False) as server:
        session = server.signed_in()
        old, new = session["user"]["email"], fresh_email("new")
        changed = server.auth("PUT", "/user", {"email": new}, token=session["access_token"]).json()
        assert (changed["email"], changed["new_email"]) == (old, new)
        one = server.auth("POST", "/verify", {"type": "email_change", "email": new, "token": server.code(new)})
        assert one.status_code == 200 and "access_token" not in one.json() and one.json()["code"] == "200"
        # The same side again, the code of one side at the other, and a replaced change do not count.
        again = server.auth("POST", "/verify", {"type": "email_change", "email": new, "token": server.code(new)})
        assert code_of(again) == (403, "otp_expired")
        other = fresh_email("other")
        assert server.auth("PUT", "/user", {"email": other}, token=session["access_token"]).json()["new_email"] == other
        assert "access_token" not in server.auth("POST", "/verify", {"type": "email_change", "email": old, "token": server.code(old)}).json()
        assert server.user(session["access_token"]).json()["email"] == old
        done = server.auth("POST", "/verify", {"type": "email_change", "email": other, "token": server.code(other)}).json()
        assert done["user"]["email"] == other


def test_a17_an_address_taken_meanwhile_is_not_taken_again(server):
    session = server.signed_in()
    old, new = session["user"]["email"], fresh_email("new")
    server.auth("PUT", "/user", {"email": new}, token=session["access_token"])
    server.auth("POST", "/verify", {"type": "email_change", "email": new, "token": server.code(new)})
    server.new_user(email=new)
    answer = server.auth("POST", "/verify", {"type": "email_change", "email": old, "token": server.code(old)})
    assert code_of(answer) == (422, "email_exists")
    assert server.user(session["access_token"]).json()["email"] == old


def test_a18_an_address_is_not_flooded(strict):
    known = strict.new_user()["email"]
    unknown = fresh_email("unknown")
    for path in ("/recover", "/otp", "/magiclink"):
        for email in (known, unknown):
            answers = [strict.auth("POST", path, {"email": email}) for _ in range(2)]
            if path == "/magiclink":
                assert code_of(answers[0]) == (429, "over_email_send_rate_limit")
                continue
            assert answers[0].status_code == 200
            assert code_of(answers[1]) == (429, "over_email_send_rate_limit")
            seconds = re.fullmatch(r"For security purposes, you can only request this after (\d+) seconds\.", answers[1].json()["message"])
            assert 0 < int(seconds[1]) <= 60 and answers[1].headers["retry-after"] == seconds[1]
    assert len(strict.mails(known)) == 2


# Redirects and hosts


@pytest.mark.parametrize("target", [
    "https://evil.example/", "http://127.0.0.1:3000@evil.example/", "http://127.0.0.1:3000.evil.example/", "//evil.example", "\\\\evil.example",
    "https:evil.example", "javascript:alert(1)", "data:text/html,x", "http://0x7f000001:3000/", "http://2130706433:3000/", "http://evil.example/#http://127.0.0.1:3000/",
    "http://127.0.0.1:3000\t.evil.example/", "http://evil\u3002example/", "http://127.0.0.1:3000%2eevil.example/",
])
def test_a19_other_targets_become_the_site(server, target):
    email = server.new_user()["email"]
    server.auth("POST", "/otp?" + str(httpx.QueryParams({"redirect_to": target})), {"email": email})
    location = server.follow(server.link(email)).headers["location"]
    assert location.startswith(f"{server.url}#"), location
    server.auth("POST", "/otp", {"email": email})
    link = re.sub(r"redirect_to=.*", str(httpx.QueryParams({"redirect_to": target})), server.link(email))
    assert server.follow(link).headers["location"].startswith(f"{server.url}#")


def test_a20_links_never_follow_headers(server):
    forged = {
        "Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example",
        "Origin": "https://evil.example", "Referer": "https://evil.example/", "X-Forwarded-Prefix": "/evil",
    }
    email = server.new_user()["email"]
    for path in ("/otp", "/recover", "/magiclink"):
        assert server.auth("POST", path, {"email": email}, headers=forged).status_code == 200
    for mail in server.mails(email):
        assert "evil" not in json.dumps(mail)
    discovery = server.auth("GET", "/.well-known/openid-configuration", headers=forged).text
    assert "evil" not in discovery


def test_a21_tokens_are_never_in_a_query(server):
    email = server.new_user()["email"]
    server.auth("POST", "/otp", {"email": email})
    location = urlsplit(server.follow(server.link(email)).headers["location"])
    assert location.query == "" and "access_token=" in location.fragment


# Tokens


def forged_tokens(server, claims: dict):
    secret = server.keys["jwt_secret"]
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    good = jwt.encode(claims, secret, algorithm="HS256")
    head, body, signature = good.split(".")
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        yield f"{part({'alg': algorithm, 'typ': 'JWT'})}.{body}."
        yield f"{part({'alg': algorithm, 'typ': 'JWT'})}.{body}.{signature}"
    yield f"{head}.{body}."
    yield f"{head}.{part({**claims, 'role': 'service_role'})}.{signature}"
    yield jwt.encode(claims, "another secret of more than thirty-two bytes", algorithm="HS256")
    yield jwt.encode(claims, "another secret of more than thirty-two bytes", algorithm="HS256", headers={"kid": "../../dev/null"})
    yield jwt.encode(claims, "another secret of more than thirty-two bytes", algorithm="HS256", headers={"jku": "https://evil.example/", "jwk": {"kty": "oct", "k": "YQ"}})
    yield jwt.encode({**claims, "exp": int(time.time()) - 3600}, secret, algorithm="HS256")
    yield jwt.encode({**claims, "nbf": int(time.time()) + 3600}, secret, algorithm="HS256")
    yield good[:-3]
    yield good + "." + good
    yield "a" * 20_000
    yield ".."
    yield "x"


def test_a22_forged_tokens_are_refused(server):
    session = server.signed_in()
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    for token in forged_tokens(server, claims):
        answer = server.user(token)
        assert code_of(answer) == (403, "bad_jwt"), token[:100]
        assert "invalid JWT" in answer.json()["message"]
        assert code_of(server.auth("GET", "/admin/users", token=token)) == (403, "bad_jwt")


def test_a23_claims_of_other_kinds_are_refused(server):
    session = server.signed_in()
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    for change, expected in [
        ({"sub": None}, (403, "bad_jwt")), ({"sub": 5}, (403, "bad_jwt")), ({"sub": "x"}, (400, "bad_jwt")),
        ({"session_id": "x"}, (403, "bad_jwt")), ({"session_id": 5}, (403, "bad_jwt")),
        ({"exp": "soon"}, (403, "bad_jwt")), ({"exp": -1}, (403, "bad_jwt")),
        ({"sub": "11111111-1111-4111-8111-111111111111"}, (403, "user_not_found")),
        ({"session_id": "11111111-1111-4111-8111-111111111111"}, (403, "session_not_found")),
    ]:
        made = {name: value for name, value in {**claims, **change}.items() if value is not None}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256", "typ": "JWT"}, made)]
        signed = b".".join(parts)
        mac = base64.urlsafe_b64encode(hmac.digest(server.keys["jwt_secret"].encode(), signed, "sha256")).rstrip(b"=")
        answer = server.user((signed + b"." + mac).decode())
        assert answer.status_code in (400, 403) and answer.json()["code"] == expected[1], (change, answer.text)
    other = server.signed_in()
    mixed = {**claims, "session_id": jwt.decode(other["access_token"], options={"verify_signature": False})["session_id"]}
    assert code_of(server.user(jwt.encode(mixed, server.keys["jwt_secret"], algorithm="HS256"))) == (403, "session_not_found")
    without = {name: value for name, value in claims.items() if name != "session_id"}
    assert server.user(jwt.encode(without, server.keys["jwt_secret"], algorithm="HS256")).status_code == 200


def test_a24_other_secrets_are_no_access_tokens(server):
    session = server.signed_in()
    server.auth("POST", "/otp", {"email": session["user"]["email"]})
    token = parse_qs(urlsplit(server.link(session["user"]["email"])).query)["token"][0]
    for text in (session["refresh_token"], token, server.keys["publishable"], "sb_secret_made_up"):
        assert code_of(server.user(text)) == (403, "bad_jwt")


def test_a27_a_token_used_again_ends_the_session():
    with AuthServer(refresh_token_reuse_interval=0) as server:
        session = server.signed_in()
        tokens = [session["refresh_token"]]
        for _ in range(3):
            tokens.append(server.refresh(tokens[-1]).json()["refresh_token"])
        # The one before the current gives the current again: its answer may have been lost.
        assert server.refresh(tokens[2]).json()["refresh_token"] == tokens[3]
        assert code_of(server.refresh(tokens[0])) == (400, "refresh_token_already_used")
        assert server.refresh(tokens[3]).status_code == 400
        assert server.user(session["access_token"]).status_code == 403


def test_a28_many_tabs_refresh_together_and_stay_signed_in(server):
    session = server.signed_in()
    answers = parallel(64, lambda _: server.refresh(session["refresh_token"]))
    assert {answer.status_code for answer in answers} == {200}
    latest = {answer.json()["refresh_token"] for answer in answers}
    assert len(latest) == 1
    assert server.refresh(latest.pop()).status_code == 200


def test_a28_refresh_tokens_of_others_are_refused(server):
    first, second = server.signed_in(), server.signed_in()
    flip = lambda text, at: text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
    token = first["refresh_token"]
    for changed in [flip(token, at) for at in range(0, len(token), 7)] + ["", "short", "abcdefghijkl", "x" * 500]:
        answer = server.refresh(changed)
        assert answer.status_code == 400 and answer.json()["code"] in ("validation_failed", "refresh_token_not_found")
    assert server.refresh(token).status_code == 200
    assert server.refresh(second["refresh_token"]).status_code == 200
    with AuthServer() as other:
        assert code_of(other.refresh(token)) == (400, "refresh_token_not_found")


def test_a29_what_ends_which_sessions(server):
    def sessions() -> tuple[dict, dict]:
        email = server.new_user()["email"]
        return server.sign_in(email), server.sign_in(email)

    one, two = sessions()
    server.auth("PUT", "/user", {"password": "another one entirely"}, token=one["access_token"])
    assert server.refresh(one["refresh_token"]).status_code == 200
    assert server.refresh(two["refresh_token"]).status_code == 400
    one, two = sessions()
    server.admin("PUT", f"/admin/users/{one['user']['id']}", {"password": "another one entirely"})
    assert [server.refresh(session["refresh_token"]).status_code for session in (one, two)] == [400, 400]
    one, two = sessions()
    server.auth("POST", "/recover", {"email": one["user"]["email"]})
    pending = server.code(one["user"]["email"])
    server.auth("PUT", "/user", {"password": "another one entirely"}, token=one["access_token"])
    assert code_of(server.auth("POST", "/verify", {"type": "recovery", "email": one["user"]["email"], "token": pending})) == (403, "otp_expired")


@pytest.mark.parametrize("setting", ["sessions__timebox", "sessions__inactivity_timeout"])
def test_a29_a_session_has_a_greatest_age(setting):
    with AuthServer(**{setting: "1s"}) as server:
        session = server.signed_in()
        opened = jwt.decode(session["access_token"], options={"verify_signature": False})["iat"]
        while time.time() < opened + 3:
            time.sleep(0.1)
        answer = server.refresh(session["refresh_token"])
        assert code_of(answer) == (400, "session_expired")
        assert answer.json()["message"].startswith("Invalid Refresh Token: Session Expired")


def test_a29_one_session_a_user_where_that_is_set():
    with AuthServer(sessions__single_per_user=True) as server:
        email = server.new_user()["email"]
        first, second = server.sign_in(email), server.sign_in(email)
        assert server.refresh(first["refresh_token"]).status_code == 400
        assert server.refresh(second["refresh_token"]).status_code == 200


# Second factors


def enrolled(server) -> tuple[dict, str, pyotp.TOTP, dict]:
    """The session of level two, the factor, its codes, the session before."""
    before = server.signed_in()
    token = before["access_token"]
    factor = server.auth("POST", "/factors", {"factor_type": "totp", "friendly_name": "phone"}, token=token).json()
    codes = pyotp.TOTP(factor["totp"]["secret"])
    challenge = server.auth("POST", f"/factors/{factor['id']}/challenge", {}, token=token).json()
    codes.used = codes.now()
    body = {"challenge_id": challenge["id"], "code": codes.used}
    answer = server.auth("POST", f"/factors/{factor['id']}/verify", body, token=token)
    assert answer.status_code == 200, answer.text
    return answer.json(), factor["id"], codes, before


def level(session: dict) -> str:
    return jwt.decode(session["access_token"], options={"verify_signature": False})["aal"]


def test_a32_every_way_in_stays_at_level_one(server):
    strong, _, _, before = enrolled(server)
    assert level(strong) == "aal2"
    email = strong["user"]["email"]
    assert level(server.sign_in(email)) == "aal1"
    for path, kind in (("/recover", "recovery"), ("/otp", "email")):
        server.auth("POST", path, {"email": email})
        session = server.auth("POST", "/verify", {"type": kind, "email": email, "token": server.code(email)}).json()
        assert level(session) == "aal1"
        assert code_of(server.auth("PUT", "/user", {"password": "another one entirely"}, token=session["access_token"])) == (401, "insufficient_aal")
    assert server.refresh(before["refresh_token"]).status_code == 400
    assert level(server.refresh(strong["refresh_token"]).json()) == "aal2"


def test_a33_level_one_changes_no_factor_and_no_way_in(server):
    strong, factor, _, _ = enrolled(server)
    weak = server.sign_in(strong["user"]["email"])["access_token"]
    assert code_of(server.auth("POST", "/factors", {"factor_type": "totp", "friendly_name": "mine"}, token=weak)) == (403, "insufficient_aal")
    assert code_of(server.auth("DELETE", f"/factors/{factor}", token=weak)) == (422, "insufficient_aal")
    assert code_of(server.auth("PUT", "/user", {"email": fresh_email()}, token=weak)) == (401, "insufficient_aal")
    assert code_of(server.auth("PUT", "/user", {"password": "another one entirely"}, token=weak)) == (401, "insufficient_aal")
    anonymous = server.auth("POST", "/signup", {}).json()["access_token"]
    assert code_of(server.auth("POST", "/factors", {"factor_type": "totp"}, token=anonymous)) == (403, "no_authorization")


def test_a34_without_its_factor_a_session_falls_to_level_one(server):
    for by_admin in (False, True):
        strong, factor, _, _ = enrolled(server)
        if by_admin:
            answer = server.admin("DELETE", f"/admin/users/{strong['user']['id']}/factors/{factor}")
        else:
            answer = server.auth("DELETE", f"/factors/{factor}", token=strong["access_token"])
        assert answer.status_code == 200 and answer.json()["id"] == factor
        assert level(server.refresh(strong["refresh_token"]).json()) == "aal1"


def test_a35_a_code_of_an_app_is_good_once_and_for_its_factor(server):
    strong, factor, codes, _ = enrolled(server)
    token = strong["access_token"]
    challenge = lambda who=token, id=factor: server.auth("POST", f"/factors/{id}/challenge", {}, token=who)
    verify = lambda challenge_id, code, who=token, id=factor: server.auth(
        "POST", f"/factors/{id}/verify", {"challenge_id": challenge_id, "code": code}, token=who
    )
    opened = challenge().json()["id"]
    used = codes.used
    assert code_of(verify(opened, used)) == (422, "mfa_verification_failed")
    for code in (codes.at(time.time() - 600), codes.at(time.time() + 600), "", "000", "abcdef", " " + used):
        assert code_of(verify(opened, code)) == (422, "mfa_verification_failed"), code
    # A challenge that was met is over, whatever code comes with it.
    met, fresh = challenge().json()["id"], codes.at(time.time() + 30)
    again = codes.at(time.time())
    done = verify(met, fresh)
    assert done.status_code == 200, done.text
    token = done.json()["access_token"]
    assert code_of(verify(met, again, token)) == (422, "mfa_ip_address_mismatch")
    other, other_factor, other_codes, _ = enrolled(server)
    foreign = challenge(other["access_token"], other_factor).json()["id"]
    assert code_of(verify(foreign, used)) == (422, "mfa_factor_not_found")
    assert code_of(challenge(other["access_token"], factor)) == (404, "mfa_factor_not_found")
    assert code_of(verify(opened, used, other["access_token"])) == (404, "mfa_factor_not_found")
    assert code_of(server.auth("DELETE", f"/factors/{factor}", token=other["access_token"])) == (404, "mfa_factor_not_found")
    assert code_of(challenge(id="x")) == (404, "validation_failed")


def test_a35_guesses_are_bounded(server):
    strong, factor, _, _ = enrolled(server)
    token = strong["access_token"]
    challenge = server.auth("POST", f"/factors/{factor}/challenge", {}, token=token).json()["id"]
    answers = parallel(30, lambda _: server.auth("POST", f"/factors/{factor}/verify", {"challenge_id": challenge, "code": "000000"}, token=token))
    assert sum(answer.status_code == 422 for answer in answers) <= 10
    assert {code_of(answer) for answer in answers if answer.status_code != 422} == {(429, "over_request_rate_limit")}


def test_a36_secrets_are_shown_once(server):
    strong, factor, codes, _ = enrolled(server)
    shown = [server.user(strong["access_token"]).text, server.admin("GET", f"/admin/users/{strong['user']['id']}/factors").text]
    for text in shown:
        assert factor in text and codes.secret not in text and "secret" not in text


# PKCE


def test_a37_a_flow_is_finished_by_who_began_it(server):
    challenge = lambda verifier: base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    verifiers = ["v" * 43, "w" * 43]
    codes = []
    for verifier in verifiers:
        email = server.new_user()["email"]
        server.auth("POST", "/otp", {"email": email, "code_challenge": challenge(verifier), "code_challenge_method": "s256"})
        link = server.link(email)
        # Without its mark, the link is none.
        plain = re.sub(r"token=pkce_", "token=", link)
        assert "otp_expired" in server.follow(plain).headers["location"]
        codes.append(parse_qs(urlsplit(server.follow(link).headers["location"]).query)["code"][0])
    exchange = lambda code, verifier: server.auth("POST", "/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})
    for verifier in (verifiers[1], challenge(verifiers[0]), "v" * 42, "v" * 129, "v" * 44):
        assert code_of(exchange(codes[0], verifier)) == (400, "bad_code_verifier")
    assert code_of(exchange(codes[0], "")) == (400, "validation_failed")
    assert code_of(exchange("x", verifiers[0])) == (404, "flow_state_not_found")
    answers = parallel(32, lambda _: exchange(codes[0], verifiers[0]))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 31
    for body in [
        {"code_challenge": "a" * 43}, {"code_challenge_method": "s256"}, {"code_challenge": "short", "code_challenge_method": "s256"},
        {"code_challenge": "a" * 43, "code_challenge_method": "md5"}, {"code_challenge": "a" * 129, "code_challenge_method": "plain"},
        {"code_challenge": "ä" * 43, "code_challenge_method": "plain"},
    ]:
        assert code_of(server.auth("POST", "/otp", {"email": fresh_email(), **body})) == (400, "validation_failed")


# The service


def test_s05_only_administrators_administer(server):
    session = server.signed_in(user_metadata={"role": "service_role"}, app_metadata={"role": "service_role"})
    id = session["user"]["id"]
    for method, path in [
        ("GET", "/admin/users"), ("POST", "/admin/users"), ("GET", f"/admin/users/{id}"), ("PUT", f"/admin/users/{id}"),
        ("DELETE", f"/admin/users/{id}"), ("POST", "/invite"), ("POST", "/admin/generate_link"), ("GET", "/admin/audit"),
        ("GET", f"/admin/users/{id}/factors"), ("GET", f"/admin/users/{id}/sessions"),
    ]:
        body = {"email": fresh_email()} if method in ("POST", "PUT") else None
        for token in (session["access_token"], server.keys["anon"], server.keys["publishable"]):
            assert code_of(server.auth(method, path, body, token=token)) == (403, "not_admin"), (method, path)
        assert code_of(server.auth(method, path, body)) == (401, "no_authorization")
    assert server.auth("GET", f"/admin/users/{id}", token=server.keys["service_role"]).status_code == 200


def test_s18_values_of_other_types_are_refused(server):
    for path in ("/signup", "/otp", "/recover", "/magiclink", "/resend", "/verify", "/token?grant_type=password", "/token?grant_type=refresh_token", "/token?grant_type=pkce"):
        for value in ([], {}, 5, True, {"$ne": ""}, ["a@example.com"]):
            body = {name: value for name in ("email", "password", "token", "token_hash", "type", "refresh_token", "auth_code", "code_verifier")}
            answer = server.auth("POST", path, body)
            assert code_of(answer) == (400, "bad_json"), (path, value)
        for value in (None, "", "   "):
            body = {name: value for name in ("email", "password", "token", "token_hash", "type", "refresh_token", "auth_code", "code_verifier")}
            answer = server.auth("POST", path, body)
            # Without any address, a sign-up is that of an anonymous user.
            assert 400 <= answer.status_code < 500 or (path == "/signup" and not value), (path, value, answer.text)
        for content in (b"", b"[]", b"null", b"{", b"\xff", b'"x"', b"{} {}"):
            headers = {"apikey": server.keys["publishable"], "X-Supabase-Api-Version": "2024-01-01"}
            answer = httpx.post(f"{server.url}/auth/v1{path}", content=content, headers=headers)
            assert code_of(answer) == (400, "bad_json"), (path, content)


def test_s32_requests_are_limited_and_forged_addresses_do_not_help(strict):
    answers = [
        strict.auth("POST", "/verify", {"type": "email", "email": fresh_email(), "token": "000000"}, headers={"X-Forwarded-For": f"10.1.2.{n}"})
        for n in range(40)
    ]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert len(limited) >= 8
    assert code_of(limited[0]) == (429, "over_request_rate_limit") and int(limited[0].headers["retry-after"]) > 0


def test_s32_a_guesser_does_not_lock_the_owner_out(server):
    email = server.new_user()["email"]
    guess = lambda: server.auth("POST", "/token?grant_type=password", {"email": email, "password": "wrong"})
    answers = [guess() for _ in range(25)]
    assert code_of(answers[0]) == (400, "invalid_credentials") and code_of(answers[-1]) == (429, "over_request_rate_limit")
    unknown = fresh_email()
    others = [server.auth("POST", "/token?grant_type=password", {"email": unknown, "password": "wrong"}) for _ in range(25)]
    assert [answer.status_code for answer in others] == [answer.status_code for answer in answers]
    server.auth("POST", "/recover", {"email": email})
    assert server.auth("POST", "/verify", {"type": "recovery", "email": email, "token": server.code(email)}).status_code == 200


def test_s34_paths_and_pages_are_bounded(server):
    for path in ("/admin/users/x", "/admin/users/..%2f", "/admin/users/%2e%2e", "/admin/users/" + "a" * 5_000, "/admin/users/11111111-1111-4111-8111-111111111111/x"):
        assert server.admin("GET", path).status_code == 404, path
    for query in ("page=-1", "page=0", "page=x", "per_page=0", "per_page=-5"):
        assert code_of(server.admin("GET", f"/admin/users?{query}")) == (400, "validation_failed")
    assert server.admin("GET", "/admin/users?page=1000000000&per_page=1000000000").json()["users"] == []
    assert server.admin("GET", "/admin/users?page=&per_page=").status_code == 200
    for text in ("%25", "_", "' or 1=1 --", "\\"):
        assert server.admin("GET", "/admin/users?" + str(httpx.QueryParams({"filter": text}))).json()["users"] == []


def test_s36_what_happens_at_once_fails_no_request(server):
    user = server.new_user()
    session = server.sign_in(user["email"])
    work = [
        lambda: server.refresh(session["refresh_token"]),
        lambda: server.user(session["access_token"]),
        lambda: server.auth("POST", "/logout?scope=others", token=session["access_token"]),
        lambda: server.admin("DELETE", f"/admin/users/{user['id']}"),
        lambda: server.auth("POST", "/token?grant_type=password", {"email": user["email"], "password": PASSWORD}),
    ]
    answers = parallel(60, lambda n: work[n % len(work)]())
    assert max(answer.status_code for answer in answers) < 500


def test_o23_what_happened_is_on_record(server):
    session = server.signed_in()
    server.refresh(session["refresh_token"])
    server.auth("POST", "/logout", token=session["access_token"])
    entries = server.admin("GET", f"/admin/audit?query=author:{session['user']['email']}").json()
    assert [entry["payload"]["action"] for entry in entries] == ["logout", "token_refreshed", "login", "user_signedup"]
    assert all(entry["ip_address"] == "127.0.0.1" and entry["payload"]["actor_id"] == session["user"]["id"] for entry in entries)
