"""The pages about sign-in in `docs/` work as written: settings, migrations, commands and programs."""

import json
import re

import pytest

from harness.auth import AuthServer
from harness.guide import Shell, of, page, settings
from harness.server import Project, Server

PAGES = ["auth.md", "auth-providers.md", "auth-hooks.md", "auth-oauth-server.md", "hardening.md", "migrating-users.md"]
SECRETS = {
    name: "v1,whsec_c2VjcmV0IG9mIHRoZSBndWlkZSBmb3IgaG9va3M="
    for name in ["SMTP_PASSWORD", "HOOK_SECRET", "GITHUB_SECRET", "CITY_SECRET", "CAPTCHA_SECRET", "DEVISE_PEPPER"]
}
# What the examples speak of without making it.
TABLES = """
create role clerk;
grant clerk to authenticator;
create table orders (id int primary key);
create table invoices (id int primary key);
alter table orders enable row level security;
alter table invoices enable row level security;
"""

# Around the programs of the pages: what they take as given, and what is looked at afterwards.
PROGRAM = """
const PUBLISHABLE_KEY = process.env.KEY, site = 'http://127.0.0.1:8000'
const refused = [], sent = [], request = globalThis.fetch
globalThis.fetch = async (...what) => {
  const answer = await request(...what)
  if (answer.status >= 400) refused.push(`${what[0]}: ${answer.status} ${await answer.clone().text()}`)
  return answer
}
process.on('uncaughtException', (error) => { console.error(refused, error); process.exit(1) })
const target = async (url) => (await request(url, { redirect: 'manual' })).headers.get('location')
async function code() {
  for (;;) {
    const mails = await (await request(`${site}/dev/mail.json`)).json()
    const found = mails.find((mail) => mail.to === 'ann@example.com')?.text.match(/Your code: (\\d+)/)
    if (found) return found[1]
  }
}
%(first)s
const admin = createClient(site, process.env.SECRET_KEY)
const signInWithOAuth = client.auth.signInWithOAuth.bind(client.auth)
client.auth.signInWithOAuth = async (how) => {
  const answer = await signInWithOAuth(how)
  sent.push(await target(answer.data.url))
  return answer
}
globalThis.location = { href: `${site}/welcome` }
{ %(pages)s }
{ %(provider)s }
const application = await (async () => { %(client)s; return data })()
const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('v'.repeat(64)))).toString('base64url')
const asked = new URLSearchParams({
  response_type: 'code', client_id: application.client_id, redirect_uri: 'https://stock.example/callback',
  scope: 'email', code_challenge: challenge, code_challenge_method: 'S256',
})
const id = new URL(await target(`${site}/auth/v1/oauth/authorize?${asked}`)).searchParams.get('authorization_id')
{ %(consent)s }
const granted = (await client.auth.oauth.listGrants()).data
await client.auth.oauth.revokeGrant({ clientId: application.client_id })
console.log(JSON.stringify({
  refused, sent,
  profiles: (await client.from('profiles').select('name')).data,
  plan: (await client.auth.getClaims()).data.claims.plan,
  granted: granted.map((grant) => grant.client.name),
  left: (await client.auth.oauth.listGrants()).data,
}))
process.exit()
"""


@pytest.fixture(scope="module")
def site():
    pages = ["auth.md", "auth-hooks.md", "auth-oauth-server.md", "hardening.md", "migrations.md"]
    parts = [TABLES, *(text for name in pages for text in of(name, "sql"))]
    files = {f"migrations/{number:04}_part.sql": text for number, text in enumerate(parts, 2)}
    wanted = {
        name.removeprefix("auth."): value
        for name, value in (settings("auth-providers.md") | settings("auth-oauth-server.md") | settings("auth-hooks.md")).items()
        if "before_user_created" not in name
    }
    with AuthServer(files, SECRETS, **wanted) as running:
        yield running


@pytest.fixture(scope="module")
def shell(site):
    return Shell(site)


def test_settings_of_the_pages_are_taken_all_together():
    wanted = {}
    for name in PAGES:
        wanted |= settings(name)
    # The file is made by another example.
    del wanted["auth.signing_keys_path"]
    assert len(wanted) > 30
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in wanted.items())
    with Server(Project({"migrations/0001_none.sql": "select 1;"}, lines), environment=SECRETS) as running:
        told = running.client.get(f"{running.url}/auth/v1/settings", headers=running.headers()).json()
        assert told["external"]["github"] is True and told["external"]["phone"] is True


def test_a_signing_key_is_made_as_written():
    (making,) = of("auth.md", "sh")
    with AuthServer() as server:
        Shell(server).run(making)
        server.stop()
        name = settings("auth.md")["auth.signing_keys_path"]
        server.project.write({"backstay.toml": f'[auth]\nsigning_keys_path = "{name}"\n'})
        server.start()
        (key,) = server.auth("GET", "/.well-known/jwks.json").json()["keys"]
        assert key["alg"] == "ES256" and "d" not in key
        assert server.signed_in()["user"]["aud"] == "authenticated"


def test_commands_about_users_do_what_they_say(shell):
    (text,) = of("auth.md", "console")
    said = shell.console(text.replace("ann", "carl")).splitlines()
    assert len(said) == 6 and all("carl@example.com" in line for line in said)
    assert said[3].endswith("banned") and "clerk" in said[4]


def test_a_secret_of_a_hook_is_made_as_written(shell):
    (text,) = of("auth-hooks.md", "console")
    assert re.fullmatch(r"v1,whsec_[A-Za-z0-9+/=]{44}", shell.console(text))


def test_commands_that_import_users_exist(site, shell):
    *others, anything = of("migrating-users.md", "console")
    commands = [
        line.split("#")[0].removeprefix("$ ") for text in others for line in text.splitlines() if "backstay" in line
    ]
    assert len(commands) > 10
    shell.run("\n".join(f"{command} --help" for command in commands))
    hash = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
    site.project.write({"users.csv": f"email,password_hash,city\ndora@example.com,{hash},Bern\n"})
    said = shell.console(anything)
    assert "1 of 1 can be imported" in said and "1 of 1 imported" in said


def test_a_user_of_the_seed_signs_in(site):
    assert site.sign_in("bob@example.com")["user"]["id"].startswith("22222222")


def test_a_front_end_elsewhere_is_a_target_once_it_is_listed():
    allowed = re.search(r"`additional_redirect_urls = (\[.*?\])`", page("docs/auth.md"))[1]
    with AuthServer(additional_redirect_urls=json.loads(allowed)) as server:
        for target, shown in [("http://localhost:5173/posts", "5173"), ("http://localhost:9999/", str(server.port))]:
            answer = server.auth("GET", f"/authorize?provider=backstay&redirect_to={target}")
            assert shown in answer.headers["location"].split("redirect_to=")[1]


def test_programs_of_the_pages_sign_in_and_consent(shell):
    first, pages = of("auth.md", "js")
    client, consent = of("auth-oauth-server.md", "js")
    (provider,) = of("auth-providers.md", "js")
    parts = {"first": first.replace("'123456'", "await code()"), "pages": pages, "provider": provider, "client": client, "consent": consent}
    said = json.loads(shell.javascript(PROGRAM % parts))
    assert said["refused"] == []
    assert said["profiles"] == [{"name": "Ann"}] and said["plan"] == "free"
    assert "/auth/sign-up?" in said["sent"][0] and said["sent"][1].startswith("https://github.com/login/oauth/authorize?")
    assert said["granted"] == ["Stock keeper"] and said["left"] == []
