"""The example shop: its page in a real browser, and who may see and change what."""

import os
import re
import shutil
import time

import httpx
import pytest

from harness.browser import SUPABASE_JS, chromium
from harness.server import ROOT, Project, Server

ADA = "00000000-0000-4000-8000-000000000001"
BEN = "00000000-0000-4000-8000-000000000002"
EVE = "00000000-0000-4000-8000-000000000003"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shop(request, databases):
    project = Project.copy_of(ROOT / "examples/shop")
    script = project.folder / "public/vendor/supabase.js"
    if not script.exists():
        script.parent.mkdir(exist_ok=True)
        shutil.copy(SUPABASE_JS, script)
    with Server(project, "dev", databases.environment(request.param)) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def page(shop, browser):
    """The shop's page; the test fails if it complained or asked anybody else for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    complaints, requests = [], []
    opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("response", lambda got: complaints.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    opened.on("request", lambda sent: requests.append(sent.url))
    opened.goto(shop.url)
    opened.wait_for_selector("body[data-ready=true]")
    yield opened
    context.close()
    assert not complaints
    foreign = [url for url in requests if not url.startswith((shop.url, "data:", "blob:"))]
    assert not foreign


def titles(page) -> list[str]:
    return page.locator("#goods h3").all_text_contents()


def wait_for_text(page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent.includes(text)", arg=[selector, text]
    )


def goods(shop, query: str, who="anon"):
    answer = shop.rest("GET", f"/goods?{query}", who)
    assert answer.status_code in (200, 206), answer.text
    return answer.json()


def test_page_shows_goods_of_every_category(shop, page, tmp_path):
    shelves = page.locator("#shelves button")
    names = [shelf["name"] for shelf in shop.rest("GET", "/categories?select=name&order=position").json()]
    shown = [text for text in page.locator("#shelves button span:first-child").all_text_contents()]
    assert shown == ["All goods", *names]
    assert titles(page) == [good["title"] for good in goods(shop, "select=title&order=title,id&limit=12")]
    page.screenshot(path=str(tmp_path / "shop.png"), full_page=True)
    print("screenshot", tmp_path / "shop.png")
    shelves.filter(has_text="Lamps").click()
    wait_for_text(page, "#title", "Lamps")
    lamps = goods(shop, "select=title,categories!inner()&categories.name=eq.Lamps&order=title,id&limit=12")
    page.wait_for_function("title => document.querySelector('#goods h3').textContent === title", arg=lamps[0]["title"])
    assert titles(page) == [good["title"] for good in lamps]


def test_page_turns_pages(shop, page):
    first = titles(page)
    page.click("#next")
    wait_for_text(page, "#where", "13 to 24")
    second = titles(page)
    assert second == [good["title"] for good in goods(shop, "select=title&order=title,id&limit=12&offset=12")]
    page.click("#back")
    wait_for_text(page, "#where", "1 to 12")
    assert titles(page) == first
    total = int(shop.rest("HEAD", "/goods", headers={"Prefer": "count=exact"}).headers["content-range"].split("/")[1])
    assert page.text_content("#where").strip().endswith(f"of {total}")


def test_page_searches(shop, page):
    page.fill("#words", "turntable")
    wanted = goods(shop, "select=title&title=ilike.*turntable*&order=title,id&limit=12")
    page.wait_for_function("() => [...document.querySelectorAll('#goods h3')].every(t => /turntable/i.test(t.textContent))")
    assert titles(page) == [good["title"] for good in wanted] != []
    page.fill("#words", "no such thing")
    wait_for_text(page, "#status", "Nothing found")
    assert titles(page) == []


def test_page_fits_a_telephone(shop, browser, tmp_path):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    opened = context.new_page()
    opened.goto(shop.url)
    opened.wait_for_selector("body[data-ready=true]")
    opened.screenshot(path=str(tmp_path / "telephone.png"))
    print("screenshot", tmp_path / "telephone.png")
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def wait_for_mail(shop, to: str) -> dict:
    for _ in range(200):
        found = [mail for mail in httpx.get(f"{shop.url}/dev/mail.json").json() if mail["to"] == to]
        if found:
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"no mail to {to}")


def shot(page, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("BACKSTAY_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_customer_signs_up_orders_and_signs_out(shop, page):
    email = "carla@example.com"
    page.click("text=Create account")
    page.wait_for_selector("text=Create an account")
    shot(page, "shop-sign-up")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", "correct horse battery")
    page.click("button.main")
    page.wait_for_selector("text=Check your mail")
    link = re.search(r"https?://\S+/verify\S+", wait_for_mail(shop, email)["text"])[0]
    page.goto(link)
    wait_for_text(page, "#account", email)
    page.click("text=Sign out")
    wait_for_text(page, "#account", "Sign in")
    page.click("text=Sign in")
    page.wait_for_selector("h1:text('Sign in')")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", "correct horse battery")
    page.click("button.main")
    wait_for_text(page, "#account", email)
    wait_for_text(page, "#account", "Basket (0)")
    page.wait_for_selector("body[data-ready=true]")
    first, second = page.locator(".add:enabled").all()[:2]
    first.click()
    wait_for_text(page, "#account", "Basket (1)")
    second.click()
    wait_for_text(page, "#account", "Basket (2)")
    first.click()
    wait_for_text(page, "#account", "Basket (3)")
    page.click("text=Basket (3)")
    wait_for_text(page, "#panel-title", "Basket")
    shot(page, "shop-basket")
    total = page.text_content("#panel-content .price").removeprefix("Total ")
    page.click("#panel >> text=Order")
    wait_for_text(page, "#panel-title", "Orders")
    shot(page, "shop-orders")
    # Others have ordered too; the seed made their orders.
    assert page.locator("#panel-content section").count() == 1
    assert total in page.text_content("#panel-content")
    wait_for_text(page, "#account", "Basket (0)")
    page.click("[aria-label=Close]")
    page.click("text=Sign out")
    wait_for_text(page, "#account", "Sign in")
    assert email not in page.text_content("body")
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.includes('auth-token'))") == []


def test_visitors_see_listed_goods_only_and_change_nothing(shop):
    assert goods(shop, "select=id&listed=is.false") == []
    assert shop.rest("PATCH", "/goods?id=eq.1", json_body={"price": 1}, headers={"Prefer": "return=representation"}).json() == []
    assert shop.rest("DELETE", "/goods?id=eq.1").status_code == 204
    made = shop.rest("POST", "/goods", json_body={"category_id": 1, "sku": "X", "title": "X", "price": 1})
    assert made.status_code == 401 and made.json()["code"] == "42501"
    assert len(goods(shop, "select=id&id=eq.1")) == 1


def test_shelves_count_what_the_reader_may_see(shop):
    audio = "/shelves?select=goods&slug=eq.audio"
    visitor, editor = (shop.rest("GET", audio, who).json()[0]["goods"] for who in ("anon", EVE))
    assert visitor == len(goods(shop, "select=id&category_id=eq.1&limit=1000"))
    assert editor == len(goods(shop, "select=id&category_id=eq.1&limit=1000", EVE)) > visitor


def test_customers_see_their_own_basket_and_orders_only(shop):
    baskets = "/baskets?select=customer_id,basket_lines(good_id,quantity)&basket_lines.order=good_id"
    assert shop.rest("GET", baskets, ADA).json() == [
        {"customer_id": ADA, "basket_lines": [{"good_id": 3, "quantity": 1}, {"good_id": 151, "quantity": 2}]}
    ]
    assert shop.rest("GET", baskets, BEN).json() == []
    assert shop.rest("GET", "/basket_lines", BEN).json() == []
    for who in (ADA, BEN):
        orders = shop.rest("GET", "/orders?select=customer_id,order_total,order_lines(amount)", who).json()
        assert [order["customer_id"] for order in orders] == [who]
        assert round(sum(line["amount"] for line in orders[0]["order_lines"]), 2) == orders[0]["order_total"] > 0
    assert shop.rest("GET", "/orders").json() == []
    assert [row["name"] for row in shop.rest("GET", "/customers?select=name", BEN).json()] == ["Ben"]


def test_customer_fills_a_basket_and_orders(shop):
    keep = {"Prefer": "return=representation"}
    basket = shop.rest("POST", "/baskets", BEN, json_body={}, headers=keep)
    assert basket.status_code == 201, basket.text
    made = basket.json()[0]
    assert made["customer_id"] == BEN
    line = {"basket_id": made["id"], "good_id": 5, "quantity": 2}
    assert shop.rest("POST", "/basket_lines", BEN, json_body=line).status_code == 201
    assert shop.rest("POST", "/basket_lines", ADA, json_body={**line, "good_id": 6}).status_code == 403
    too_many = shop.rest("PATCH", f"/basket_lines?basket_id=eq.{made['id']}", BEN, json_body={"quantity": 100})
    assert too_many.status_code == 400 and too_many.json()["code"] == "23514"
    order = shop.rest("POST", "/orders", BEN, json_body={}, headers=keep).json()[0]
    assert (order["customer_id"], order["state"]) == (BEN, "placed")
    [good] = goods(shop, "select=price&id=eq.5")
    bought = {"order_id": order["id"], "good_id": 5, "quantity": 3}
    cheap = shop.rest("POST", "/order_lines", BEN, json_body={**bought, "unit_price": "0.01"})
    assert cheap.status_code == 403 and cheap.json()["code"] == "42501", cheap.text
    line = shop.rest("POST", "/order_lines", BEN, json_body={**bought, "unit_price": good["price"]}, headers=keep)
    assert line.json()[0]["amount"] == round(3 * good["price"], 2)
    paid = shop.rest("PATCH", f"/orders?id=eq.{order['id']}", BEN, json_body={"state": "paid"}, headers=keep)
    assert paid.json() == []
    stolen = shop.rest("POST", "/orders", BEN, json_body={"customer_id": ADA})
    assert stolen.status_code == 403


def test_editor_changes_goods_and_visitors_see_it(shop):
    keep = {"Prefer": "return=representation"}
    good = {"category_id": 2, "sku": "NEW-1", "title": "A new book", "price": "12.50", "tags": ["new"]}
    made = shop.rest("POST", "/goods", EVE, json_body=good, headers=keep)
    assert made.status_code == 201, made.text
    assert '"price":12.50' in made.text
    number = made.json()[0]["id"]
    changed = shop.rest("PATCH", f"/goods?id=eq.{number}", EVE, json_body={"stock": 4}, headers=keep)
    assert changed.json()[0]["stock"] == 4
    assert goods(shop, "select=title,stock&sku=eq.NEW-1") == [{"title": "A new book", "stock": 4}]
    shop.rest("PATCH", f"/goods?id=eq.{number}", EVE, json_body={"listed": False})
    assert goods(shop, "sku=eq.NEW-1") == []
    again = shop.rest("POST", "/goods", EVE, json_body=good)
    assert again.status_code == 409 and again.json()["code"] == "23505"
    assert shop.rest("DELETE", f"/goods?id=eq.{number}", EVE).status_code == 204
    assert goods(shop, "sku=eq.NEW-1", EVE) == []


def test_nobody_reads_who_the_editors_are(shop):
    assert shop.rest("GET", "/editors", EVE).json() == []
    assert shop.rest("POST", "/rpc/is_editor", EVE, json_body={}).json() is True
    assert shop.rest("POST", "/rpc/is_editor", ADA, json_body={}).json() is False
