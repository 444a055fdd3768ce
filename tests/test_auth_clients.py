"""Sign-in through the unmodified clients: supabase-js and PyPI's supabase."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from supabase import AuthApiError, create_client

from harness.auth import PASSWORD, AuthServer, fresh_email, fresh_phone

CLIENTS = Path(__file__).parent / "clients"
SCENARIOS = re.findall(r"^  async (\w+)\(\) \{", (CLIENTS / "auth.mjs").read_text(), re.M)

NOTES = """
create table notes (
  id bigint generated always as identity primary key,
  owner uuid not null default auth.uid() references auth.users (id) on delete cascade,
  body text
);
alter table notes enable row level security;
create policy own on notes for all to authenticated using (owner = (select auth.uid()));
grant select, insert on notes to authenticated;
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def server(engine, databases):
    files = {"migrations/0002_notes.sql": NOTES}
    more = {"oauth_server__enabled": True, "sms__enable_signup": True, "mfa__phone__enroll_enabled": True, "mfa__phone__verify_enabled": True}
    with AuthServer(files, databases.environment(engine), enable_anonymous_sign_ins=True, **more) as running:
        yield running


@pytest.fixture(scope="module")
def results(server, engine, databases):
    with AuthServer(None, databases.environment(engine), email__enable_confirmations=False) as plain:
        keys = {
            "url": server.url,
            "publishable": server.keys["publishable"],
            "secret": server.keys["secret"],
            "plain": {"url": plain.url, "publishable": plain.keys["publishable"]},
        }
        done = subprocess.run(
            ["node", "auth.mjs", json.dumps(keys)], cwd=CLIENTS, capture_output=True, text=True, timeout=300
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    return {line["name"]: line["problem"] for line in lines}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_javascript(results, scenario):
    assert results.get(scenario, "it did not run") is None, results.get(scenario)


@pytest.fixture
def client(server):
    return create_client(server.url, server.keys["publishable"])


def test_python_signs_up_in_and_out(server, client):
    email = fresh_email("py")
    signed_up = client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "Ann"}}})
    assert signed_up.session is None and signed_up.user.email == email
    verified = client.auth.verify_otp({"email": email, "token": server.code(email), "type": "signup"})
    assert verified.user.user_metadata["name"] == "Ann"
    client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    before = client.auth.get_session().refresh_token
    assert client.auth.refresh_session().session.refresh_token != before
    assert client.auth.get_user().user.email == email
    client.auth.update_user({"data": {"name": "Bea"}})
    assert client.auth.get_user().user.user_metadata["name"] == "Bea"
    client.table("notes").insert({"body": "mine"}).execute()
    assert len(client.table("notes").select("*").execute().data) == 1
    client.auth.sign_out()
    assert client.auth.get_session() is None


def test_python_reads_the_codes_of_refusals(server, client):
    email = server.new_user()["email"]
    with pytest.raises(AuthApiError) as caught:
        client.auth.sign_in_with_password({"email": email, "password": "wrong"})
    assert (caught.value.status, caught.value.code) == (400, "invalid_credentials")


def test_python_signs_in_with_a_code_and_resets_a_password(server, client):
    email = server.new_user()["email"]
    client.auth.sign_in_with_otp({"email": email})
    client.auth.verify_otp({"email": email, "token": server.code(email), "type": "email"})
    client.auth.reset_password_for_email(email)
    client.auth.verify_otp({"email": email, "token": server.code(email), "type": "recovery"})
    client.auth.update_user({"password": "another one entirely"})
    client.auth.sign_in_with_password({"email": email, "password": "another one entirely"})


def test_python_signs_up_and_in_by_phone(server, client):
    phone = fresh_phone()
    signed_up = client.auth.sign_up({"phone": f"+{phone}", "password": PASSWORD})
    assert signed_up.session is None and signed_up.user.phone == phone
    verified = client.auth.verify_otp({"phone": phone, "token": server.sms_code(phone), "type": "sms"})
    assert verified.session and verified.user.phone_confirmed_at
    client.auth.sign_out()
    client.auth.sign_in_with_otp({"phone": phone})
    client.auth.verify_otp({"phone": phone, "token": server.sms_code(phone), "type": "sms"})
    client.auth.sign_in_with_password({"phone": phone, "password": PASSWORD})


def test_python_administers(server):
    admin = create_client(server.url, server.keys["secret"]).auth.admin
    email = fresh_email("py")
    user = admin.create_user({"email": email, "password": PASSWORD, "email_confirm": True}).user
    assert admin.get_user_by_id(user.id).user.email == email
    assert admin.update_user_by_id(user.id, {"user_metadata": {"x": 1}}).user.user_metadata["x"] == 1
    assert any(found.id == user.id for found in admin.list_users(per_page=1000))
    link = admin.generate_link({"type": "magiclink", "email": email})
    assert link.properties.hashed_token and link.user.email == email
    admin.delete_user(user.id)
    with pytest.raises(AuthApiError):
        admin.get_user_by_id(user.id)
