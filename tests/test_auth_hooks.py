"""Hooks: what the project is asked and told, over HTTP and by functions of its database."""

import time

import jwt
import pytest

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email, fresh_phone
from harness.hooks import Answer, Hooks
from harness.server import Project, Server

ALL = [
    "send_email", "send_sms", "custom_access_token", "mfa_verification_attempt", "password_verification_attempt",
    "before_user_created", "after_user_created",
]

# Functions as they stand in migrations of Supabase's guides.
FUNCTIONS = """
create table public.plans (owner uuid primary key, plan text not null);
create table public.tries (owner uuid not null, good boolean not null, at timestamptz not null default now());
create table public.outbox (id bigint generated always as identity primary key, event jsonb not null);

create function public.add_plan(event jsonb) returns jsonb language plpgsql stable as $$
declare
  claims jsonb := event->'claims';
  found text;
begin
  select plan into found from public.plans where owner = (event->>'user_id')::uuid;
  claims := jsonb_set(claims, '{plan}', to_jsonb(coalesce(found, 'free')));
  claims := jsonb_set(claims, '{method}', event->'authentication_method');
  return jsonb_set(event, '{claims}', claims);
end $$;

create function public.only_ours(event jsonb) returns jsonb language plpgsql as $$
begin
  if event->'user'->>'email' like '%@elsewhere.example' then
    return jsonb_build_object('error', jsonb_build_object('http_code', 403, 'message', 'Only our own people'));
  end if;
  return '{}'::jsonb;
end $$;

create function public.three_tries(event jsonb) returns jsonb language plpgsql as $$
declare failures int;
begin
  insert into public.tries (owner, good) values ((event->>'user_id')::uuid, (event->>'valid')::boolean);
  select count(*) into failures from public.tries where owner = (event->>'user_id')::uuid and not good;
  if failures >= 3 then
    return jsonb_build_object('decision', 'reject', 'message', 'Too often', 'should_logout_user', true);
  end if;
  return jsonb_build_object('decision', 'continue');
end $$;

create function public.keep_mail(event jsonb) returns void language plpgsql as $$
begin
  insert into public.outbox (event) values (event);
end $$;
"""


def claims_of(session: dict) -> dict:
    return jwt.decode(session["access_token"], options={"verify_signature": False})


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def endpoint():
    made = Hooks()
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(engine, databases, endpoint):
    more = {"sms__enable_signup": True, "enable_anonymous_sign_ins": True, **endpoint.settings(*ALL)}
    with AuthServer(None, databases.environment(engine), **more) as server:
        yield server


@pytest.fixture
def server(running, hooks):
    return running


@pytest.fixture
def hooks(endpoint):
    endpoint.reset()
    yield endpoint
    assert endpoint.problems == []


def sign_up(server, hooks, email: str):
    answer = server.auth("POST", "/signup", {"email": email, "password": PASSWORD, "data": {"name": "Ann"}})
    assert answer.status_code == 200, answer.text
    code = hooks.told("send_email")[-1]["email_data"]["token"]
    return server.auth("POST", "/verify", {"type": "signup", "email": email, "token": code})


def test_mails_are_handed_to_the_hook(server, hooks):
    email = fresh_email()
    assert sign_up(server, hooks, email).status_code == 200
    told = hooks.told("send_email")[0]
    assert told["metadata"]["name"] == "send-email" and told["metadata"]["ip_address"] == "127.0.0.1"
    assert told["user"]["email"] == email and told["user"]["user_metadata"]["name"] == "Ann"
    assert told["email_data"]["email_action_type"] == "signup" and told["email_data"]["site_url"].endswith("/auth/v1")
    server.auth("POST", "/recover", {"email": email})
    data = hooks.told("send_email")[-1]["email_data"]
    assert data["email_action_type"] == "recovery"
    session = server.auth("POST", "/verify", {"type": "recovery", "token_hash": data["token_hash"]})
    assert session.status_code == 200 and server.mails() == []


def test_a_change_of_address_is_one_call_with_both_codes(server, hooks):
    session, new = server.signed_in(), fresh_email()
    old = session["user"]["email"]
    hooks.reset()
    assert server.auth("PUT", "/user", {"email": new}, token=session["access_token"]).status_code == 200
    [told] = hooks.told("send_email")
    data = told["email_data"]
    for email, token in [(old, data["token"]), (new, data["token_new"])]:
        answer = server.auth("POST", "/verify", {"type": "email_change", "email": email, "token": token})
        assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["email"] == new
    # The names of the hashes are crossed.
    later = fresh_email()
    server.auth("PUT", "/user", {"email": later}, token=answer.json()["access_token"])
    data = hooks.told("send_email")[-1]["email_data"]
    first = server.auth("POST", "/verify", {"type": "email_change", "token_hash": data["token_hash_new"]})
    second = server.auth("POST", "/verify", {"type": "email_change", "token_hash": data["token_hash"]})
    assert first.json()["code"] == "200" and second.json()["user"]["email"] == later


def test_claims_of_tokens_may_be_changed(server, hooks):
    hooks.answers["custom_access_token"] = lambda told: Answer(
        {"claims": {**told["claims"], "plan": "gold", "how": told["authentication_method"]}}
    )
    session = server.signed_in()
    claims = claims_of(session)
    assert (claims["plan"], claims["how"]) == ("gold", "password")
    assert hooks.told("custom_access_token")[0]["user_id"] == claims["sub"]
    assert claims_of(server.refresh(session["refresh_token"]).json())["how"] == "token_refresh"
    assert server.user(session["access_token"]).status_code == 200


@pytest.mark.parametrize("change", [{"aal": None}, {"role": "service_role"}, {"sub": "x"}, {"session_id": "x"}, {"role": 1}])
def test_claims_that_would_be_another_token_are_refused(server, hooks, change):
    email = server.new_user()["email"]
    hooks.answers["custom_access_token"] = lambda told: Answer(
        {"claims": {name: value for name, value in {**told["claims"], **change}.items() if value is not None}}
    )
    answer = server.auth("POST", "/token?grant_type=password", {"email": email, "password": PASSWORD})
    assert code_of(answer) == (500, "unexpected_failure") and "access_token" not in answer.text


def test_who_may_not_come_in_gets_no_account(server, hooks):
    refusal = Answer({"error": {"http_code": 403, "message": "by invitation only"}})
    hooks.answers["before_user_created"] = refusal
    email, phone = fresh_email(), fresh_phone()
    for path, body in [
        ("/signup", {"email": email, "password": PASSWORD}),
        ("/signup", {"phone": phone, "password": PASSWORD}),
        ("/signup", {"data": {}}),
        ("/otp", {"email": email}),
        ("/otp", {"phone": phone}),
    ]:
        answer = server.auth("POST", path, body)
        assert answer.status_code == 403 and answer.json()["message"] == "by invitation only", (path, body)
    assert server.admin("GET", f"/admin/users?email={email}").json()["users"] == []
    assert hooks.told("send_email") == hooks.told("send_sms") == hooks.told("after_user_created") == []
    asked = hooks.told("before_user_created")
    assert asked[0]["user"]["email"] == email and asked[1]["user"]["phone"] == phone and asked[2]["user"]["is_anonymous"]
    # Administrators decide by themselves.
    assert server.admin("POST", "/invite", {"email": fresh_email()}).status_code == 200


def test_the_user_who_was_asked_for_is_the_one_that_is_made(server, hooks):
    email = fresh_email()
    made = sign_up(server, hooks, email).json()["user"]
    assert [told["user"]["id"] for told in hooks.told("before_user_created")] == [made["id"]]
    for _ in range(250):
        if hooks.told("after_user_created"):
            break
        time.sleep(0.02)
    assert [told["user"]["id"] for told in hooks.told("after_user_created")] == [made["id"]]
    hooks.reset()
    server.auth("POST", "/otp", {"email": email})
    assert hooks.told("before_user_created") == []


def test_attempts_at_passwords_may_be_rejected(server, hooks):
    email = server.new_user()["email"]
    session = server.sign_in(email)
    assert hooks.told("password_verification_attempt")[-1]["valid"] is True
    body = {"email": email, "password": "wrong"}
    assert code_of(server.auth("POST", "/token?grant_type=password", body)) == (400, "invalid_credentials")
    assert hooks.told("password_verification_attempt")[-1] | {"metadata": 0} == {
        "metadata": 0, "user_id": session["user"]["id"], "valid": False,
    }
    assert server.user(session["access_token"]).status_code == 200
    hooks.answers["password_verification_attempt"] = Answer(
        {"decision": "reject", "message": "not today", "should_logout_user": True}
    )
    answer = server.auth("POST", "/token?grant_type=password", {"email": email, "password": PASSWORD})
    assert code_of(answer) == (400, "invalid_credentials") and answer.json()["message"] == "not today"
    assert code_of(server.user(session["access_token"])) == (403, "session_not_found")


def test_attempts_at_factors_may_be_rejected(server, hooks):
    session = server.signed_in()
    token = session["access_token"]
    factor = server.auth("POST", "/factors", {"factor_type": "totp"}, token=token).json()
    challenge = server.auth("POST", f"/factors/{factor['id']}/challenge", {}, token=token).json()
    body = {"challenge_id": challenge["id"], "code": "000000"}
    answer = server.auth("POST", f"/factors/{factor['id']}/verify", body, token=token)
    assert code_of(answer) == (422, "mfa_verification_failed")
    told = hooks.told("mfa_verification_attempt")[0]
    assert (told["valid"], told["factor_id"], told["factor_type"]) == (False, factor["id"], "totp")
    hooks.answers["mfa_verification_attempt"] = Answer({"decision": "reject", "message": "enough"})
    answer = server.auth("POST", f"/factors/{factor['id']}/verify", body, token=token)
    assert code_of(answer) == (403, "mfa_verification_rejected") and answer.json()["message"] == "enough"
    assert code_of(server.user(token)) == (403, "session_not_found")


def test_answers_are_bounded_and_of_the_right_kind(server, hooks):
    html = {"Content-Type": "text/html"}
    later = Answer(b"", 503, {"Retry-After": "1"})
    for answer, expected in [
        (Answer({"x": "y" * 300_000}), (422, "hook_payload_over_size_limit")),
        (Answer(b"<p>hello</p>", 200, html), (400, "hook_payload_invalid_content_type")),
        (Answer(b"{"), (500, "unexpected_failure")),
        (Answer(b"", 500), (500, "unexpected_failure")),
        (Answer(b"", 302, {"Location": "http://127.0.0.1:1/"}), (500, "unexpected_failure")),
        (Answer(b"", 503), (500, "unexpected_failure")),
        ([later, later, later], (422, "hook_timeout_after_retry")),
    ]:
        hooks.answers["before_user_created"] = answer
        refused = server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD})
        assert code_of(refused) == expected, refused.text
    for answer in (Answer(b"", 204), Answer(b"", 202), [later, Answer()]):
        hooks.answers["before_user_created"] = answer
        assert server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD}).status_code == 200


def test_a_hook_has_five_seconds(server, hooks):
    hooks.answers["before_user_created"] = lambda told: time.sleep(8) or Answer()
    begun = time.monotonic()
    refused = server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD})
    assert code_of(refused) == (422, "hook_timeout")
    # It was given up before the hook answered.
    assert time.monotonic() - begun < 8


# Functions of the database


@pytest.fixture(scope="module")
def database(engine, databases):
    def hook(name: str, function: str) -> dict:
        uri = f"pg-functions://postgres/public/{function}"
        return {f"hook__{name}__enabled": True, f"hook__{name}__uri": uri}

    more = {
        **hook("custom_access_token", "add_plan"), **hook("before_user_created", "only_ours"),
        **hook("password_verification_attempt", "three_tries"), **hook("send_email", "keep_mail"),
    }
    with AuthServer({"migrations/0002_hooks.sql": FUNCTIONS}, databases.environment(engine), **more) as server:
        yield server


def test_functions_of_the_database_are_hooks_too(database):
    email = fresh_email()
    answer = database.auth("POST", "/signup", {"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    [row] = database.rest("GET", "/outbox?select=event", "service").json()
    told = row["event"]["email_data"]
    body = {"type": "signup", "email": email, "token": told["token"]}
    session = database.auth("POST", "/verify", body)
    assert session.status_code == 200, session.text
    claims = claims_of(session.json())
    assert (claims["plan"], claims["method"]) == ("free", "otp")
    plan = {"owner": claims["sub"], "plan": "gold"}
    assert database.rest("POST", "/plans", "service", json_body=plan).status_code == 201
    assert claims_of(database.refresh(session.json()["refresh_token"]).json())["plan"] == "gold"


def test_a_function_refuses_in_its_own_words(database):
    body = {"email": "eve@elsewhere.example", "password": PASSWORD}
    answer = database.auth("POST", "/signup", body)
    assert answer.status_code == 403 and answer.json()["message"] == "Only our own people"
    assert database.admin("GET", "/admin/users?email=eve@elsewhere.example").json()["users"] == []


def test_a_function_counts_attempts(database):
    email = database.new_user()["email"]
    session = database.sign_in(email)
    for message in ("Invalid login credentials", "Invalid login credentials", "Too often"):
        answer = database.auth("POST", "/token?grant_type=password", {"email": email, "password": "wrong"})
        assert code_of(answer) == (400, "invalid_credentials") and answer.json()["message"] == message
    assert code_of(database.user(session["access_token"])) == (403, "session_not_found")


def test_a_function_that_is_not_there_is_a_failure_and_not_a_way_in(engine, databases):
    missing = {"hook__before_user_created__enabled": True, "hook__before_user_created__uri": "pg-functions://postgres/public/none"}
    with AuthServer(None, databases.environment(engine), **missing) as server:
        answer = server.auth("POST", "/signup", {"email": fresh_email(), "password": PASSWORD})
        assert code_of(answer) == (500, "unexpected_failure")


def test_hooks_that_cannot_be_used_are_refused_at_start():
    for lines in [
        'hook.send_sms = { enabled = true, uri = "http://hooks.example/x", secrets = "v1,whsec_eHh4" }',
        'hook.send_sms = { enabled = true, uri = "https://hooks.example/x", secrets = "" }',
        'hook.send_sms = { enabled = true, uri = "pg-functions://postgres/public" }',
        'hook.no_such = { enabled = true, uri = "pg-functions://postgres/public/f" }',
    ]:
        project = Project({"migrations/0001_none.sql": "select 1;"}, f"[auth]\n{lines}\n")
        try:
            with pytest.raises(RuntimeError, match="auth.hook"):
                Server(project)
        finally:
            project.remove()
