"""What the server answers to bad input: a 4xx that says what is wrong, and it goes on serving."""

import base64
import hashlib
import hmac
import json
import socket
import time
from pathlib import Path

import jwt
import pytest

from harness.server import Project, Server

SCHEMA = Path(__file__).parent / "conformance" / "shop.sql"
USER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def server():
    with Server(Project({"migrations/0001_shop.sql": SCHEMA.read_text()})) as running:
        yield running


@pytest.fixture(autouse=True)
def still_answers(server):
    """After every case the next request is served."""
    yield
    answer = server.rest("GET", "/brands?select=name&id=eq.1")
    assert (answer.status_code, answer.json()) == (200, [{"name": "Oak"}])


def refused(answer, status, code, message=None):
    """Asserts the status, the code and (if given) the message of an error with its four keys."""
    shown = f"{answer.status_code} {answer.text[:2000]}"
    assert answer.status_code == status, shown
    body = answer.json()
    assert set(body) == {"code", "details", "hint", "message"}, shown
    assert body["code"] == code, shown
    assert isinstance(body["message"], str) and body["message"], shown
    if message is not None:
        assert body["message"] == message, shown


@pytest.mark.parametrize(
    "target,status,code,message",
    [
        ("/products?price=more.3", 400, "PGRST100", '"failed to parse filter (more.3)" (line 1, column 1)'),
        ("/products?price=", 400, "PGRST100", None),
        ("/products?or=(id.eq.1", 400, "PGRST100", None),
        ("/products?or=((((", 400, "PGRST100", None),
        ("/products?select=brands(", 400, "PGRST100", None),
        ("/products?select=)", 400, "PGRST100", None),
        ("/products?order=id.up", 400, "PGRST100", None),
        ("/products?id=in.1,2", 400, "PGRST100", None),
        ("/products?zebra=eq.1", 400, "42703", "column products.zebra does not exist"),
        ("/products?select=zebra", 400, "42703", "column products.zebra does not exist"),
        ("/products?select=brands(zebra)", 400, "42703", "column brands_1.zebra does not exist"),
        ("/products?id=eq.one", 400, "22P02", 'invalid input syntax for type integer: "one"'),
        ("/products?id=in.(1,two)", 400, "22P02", 'invalid input syntax for type integer: "two"'),
        ("/products?id=eq.99999999999999999999", 400, "22003", None),
        ("/products?created_at=eq.someday", 400, "22007", None),
        ("/products?tags=cs.{", 400, "22P02", 'malformed array literal: "{"'),
        ("/products?sold_during=cs.[", 400, "22P02", 'malformed range literal: "["'),
        ("/products?title=match.(", 400, "2201B", "invalid regular expression: parentheses () not balanced"),
        ("/products?title=match.a{3,2}", 400, "2201B", None),
        ("/products?limit=-1", 416, "PGRST103", "Requested range not satisfiable"),
        ("/products?select=zebras(id)", 400, "PGRST200", None),
        ("/products?brands.id=eq.1", 400, "PGRST108", "'brands' is not an embedded resource in this request"),
        ("/zebra", 404, "PGRST205", "Could not find the table 'public.zebra' in the schema cache"),
        ("/pg_class", 404, "PGRST205", None),
        ("/rpc/zebra", 404, "PGRST202", None),
        ("/rpc/pg_sleep?seconds=10", 404, "PGRST202", None),
        ("/a/b/c", 404, "PGRST125", "Invalid path specified in request URL"),
        ("/..%2f..%2fetc%2fpasswd", 404, None, None),
    ],
)
def test_a_bad_url_is_refused(server, target, status, code, message):
    answer = server.rest("GET", target)
    if code is None:
        assert answer.status_code == status, answer.text
    else:
        refused(answer, status, code, message)


@pytest.mark.parametrize(
    "body,status,code,message",
    [
        ("", 400, "PGRST102", "Empty or invalid json"),
        ("{", 400, "PGRST102", "Empty or invalid json"),
        ("{'name': 'x'}", 400, "PGRST102", "Empty or invalid json"),
        ('{"name": "x"} trailing', 400, "PGRST102", "Empty or invalid json"),
        ('[{"name": "a"}, {"country": "b"}]', 400, "PGRST102", "All object keys must match"),
        ('{"zebra": 1}', 400, "PGRST204", "Could not find the 'zebra' column of 'brands' in the schema cache"),
        ('{"name": null}', 400, "23502", None),
        ('{"name": "Oak"}', 409, "23505", 'duplicate key value violates unique constraint "brands_name_key"'),
        ('{"id": "one", "name": "x"}', 400, "22P02", 'invalid input syntax for type integer: "one"'),
        ('{"id": {}, "name": "x"}', 400, "22P02", 'invalid input syntax for type integer: "{}"'),
        ('{"id": 1e400, "name": "x"}', 400, None, None),
        ('{"name": "a\\u0000b"}', 400, "22P05", "unsupported Unicode escape sequence"),
        ('{"name": "\\ud800"}', 400, None, None),
    ],
)
def test_a_bad_body_is_refused(server, body, status, code, message):
    answer = server.rest("POST", "/brands", content=body)
    if code is None:
        assert answer.status_code == status, answer.text
    else:
        refused(answer, status, code, message)
    assert server.rest("GET", "/brands?select=count").json() == [{"count": 3}]


@pytest.mark.parametrize(
    "body,code",
    [
        ({"sku": "X", "title": "t", "price": -1}, "23514"),
        ({"sku": "X", "title": "t", "price": 1, "brand_id": 99}, "23503"),
        ({"sku": "L-1", "title": "t", "price": 1}, "23505"),
        ({"sku": "X", "title": None, "price": 1}, "23502"),
        ({"sku": "X", "title": "t", "price": 1e12}, "22003"),
        ({"sku": "X", "title": "t", "price": 1, "tags": "x"}, "22P02"),
    ],
)
def test_a_violated_constraint_is_refused_and_stores_nothing(server, body, code):
    answer = server.rest("POST", "/products", content=json.dumps([{"sku": "ok", "title": "t", "price": 1, **body}]))
    refused(answer, 409 if code in ("23503", "23505") else 400, code)
    assert len(server.rest("GET", "/products?select=id").json()) == 5


def test_bytes_that_are_no_utf8_are_refused(server):
    refused(server.rest("POST", "/brands", content=b'{"name": "\xff\xfe"}'), 400, "PGRST102")


def test_nul_in_a_filter_is_refused(server):
    answer = server.rest("GET", "/brands?name=eq.a%00b")
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in ("22021", "22P05"), answer.text


def test_nul_in_a_name_is_refused(server):
    assert server.rest("GET", "/brands?select=a%00b").status_code == 400
    assert server.rest("GET", "/br%00ands").status_code in (400, 404)


def test_a_body_that_is_too_large_is_413(server):
    answer = server.rest("POST", "/brands", content=b'{"name": "' + b"x" * (11 * 1024 * 1024) + b'"}')
    assert answer.status_code == 413, answer.text
    assert answer.json()["message"]


def test_a_large_body_that_is_allowed_is_read(server):
    answer = server.rest("POST", "/brands?select=id", content=b"[" + b" " * (9 * 1024 * 1024) + b"]")
    assert answer.status_code == 201, answer.text


def test_a_url_that_is_too_long_is_414(server):
    answer = server.rest("GET", f"/brands?name=eq.{'x' * 62_000}")
    assert answer.status_code == 414, answer.text
    assert answer.json()["message"]


def test_a_long_url_that_is_allowed_is_read(server):
    answer = server.rest("GET", f"/brands?name=eq.{'x' * 58_000}")
    assert (answer.status_code, answer.text) == (200, "[]")


def test_ten_thousand_elements_are_allowed(server):
    numbers = ",".join(str(number) for number in range(10_000))
    answer = server.rest("GET", f"/brands?select=id&order=id&id=in.({numbers})")
    assert (answer.status_code, answer.json()) == (200, [{"id": 1}, {"id": 2}, {"id": 3}]), answer.text[:300]


def test_more_elements_than_allowed_are_refused(server):
    answer = server.rest("GET", f"/brands?id=in.({','.join(['1'] * 10_001)})")
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "PGRST100"


def test_embeds_two_hundred_levels_deep_are_refused(server):
    select = "id"
    for _ in range(100):
        select = f"id,brands(id,products({select}))"
    refused(server.rest("GET", f"/products?select={select}"), 400, "PGRST100")


def test_a_tree_a_thousand_levels_deep_is_refused(server):
    refused(server.rest("GET", f"/products?or={'(and' * 1000}(id.eq.1){')' * 1000}"), 400, "PGRST100")
    refused(server.rest("GET", f"/products?or={'(' * 30_000}"), 400, "PGRST100")


def test_json_a_hundred_thousand_levels_deep_is_refused(server):
    for body in ("[" * 100_000 + "]" * 100_000, '{"specs":' + '{"a":' * 100_000 + "1" + "}" * 100_001):
        answer = server.rest("POST", "/products", content=body)
        assert answer.status_code == 400, answer.text[:300]
    answer = server.rest("GET", "/products?specs=eq." + "[" * 20_000 + "]" * 20_000)
    assert answer.status_code == 400, answer.text[:300]


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a+)+$", "(.*)*x", "a{0,255}" * 100, "((a{0,100}){0,100}){0,100}"])
def test_a_regular_expression_made_to_be_slow_ends(server, pattern):
    server.rest("POST", "/brands", "service", content=json.dumps({"name": "a" * 5000}))
    from_ = time.monotonic()
    answer = server.rest("GET", "/brands?select=id", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    answer = server.rest("GET", "/brands?select=id&name=match." + pattern.replace("+", "%2B").replace("#", "%23"))
    assert answer.status_code < 500 or answer.json()["code"] == "57014", answer.text
    assert time.monotonic() - from_ < 20
    server.rest("DELETE", "/brands?id=gt.3", "service")


def test_many_stars_in_a_pattern_end(server):
    pattern = "*a" * 2000
    answer = server.rest("GET", f"/products?select=id&title=like.{pattern}")
    assert (answer.status_code, answer.text) == (200, "[]")


@pytest.mark.parametrize("key", ["", "x", "sb_publishable_", "sb_secret_wrong", "a.b.c"])
def test_a_bad_key_is_401(server, key):
    answer = server.rest("GET", "/brands", "nobody", headers={"apikey": key})
    assert answer.status_code == 401, answer.text
    assert answer.json()["message"] in ("Invalid API key", "No API key found in request")


def forged(header: dict, claims: dict, secret: bytes | None) -> str:
    """A token put together by hand, signed with HMAC-SHA256 if there is a secret."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    text = part(json.dumps(header).encode()) + "." + part(json.dumps(claims).encode())
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest() if secret else b""
    return f"{text}.{part(signature)}"


def claims(**more) -> dict:
    return {"role": "service_role", "sub": USER, "exp": int(time.time()) + 3600, **more}


def with_token(server, token):
    headers = {**server.headers("anon"), "Authorization": f"Bearer {token}"}
    return server.rest("GET", "/brands", "nobody", headers=headers)


def test_a_token_of_another_secret_is_refused(server):
    token = jwt.encode(claims(), "another-secret-another-secret-another", algorithm="HS256")
    refused(with_token(server, token), 401, "PGRST301", "No suitable key or wrong key type")


def test_an_unsigned_token_is_refused(server):
    refused(with_token(server, forged({"alg": "none", "typ": "JWT"}, claims(), None)), 401, "PGRST301")
    refused(with_token(server, forged({"alg": "NONE"}, claims(), None)), 401, "PGRST301")
    refused(with_token(server, forged({"typ": "JWT"}, claims(), None)), 401, "PGRST301")


def test_a_token_with_changed_claims_is_refused(server):
    head, _, signature = server.token(sub=USER).split(".")
    changed = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    refused(with_token(server, f"{head}.{changed}.{signature}"), 401, "PGRST301")


def test_a_token_that_names_another_algorithm_is_refused(server):
    token = forged({"alg": "RS256", "typ": "JWT"}, claims(), server.keys["jwt_secret"].encode())
    refused(with_token(server, token), 401, "PGRST301")


def test_an_expired_token_is_refused(server):
    refused(with_token(server, server.token(exp=int(time.time()) - 3600)), 401, "PGRST303", "JWT expired")


@pytest.mark.parametrize("token", ["a", "a.b", "a.b.c", "..", "a.b.c.d", "!!!.???.###", "e30.e30.e30", "x" * 10_000])
def test_no_token_at_all_is_refused(server, token):
    refused(with_token(server, token), 401, "PGRST301")


def test_claims_that_are_no_object_are_refused(server):
    secret = server.keys["jwt_secret"].encode()
    assert with_token(server, forged({"alg": "HS256"}, [1, 2], secret)).status_code == 401


def raw(server, request: bytes) -> bytes:
    """Sends bytes as they are and reads the first line of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /rest/v1/brands HTTP/1.1\r\n\r\n",
        b"GET /rest/v1/brands?%zz=%g HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /rest/v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /rest/v1/brands HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /rest/v1/brands HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_a_4xx_or_nothing(server, request_):
    try:
        line = raw(server, request_)
    except ConnectionError:
        return
    assert line == b"" or line.split(b" ")[1].startswith(b"4"), line
