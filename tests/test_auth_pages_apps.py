"""Hosted pages in a browser: applications that ask for consent, captchas, phones and keys as second factors."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import jwt
import pytest

from harness.auth import PASSWORD, AuthServer, fresh_email
from harness.browser import add_authenticator, barriers
from harness.hooks import Hooks
from test_auth_oauth_server import CHALLENGE, VERIFIER
from test_auth_pages import FILES, PATIENCE, SCREENSHOTS, browser, fill, page, who  # noqa: F401  (fixtures)
from test_auth_protection import Stub, as_json

PHONE = "447700900123"


@pytest.fixture(scope="module")
def hooks():
    made = Hooks()
    yield made
    made.close()
    assert made.problems == []


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases, hooks):
    more = {
        "oauth_server__enabled": True, "oauth_server__authorization_url_path": "/auth/consent", "passkey__enabled": True,
        "mfa__phone__enroll_enabled": True, "mfa__phone__verify_enabled": True,
        "mfa__web_authn__enroll_enabled": True, "mfa__web_authn__verify_enabled": True,
        "additional_redirect_urls": ["http://localhost:*/**"], **hooks.settings("send_sms"),
    }
    with AuthServer(FILES, databases.environment(request.param), **more) as running:
        yield running


# An application


@pytest.fixture(scope="module")
def app():
    """Somebody else's application: its callback sends the browser on to another site of its own, as many do."""

    def answer(path, _):
        if path.startswith("/callback"):
            return 302, {"Location": app.url.replace("127.0.0.1", "localhost") + path.replace("/callback", "/home")}, b""
        return 200, {"Content-Type": "text/html"}, b"<!doctype html><html lang=en><title>App</title><h1>App</h1></html>"

    with Stub(answer) as app:
        yield app


class Application:
    """What the application knows: itself, and where it sends browsers."""

    def __init__(self, server, app, **more):
        self.server = server
        self.callback = f"{app.url}/callback"
        body = {"client_name": "Stock <b>keeper</b>", "redirect_uris": [self.callback], "client_uri": "https://stock.example", **more}
        self.client = server.admin("POST", "/admin/oauth/clients", body).json()

    def address(self, **more) -> str:
        query = {
            "client_id": self.client["client_id"], "redirect_uri": self.callback, "response_type": "code", "scope": "email profile",
            "state": "s&t", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **more,
        }
        return f"{self.server.url}/auth/v1/oauth/authorize?{urlencode(query)}"

    def back(self, page) -> dict:
        """What the browser brought back."""
        page.wait_for_url("**/home?*")
        return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}

    def redeem(self, code: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback, "code_verifier": VERIFIER}
        return httpx.post(
            f"{self.server.url}/auth/v1/oauth/token", data=form, auth=(self.client["client_id"], self.client["client_secret"])
        )


def test_an_application_is_allowed_on_the_page(server, app, page):
    asking, email = Application(server, app), server.new_user()["email"]
    page.goto(asking.address())
    assert page.title() == "Sign in"
    fill(page, email=email, password="wrong")
    assert page.is_visible("[role=alert]")
    fill(page, email=email, password=PASSWORD)
    page.wait_for_selector("text=Allow Stock <b>keeper</b>?")
    shown = page.text_content("main")
    assert email in shown and "see your e-mail address" in shown and "see your name and picture" in shown and "phone" not in shown
    page.click("button[value=approve]")
    back = asking.back(page)
    assert back["state"] == "s&t" and set(back) == {"state", "code"}
    tokens = asking.redeem(back["code"])
    assert tokens.status_code == 200, tokens.text
    assert jwt.decode(tokens.json()["access_token"], options={"verify_signature": False})["email"] == email
    assert asking.redeem(back["code"]).json()["error"] == "invalid_grant"
    # The same, or less, is not asked for again.
    page.goto(asking.address(scope="email"))
    assert asking.redeem(asking.back(page)["code"]).status_code == 200
    # More is.
    page.goto(asking.address(scope="email phone"))
    page.wait_for_selector("text=see your phone number")


def test_a_user_who_allowed_before_only_signs_in(server, app, browser):
    asking, email = Application(server, app), server.new_user()["email"]
    for time in ("first", "second"):
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        opened = context.new_page()
        opened.goto(asking.address())
        fill(opened, email=email, password=PASSWORD)
        if time == "first":
            opened.click("button[value=approve]")
        assert asking.redeem(asking.back(opened)["code"]).status_code == 200
        context.close()


def test_an_application_is_denied_on_the_page(server, app, page):
    asking, email = Application(server, app), server.new_user()["email"]
    page.goto(asking.address())
    fill(page, email=email, password=PASSWORD)
    page.click("button[value=deny]")
    back = asking.back(page)
    assert back["error"] == "access_denied" and back["state"] == "s&t" and "code" not in back
    # Nothing was allowed by that: the next time it is asked for again, without a password.
    page.goto(asking.address())
    page.wait_for_selector("button[value=approve]")


def test_consent_works_without_scripts(server, app, browser):
    asking, email = Application(server, app), server.new_user()["email"]
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    opened.goto(asking.address())
    fill(opened, email=email, password=PASSWORD)
    opened.click("button[value=approve]")
    assert asking.redeem(asking.back(opened)["code"]).status_code == 200
    context.close()


def test_a_request_of_an_application_that_is_over_is_told(server, app, page):
    page.goto(f"{server.url}/auth/sign-in?redirect_to={quote('/auth/consent?authorization_id=unknown', '')}")
    fill(page, email=server.new_user()["email"], password=PASSWORD)
    page.wait_for_selector("text=This request of an application is over")


# Factors


def session_with_phone(server, hooks, name: str = "") -> dict:
    session = server.signed_in()
    token = session["access_token"]
    made = server.auth("POST", "/factors", {"factor_type": "phone", "phone": PHONE, "friendly_name": name}, token=token).json()
    begun = server.auth("POST", f"/factors/{made['id']}/challenge", {}, token=token).json()
    body = {"challenge_id": begun["id"], "code": hooks.told("send_sms")[-1]["sms"]["otp"]}
    assert server.auth("POST", f"/factors/{made['id']}/verify", body, token=token).status_code == 200
    return session


def at_mfa(server, page, email: str, origin: str | None = None) -> None:
    origin = origin or server.url
    page.goto(f"{origin}/auth/sign-in?redirect_to={quote(origin + '/implicit.html', '')}")
    fill(page, email=email, password=PASSWORD)
    page.wait_for_selector("text=Confirm that it is you")


def test_a_phone_is_asked_for_on_the_page(server, hooks, page):
    email = session_with_phone(server, hooks)["user"]["email"]
    at_mfa(server, page, email)
    sent = len(hooks.told("send_sms"))
    page.click("text=Send a code to your phone")
    assert len(hooks.told("send_sms")) == sent + 1
    assert "Code sent to your phone" in page.text_content("main")
    page.click("text=Send it again")
    assert len(hooks.told("send_sms")) == sent + 2
    told = hooks.told("send_sms")[-1]
    assert told["sms"]["phone"] == PHONE and told["user"]["email"] == email
    code = told["sms"]["otp"]
    fill(page, code="000000" if code != "000000" else "000001")
    assert page.text_content(".error") == "This code is not right."
    fill(page, code=code)
    assert who(page) == email and page.get_attribute("body", "data-aal") == "aal2"


RUN = "async (code) => { const made = await (new Function(`return (async () => { ${code} })()`))(); return made.error?.message ?? null }"


def test_each_of_two_keys_is_good_on_the_page(server, page):
    origin = server.url.replace("127.0.0.1", "localhost")
    email = server.new_user()["email"]
    page.goto(f"{origin}/implicit.html")
    page.wait_for_selector("body[data-who]")
    assert page.evaluate(RUN, f"return db.auth.signInWithPassword({{email: '{email}', password: '{PASSWORD}'}})") is None
    keys = []
    for name in ("blue", "red"):
        session, key = add_authenticator(page, transport="usb")
        assert page.evaluate(RUN, f"return db.auth.mfa.webauthn.register({{friendlyName: '{name}'}})") is None
        credentials = session.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
        keys.append((name, credentials))
        session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    for name, credentials in keys:
        assert page.evaluate(RUN, "return db.auth.signOut()") is None
        session, key = add_authenticator(page, transport="usb")
        for credential in credentials:
            session.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": credential})
        at_mfa(server, page, email, origin)
        page.click(f"text=Use the key {name}")
        assert who(page) == email and page.get_attribute("body", "data-aal") == "aal2", name
        session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    # A key that is not there is told, and the page stays.
    assert page.evaluate(RUN, "return db.auth.signOut()") is None
    add_authenticator(page, transport="usb")
    at_mfa(server, page, email, origin)
    page.click("text=Use the key red")
    page.wait_for_selector("[role=alert]:visible")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_nothing_stands_in_anybodys_way_on_these_pages(server, hooks, app, browser, scheme, width):
    for name in ("consent", "mfa-phone", "mfa-phone-sent"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
        context.set_default_timeout(PATIENCE)
        opened = context.new_page()
        if name == "consent":
            opened.goto(Application(server, app).address())
            fill(opened, email=server.new_user()["email"], password=PASSWORD)
            opened.wait_for_selector("button[value=approve]")
        else:
            at_mfa(server, opened, session_with_phone(server, hooks, "mobile")["user"]["email"])
            if name == "mfa-phone-sent":
                opened.click("text=Send a code")
        if SCREENSHOTS:
            opened.screenshot(path=str(Path(SCREENSHOTS) / f"{name}-{scheme}-{width}.png"), full_page=True)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width, name
        assert barriers(opened) == [], name
        context.close()


# Captchas

# What the scripts of the two providers do: they look for their class and leave a token in the form.
WIDGET = """
function show() {
  for (const box of document.querySelectorAll('.%(kind)s')) {
    const field = document.createElement('input')
    Object.assign(field, {type: 'hidden', name: '%(field)s', value: 'a person for ' + box.dataset.sitekey})
    box.append(field, 'I am a person')
  }
  for (const from of ['%(home)s/asked', 'https://elsewhere.example/asked'])
    fetch(from).catch(() => document.body.dataset.blocked = (document.body.dataset.blocked ?? '') + from)
}
document.readyState === 'loading' ? addEventListener('DOMContentLoaded', show) : show()
"""
PROVIDERS = {
    "hcaptcha": ("h-captcha", "h-captcha-response", "https://js.hcaptcha.com"),
    "turnstile": ("cf-turnstile", "cf-turnstile-response", "https://challenges.cloudflare.com"),
}


@pytest.fixture(scope="module")
def verifier():
    def answer(_, body):
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        return as_json({"success": sent["response"] == "a person for the-site" and sent["secret"] == "theirs"})

    with Stub(answer) as made:
        yield made


@pytest.fixture(scope="module", params=list(PROVIDERS))
def guarded(request, verifier):
    more = {
        "captcha__enabled": True, "captcha__provider": request.param, "captcha__secret": "theirs", "passkey__enabled": True,
        "captcha__verify_url": f"{verifier.url}/verify", "pages__captcha_site_key": "the-site",
        "additional_redirect_urls": ["http://localhost:*/**"],
    }
    with AuthServer(FILES, **more) as running:
        running.provider = request.param
        yield running


@pytest.fixture
def shown(guarded, browser):
    """A page that the provider's script is there for; what it may not load is a complaint of the browser."""
    kind, field, home = PROVIDERS[guarded.provider]
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    opened.asked = []

    def serve(route):
        opened.asked.append(route.request.url)
        script = WIDGET % {"kind": kind, "field": field, "home": home}
        route.fulfill(content_type="text/javascript", body=script, headers={"Access-Control-Allow-Origin": "*"})

    context.route(re.compile("^https://"), serve)
    yield opened
    context.close()


def test_people_show_on_the_pages_that_they_are_no_robots(guarded, shown):
    email, (_, _, home) = fresh_email(), PROVIDERS[guarded.provider]
    target = f"{guarded.url}/implicit.html"
    shown.goto(f"{guarded.url}/auth/sign-up?redirect_to={quote(target, '')}")
    shown.wait_for_selector("text=I am a person")
    # The provider is asked, and nobody else.
    shown.wait_for_selector("body[data-blocked]")
    assert shown.get_attribute("body", "data-blocked") == "https://elsewhere.example/asked"
    assert all(url.startswith(f"{home}/") for url in shown.asked) and len(shown.asked) == 2
    fill(shown, email=email, password=PASSWORD)
    shown.wait_for_selector("text=I am a person")
    shown.click("text=Send it again")
    shown.wait_for_selector("[role=status]")
    fill(shown, code=guarded.code(email))
    assert who(shown) == email
    for button in ("Sign in", "Mail me a code instead"):
        shown.goto(f"{guarded.url}/auth/sign-in?redirect_to={quote(target, '')}")
        shown.wait_for_selector("text=I am a person")
        shown.fill("input[name=email]", email)
        shown.fill("input[name=password]", PASSWORD)
        shown.click(f"button:text('{button}')")
        if button == "Sign in":
            assert who(shown) == email
        else:
            shown.wait_for_selector("text=Check your mail")
    shown.goto(f"{guarded.url}/auth/reset")
    shown.wait_for_selector("text=I am a person")
    fill(shown, email=email)
    shown.wait_for_selector("text=Check your mail")
    assert guarded.mail(email)["subject"] == "Reset your password"


def test_a_form_without_the_captcha_is_refused(guarded, browser):
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    for path in ("sign-in", "sign-up", "reset"):
        opened.goto(f"{guarded.url}/auth/{path}")
        opened.fill("input[name=email]", guarded.new_user()["email"])
        if path != "reset":
            opened.fill("input[name=password]", PASSWORD)
        opened.click("button.main")
        assert opened.text_content("[role=alert]") == "Please show that you are not a robot.", path
    context.close()


def test_a_passkey_signs_in_beside_the_captcha(guarded, shown):
    origin = guarded.url.replace("127.0.0.1", "localhost")
    add_authenticator(shown)
    email = guarded.new_user()["email"]
    session = guarded.admin("POST", "/token?grant_type=password", {"email": email, "password": PASSWORD}).json()
    shown.goto(f"{origin}/implicit.html")
    shown.wait_for_selector("body[data-who]")
    tokens = json.dumps({name: session[name] for name in ("access_token", "refresh_token")})
    assert shown.evaluate(RUN, f"await db.auth.setSession({tokens}); return db.auth.registerPasskey()") is None
    assert shown.evaluate(RUN, "return db.auth.signOut()") is None
    shown.goto(f"{origin}/auth/sign-in?redirect_to={quote(origin + '/implicit.html', '')}")
    shown.wait_for_selector("text=I am a person")
    shown.click("text=Sign in with a passkey")
    assert who(shown) == email
