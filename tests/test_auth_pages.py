"""The hosted pages: in a browser with and without scripts, with the unmodified client on the site that they return to."""

import html
import os
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import jwt
import pyotp
import pytest

from harness.auth import PASSWORD, AuthServer, fresh_email
from harness.browser import SUPABASE_JS, add_authenticator, barriers, chromium

# A site that signs in on the pages and tells who is there.
SITE = """<!doctype html>
<html lang="en"><title>Site</title><script src="/supabase.js"></script><script>
(async () => {
  const {publishableKey} = await (await fetch('/backstay.json')).json()
  globalThis.db = supabase.createClient(location.origin, publishableKey, {auth: {flowType: '%s', experimental: {passkey: true}}})
  const {data} = await db.auth.getSession()
  globalThis.enter = (more = {}) => db.auth.signInWithOAuth({provider: 'backstay', options: {redirectTo: location.origin + location.pathname, ...more}})
  document.body.dataset.who = data.session?.user.email ?? 'nobody'
  document.body.dataset.aal = data.session ? JSON.parse(atob(data.session.access_token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).aal : ''
})()
</script><body><h1>Site</h1></body></html>"""
FILES = {
    "public/implicit.html": SITE % "implicit",
    "public/pkce.html": SITE % "pkce",
    "public/supabase.js": SUPABASE_JS.read_text(),
}
SETTINGS = {
    "passkey__enabled": True,
    "external__github__enabled": True,
    "external__github__client_id": "x",
    # Browsers know keys on this machine by its name only.
    "additional_redirect_urls": ["http://localhost:*/**"],
}
# Of a machine that does other things too, in milliseconds.
PATIENCE = 120_000
SCREENSHOTS = os.environ.get("BACKSTAY_SCREENSHOTS")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    with AuthServer(FILES, databases.environment(request.param), **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def embedded():
    """For what does not depend on the engine."""
    with AuthServer(FILES, **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser):
    """A browser that has a look at what the page complains of."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    complaints = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    # A refused form is a page with a status of its own, which the browser mentions.
    assert not [said for said in complaints if "Failed to load resource" not in said]


def enter(server, page, site: str = "implicit", more: str = "{}") -> None:
    page.goto(f"{server.url}/{site}.html")
    page.wait_for_selector("body[data-who]")
    with page.expect_navigation(url=re.compile("/auth/sign-")):
        page.evaluate(f"enter({more})")


def fill(page, **fields) -> None:
    for name, value in fields.items():
        page.fill(f"input[name={name}]", value)
    page.click("button.main")


def who(page) -> str:
    page.wait_for_selector("body[data-who]")
    return page.get_attribute("body", "data-who")


@pytest.mark.parametrize("site", ["implicit", "pkce"])
def test_a_password_signs_in_and_the_browser_returns_to_the_site(server, page, site):
    email = server.new_user()["email"]
    enter(server, page, site)
    assert page.title() == "Sign in"
    returned = []
    page.on("request", lambda sent: returned.append(sent.url) if f"/{site}.html" in sent.url else None)
    fill(page, email=email, password=PASSWORD)
    assert who(page) == email
    assert page.url.split("#")[0].split("?")[0] == f"{server.url}/{site}.html"
    assert ("code=" in returned[0]) == (site == "pkce") and "access_token" not in urlsplit(returned[0]).query
    assert page.evaluate("db.auth.refreshSession().then(({error}) => error)") is None
    assert page.evaluate("db.auth.signOut().then(({error}) => error)") is None


def test_the_pages_work_without_scripts(server, browser):
    email = fresh_email()
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    target = f"{server.url}/implicit.html"
    page.goto(f"{server.url}/auth/sign-up?redirect_to={quote(target)}")
    fill(page, email=email, password=PASSWORD)
    assert page.text_content("h1") == "Check your mail" and email in page.text_content("main")
    page.fill("input[name=code]", "000000")
    page.click("button.main")
    assert page.text_content("#code-error") and page.get_attribute("#code", "aria-describedby").strip() == "code-error"
    page.click("text=Send it again")
    assert page.text_content("[role=status]")
    fill(page, code=server.code(email))
    assert page.url.startswith(f"{target}#access_token=")
    page.goto(f"{server.url}/auth/sign-in?redirect_to={quote(target)}")
    assert page.is_hidden("text=Sign in with a passkey")
    fill(page, email=email, password=PASSWORD)
    assert page.url.startswith(f"{target}#access_token=")
    context.close()


@pytest.mark.parametrize("site", ["implicit", "pkce"])
def test_the_link_of_a_sign_up_leads_to_the_site(server, page, site):
    email = fresh_email()
    enter(server, page, site, "{queryParams: {page: 'sign-up'}}")
    fill(page, email=email, password=PASSWORD)
    page.wait_for_selector("text=Check your mail")
    page.goto(server.link(email))
    assert who(page) == email


def test_a_code_by_mail_signs_in(server, page):
    email = server.new_user()["email"]
    enter(server, page)
    page.fill("input[name=email]", email)
    page.click("text=Mail me a code instead")
    page.wait_for_selector("text=Check your mail")
    fill(page, code=server.code(email))
    assert who(page) == email


def test_an_unknown_address_is_answered_like_a_known_one(server, page):
    seen = set()
    for email in (server.new_user()["email"], fresh_email("unknown")):
        for path, button in (("sign-in", "text=Mail me a code instead"), ("reset", "button.main")):
            page.goto(f"{server.url}/auth/{path}")
            page.fill("input[name=email]", email)
            page.click(button)
            page.wait_for_selector("text=Check your mail")
            seen.add((path, page.text_content("main").replace(email, "")))
    assert len(seen) == 2


@pytest.mark.parametrize("by", ["code", "link"])
def test_a_forgotten_password_is_replaced(server, page, browser, by):
    email = server.new_user()["email"]
    enter(server, page)
    page.click("text=Forgot your password?")
    fill(page, email=email)
    page.wait_for_selector("text=Check your mail")
    if by == "code":
        fill(page, code=server.code(email))
    else:
        page.goto(server.link(email))
    page.wait_for_selector("text=Choose a new password")
    assert email in page.text_content("main")
    fill(page, password="123456")
    assert page.text_content("#password-error")
    fill(page, password="another one entirely")
    assert who(page) == email
    server.sign_in(email, "another one entirely")
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    stranger = context.new_page()
    stranger.goto(server.link(email))
    assert "not good any more" in stranger.text_content("main")
    context.close()


def with_app(server) -> tuple[str, pyotp.TOTP]:
    """The address of a user with an authenticator app, and the app."""
    session = server.signed_in()
    token = session["access_token"]
    factor = server.auth("POST", "/factors", {"factor_type": "totp", "friendly_name": "app"}, token=token).json()
    app = pyotp.TOTP(factor["totp"]["secret"])
    challenge = server.auth("POST", f"/factors/{factor['id']}/challenge", {}, token=token).json()
    body = {"challenge_id": challenge["id"], "code": app.at(time.time() - 30)}
    assert server.auth("POST", f"/factors/{factor['id']}/verify", body, token=token).status_code == 200
    return session["user"]["email"], app


@pytest.mark.parametrize("site", ["implicit", "pkce"])
def test_a_second_factor_is_asked_for(server, page, site):
    email, app = with_app(server)
    enter(server, page, site)
    fill(page, email=email, password=PASSWORD)
    page.wait_for_selector("text=Confirm that it is you")
    fill(page, code="000000")
    assert page.text_content(".error") == "This code is not right."
    fill(page, code=app.now())
    assert who(page) == email
    assert page.get_attribute("body", "data-aal") == "aal2"


def test_an_app_is_set_up(server, page):
    email = server.new_user()["email"]
    page.goto(f"{server.url}/auth/sign-in?redirect_to={quote('/auth/mfa?redirect_to=' + quote(server.url + '/implicit.html', ''), '')}")
    fill(page, email=email, password=PASSWORD)
    page.wait_for_selector("text=Set up an app")
    page.click("button.main")
    assert page.is_visible(".qr svg")
    secret = page.text_content(".secret code")
    fill(page, code="000000")
    assert page.text_content(".secret code") == secret and page.text_content(".error")
    fill(page, code=pyotp.TOTP(secret).now())
    assert who(page) == email
    assert page.get_attribute("body", "data-aal") == "aal2"


def test_a_passkey_signs_in_on_the_page(server, page):
    origin = server.url.replace("127.0.0.1", "localhost")
    add_authenticator(page)
    email = server.new_user()["email"]
    page.goto(f"{origin}/implicit.html")
    page.wait_for_selector("body[data-who]")
    made = page.evaluate(
        f"db.auth.signInWithPassword({{email: '{email}', password: '{PASSWORD}'}}).then(() => db.auth.registerPasskey())"
        ".then(({error}) => error?.message ?? db.auth.signOut()).then((done) => done.error ?? done)"
    )
    assert made == {"error": None} or made is None, made
    page.goto(f"{origin}/auth/sign-in?redirect_to={quote(origin + '/implicit.html')}")
    page.click("text=Sign in with a passkey")
    assert who(page) == email


def test_buttons_of_providers_begin_their_sign_in(server, page):
    enter(server, page, "pkce")
    link = urlsplit(page.get_attribute("text=Continue with GitHub", "href"))
    asked = parse_qs(link.query)
    assert link.path == "v1/authorize" and asked["provider"] == ["github"]
    assert asked["redirect_to"] == [f"{server.url}/pkce.html"] and asked["code_challenge_method"] == ["s256"]


PAGES = ["sign-in", "sign-up", "reset", "code", "password", "mfa", "mfa/setup", "sign-out", "wrong"]


def open_page(server, page, name: str) -> None:
    """The page, in the state that shows the most of it."""
    address = f"{server.url}/auth/"
    if name == "code":
        page.goto(f"{address}reset")
        fill(page, email=fresh_email())
    elif name == "password":
        email = server.new_user()["email"]
        server.auth("POST", f"/recover?redirect_to={quote(address + 'password', '')}", {"email": email})
        page.goto(server.link(email))
    elif name == "mfa":
        email, _ = with_app(server)
        page.goto(f"{address}sign-in")
        fill(page, email=email, password=PASSWORD)
    elif name == "mfa/setup":
        page.goto(f"{address}sign-in?redirect_to=/auth/mfa")
        fill(page, email=server.new_user()["email"], password=PASSWORD)
        page.click("button.main")
    elif name == "wrong":
        page.goto(f"{address}sign-up")
        fill(page, email=fresh_email(), password="password")
    else:
        page.goto(f"{address}{name}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_stands_in_anybodys_way(embedded, browser, scheme, width):
    for name in PAGES:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        open_page(embedded, page, name)
        if SCREENSHOTS:
            page.screenshot(path=str(Path(SCREENSHOTS) / f"{name.replace('/', '-')}-{scheme}-{width}.png"), full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert barriers(page) == [], name
        context.close()


def test_the_keyboard_is_enough(server, page):
    email = server.new_user()["email"]
    enter(server, page)
    page.focus("input[name=email]")
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]:visible")
    assert page.input_value("input[name=email]") == email
    page.focus("input[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    assert who(page) == email


# Attacks, over plain HTTP.


class Visitor:
    """A browser without any manners: it keeps cookies and finds the token of a form."""

    def __init__(self, server):
        self.server = server
        self.client = httpx.Client(base_url=f"{server.url}/auth", timeout=60)

    def token(self, path: str) -> str:
        return html.unescape(re.search(r'name="csrf" value="([^"]*)"', self.client.get(path).text)[1])

    def post(self, path: str, token: str | None = None, **fields) -> httpx.Response:
        form = {"csrf": self.token(path) if token is None else token, **fields}
        return self.client.post(path, data=form)


def test_w_a_form_of_another_visit_is_refused(server):
    email = server.new_user()["email"]
    ours, theirs = Visitor(server), Visitor(server)
    for token in ("", "x", theirs.token("/sign-in")):
        ours.token("/sign-in")
        answer = ours.post("/sign-in", token=token, email=email, password=PASSWORD)
        assert answer.status_code == 403 and "location" not in answer.headers, token
    cookieless = httpx.post(
        f"{server.url}/auth/sign-in", data={"csrf": theirs.token("/sign-in"), "email": email, "password": PASSWORD}
    )
    assert cookieless.status_code == 403
    cookie = ours.client.get("/sign-in").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/auth" in cookie


def test_a31_a_visit_from_before_the_sign_in_stays_nobodys(server):
    email = server.new_user()["email"]
    visitor = Visitor(server)
    token = visitor.token("/sign-in?redirect_to=/auth/sign-out")
    planted = dict(visitor.client.cookies)
    done = visitor.post("/sign-in?redirect_to=/auth/sign-out", token=token, email=email, password=PASSWORD)
    assert done.status_code == 303 and done.headers["location"] == "/auth/sign-out"
    assert "You are signed in" in visitor.client.get("/sign-out").text
    thief = Visitor(server)
    thief.client.cookies.update(planted)
    assert "You are not signed in" in thief.client.get("/sign-out").text
    assert thief.client.get("/password").status_code == 403
    # The token of the form from before is void too.
    assert visitor.post("/sign-out", token=token).status_code == 403
    assert visitor.post("/sign-out").status_code == 303
    assert "You are not signed in" in visitor.client.get("/sign-out").text


def test_a31_a_flow_begun_by_somebody_else_gives_them_nothing(server):
    verifier = "v" * 43
    query = f"?redirect_to={quote(server.url + '/pkce.html', '')}&code_challenge={verifier}&code_challenge_method=plain"
    session = {}
    for _ in range(2):
        visitor = Visitor(server)
        email = server.new_user()["email"]
        done = visitor.post(f"/sign-in{query}", email=email, password=PASSWORD)
        code = parse_qs(urlsplit(done.headers["location"]).query)["code"][0]
        body = {"auth_code": code, "code_verifier": "w" * 43}
        assert server.auth("POST", "/token?grant_type=pkce", body).json()["code"] == "bad_code_verifier"
        answer = server.auth("POST", "/token?grant_type=pkce", {**body, "code_verifier": verifier}).json()
        assert answer["user"]["email"] == email and answer["refresh_token"] != session.get("refresh_token")
        assert server.auth("POST", "/token?grant_type=pkce", {**body, "code_verifier": verifier}).status_code == 404
        session = answer


def test_a19_pages_return_to_allowed_places_only(server):
    email = server.new_user()["email"]
    for target in [
        "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/auth/../evil",
        f"{server.url}@evil.example/", "/auth/v1/logout", "data:text/html,x", "http://evil.example/auth/mfa",
    ]:
        for path in ("/sign-in", "/sign-out"):
            done = Visitor(server).post(f"{path}?redirect_to={quote(target, '')}", email=email, password=PASSWORD)
            assert done.status_code == 303 and done.headers["location"].split("#")[0] == server.url, (path, target)
    entry = server.auth("GET", "/authorize?provider=backstay&redirect_to=https://evil.example/", key="publishable")
    assert entry.status_code == 302 and "evil" not in entry.headers["location"]


def test_a44_pages_stand_in_no_frame_and_run_no_foreign_script(server):
    visitor = Visitor(server)
    for path in ("/sign-in", "/sign-up", "/reset", "/sign-out", "/mfa", "/password", "/consent"):
        answer = visitor.client.get(path, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "DENY" and answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|javascript:|style=", answer.text)


@pytest.mark.parametrize("text", ['"><script>alert(1)</script>', "'onfocus='alert(1)", "{{ 123457 * 7 }}{% raw %}"])
def test_w_what_was_typed_is_inert(server, text):
    visitor = Visitor(server)
    answer = visitor.post("/sign-in", email=text, password=text)
    shown = answer.text.split("<main>")[1]
    assert "<script" not in shown and "'onfocus" not in shown.replace("&#x27;", "") and "864199" not in shown
    for query in (f"?redirect_to={quote(text)}", f"?code_challenge={quote(text)}&code_challenge_method=s256"):
        answer = visitor.client.get(f"/sign-in{query}")
        assert "<script>" not in answer.text and answer.status_code in (200, 400)
    assert "<script>" not in visitor.client.get(f"/consent?authorization_id={quote(text)}", follow_redirects=True).text


def test_w_sealed_cookies_cannot_be_forged(server):
    visitor = Visitor(server)
    visitor.client.get("/sign-in")
    sealed = visitor.client.cookies["backstay-page"]
    for forged in ("", "x", "v1.", sealed[:-2] + "AA", sealed.replace("v1.", "v2."), "A" * 5000):
        stranger = httpx.get(f"{server.url}/auth/sign-out", headers={"Cookie": f"backstay-page={forged}"})
        assert stranger.status_code == 200 and "You are not signed in" in stranger.text


def test_a32_the_pages_give_no_session_before_the_second_factor(server):
    email, _ = with_app(server)
    visitor = Visitor(server)
    done = visitor.post("/sign-in", email=email, password=PASSWORD)
    assert done.headers["location"] == "mfa"
    for path in ("/consent?authorization_id=x", "/password"):
        assert visitor.client.get(path).headers["location"].startswith("mfa?")
    answer = visitor.post("/mfa", code="123456", factor="00000000-0000-0000-0000-000000000000")
    assert answer.status_code == 404 and "access_token" not in answer.text
    reset = Visitor(server)
    reset.post("/reset", email=email)
    done = reset.post("/code", code=server.code(email))
    assert done.headers["location"] == "password"
    assert reset.client.get("/password").headers["location"].startswith("mfa?")


def test_pages_look_as_the_project_says():
    files = {
        "templates/pages/sign-in.html": '{% extends "layout.html" %}{% block title %}Welcome{% endblock %}{% block content %}Ours{% endblock %}',
        "public/theme.css": "main { max-width: 40rem }",
    }
    with AuthServer(files, pages__accent="#ffe000", pages__stylesheet="/theme.css") as server:
        page = html.unescape(httpx.get(f"{server.url}/auth/sign-in").text)
        assert "<h1 id=\"title\">Welcome</h1>" in page and "Ours" in page and '<link rel="stylesheet" href="/theme.css">' in page
        assert "--accent: #ffe000; --on-accent: #000000" in httpx.get(f"{server.url}/auth/style.css").text


def test_buttons_have_the_colour_of_the_project(page):
    with AuthServer(pages__accent="#0a5c48") as server:
        page.goto(f"{server.url}/auth/sign-in")
        colour = page.locator("button").first.evaluate("button => getComputedStyle(button).backgroundColor")
        assert colour == "rgb(10, 92, 72)"


def test_pages_may_be_the_projects_own():
    with AuthServer({"public/auth/sign-in": "ours"}, pages__enabled=False) as server:
        assert httpx.get(f"{server.url}/auth/sign-in").text == "ours"
        answer = server.auth("GET", "/authorize?provider=backstay")
        assert answer.status_code == 400
