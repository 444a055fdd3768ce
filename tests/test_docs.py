"""The documentation page in a real browser: what it shows, what it sends, and that anybody can use it."""

import json
import os

import httpx
import pytest

from harness.browser import AXE, chromium
from harness.server import Project, Server
from test_openapi import SCHEMA

ROWS = """
insert into public.shelves (name) values ('Top <b>shelf</b>');
insert into public.goods (shelf_id, title, price) values (1, 'Kettle', 12.50);
"""


@pytest.fixture(scope="module")
def server():
    project = Project({"migrations/0001_schema.sql": SCHEMA + ROWS}, '[api]\nschemas = ["public", "other"]\n')
    with Server(project) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


def opened(server, browser, **options):
    """The page, and a check that it neither complained nor asked anybody else for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, **options)
    page = context.new_page()
    complaints, requests = [], []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda sent: requests.append(sent.url))
    page.goto(f"{server.url}/docs")
    page.wait_for_selector("body[data-ready=true]")

    def finish(tolerated: str = "none"):
        context.close()
        assert not [said for said in complaints if tolerated not in said]
        assert not [url for url in requests if not url.startswith((server.url, "data:"))]

    return page, finish


@pytest.fixture
def page(server, browser):
    made, finish = opened(server, browser)
    yield made
    finish()


def shot(page, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("BACKSTAY_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def names(page) -> list[str]:
    return page.locator("nav a bdi").all_text_contents()


def choose(page, name: str) -> None:
    page.locator("nav a").filter(has=page.get_by_text(name, exact=True)).click()
    page.wait_for_function("name => document.querySelector('h1 bdi')?.textContent === name", arg=name)


def send(page) -> tuple[str, str]:
    page.get_by_role("button", name="Send").click()
    page.wait_for_selector("#answer:not([hidden])")
    return page.text_content("#answer-status"), page.text_content("#answer-body")


def test_what_the_key_may_use_is_listed(page):
    shot(page, "docs-start")
    listed = names(page)
    assert {"goods", "shelves", "cheap", "find_goods", "add_them", "طلبات"} <= set(listed)
    assert "secrets" not in listed


def test_a_table_shows_columns_and_examples(page):
    choose(page, "goods")
    shot(page, "docs-table")
    text = page.text_content("#content")
    for part in ["What can be bought.", "numeric(10,2)", "In euros.", "primary key", "shelves.id", "new, used"]:
        assert part in text, part
    examples = page.locator(".example pre")
    assert "select=*,shelves(*)" in " ".join(examples.all_text_contents())
    page.get_by_label("supabase-js").check()
    assert 'supabase\n  .from("goods")' in examples.first.text_content()
    page.get_by_label("Python").check()
    assert '.table("goods")' in examples.first.text_content()


def test_names_are_shown_as_text(page):
    name = 'a/b "c" <script>{x}'
    choose(page, name)
    assert page.locator("#content script, nav script").count() == 0
    status, _ = send(page)
    assert status == "200 OK"
    choose(page, "طلبات")
    assert send(page)[0] == "200 OK"


def test_every_example_of_reading_works(page):
    for name in ["goods", "shelves", "cheap", "add_them", "find_goods"]:
        choose(page, name)
        for number in range(page.locator(".example").count()):
            page.locator(".example button").nth(number).click()
            if page.input_value("#method") == "GET":
                status, body = send(page)
                assert status == "200 OK", f"{page.input_value('#path')}: {body}"


def test_answers_keep_their_digits(page):
    page.fill("#path", "/rest/v1/goods?select=title,price,shelves(name)")
    status, body = send(page)
    assert status == "200 OK"
    assert '"price": 12.50' in body
    assert json.loads(body)[0]["shelves"] == {"name": "Top <b>shelf</b>"}
    assert "content-type: application/json; charset=utf-8" in page.text_content("#answer-headers")


def test_another_key_shows_more_and_is_not_kept(page, server):
    page.get_by_label("Key or token").fill(server.keys["secret"])
    page.get_by_role("button", name="Use this key").click()
    page.wait_for_function("() => [...document.querySelectorAll('nav bdi')].some(one => one.textContent === 'secrets')")
    choose(page, "goods")
    shot(page, "docs-secret")
    assert server.keys["secret"] not in page.text_content("#content")
    page.get_by_role("button", name="Try: Insert a row").click()
    assert send(page)[0] == "201 Created"
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_a_wrong_key_is_told(server, browser):
    page, finish = opened(server, browser)
    page.get_by_label("Key or token").fill("sb_secret_wrong")
    page.get_by_role("button", name="Use this key").click()
    page.wait_for_selector("#status.bad")
    assert page.text_content("#status") == "Invalid API key"
    # The browser itself complains about the answer that was asked for.
    finish(tolerated="401")


def test_another_schema_can_be_chosen(page):
    page.get_by_label("Schema").select_option("other")
    page.wait_for_function("() => document.querySelectorAll('nav a').length === 1")
    choose(page, "things")
    assert send(page)[0] == "200 OK"


def test_the_policy_of_the_page_is_strict(server):
    answer = httpx.get(f"{server.url}/docs")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", "#/relation/goods", "#/function/find_goods"])
def test_nothing_stands_in_anybodys_way(server, browser, scheme, address):
    # The policy of the page allows no foreign script, the checker's included.
    page, finish = opened(server, browser, color_scheme=scheme, bypass_csp=True)
    page.evaluate("address => { window.location.hash = address }", address)
    page.wait_for_function("address => Boolean(document.querySelector('h1 bdi')) === (address !== '')", arg=address)
    send(page)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    shot(page, f"docs-{scheme}-{len(address)}")
    finish()
    assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]


def test_it_fits_a_telephone(server, browser):
    page, finish = opened(server, browser)
    page.set_viewport_size({"width": 390, "height": 844})
    choose(page, "goods")
    shot(page, "docs-telephone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finish()
