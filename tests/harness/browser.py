"""Headless Chromium, with a virtual authenticator where a test needs one."""

from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

MODULES = Path(__file__).parents[1] / "clients/node_modules"
SUPABASE_JS = MODULES / "@supabase/supabase-js/dist/umd/supabase.js"
AXE = MODULES / "axe-core/axe.min.js"
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield made
        made.close()


def add_authenticator(page, **more) -> tuple:
    """A platform authenticator that answers by itself; the CDP session and its id."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **more,
    }
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def barriers(page) -> list:
    """What would stand in somebody's way, by axe. The page's policy must be bypassed."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
