"""Cases D22 to D38 of docs/security-cases.md: names, values and bodies made to be misread."""

import itertools
import json
import socket
import urllib.parse

import pytest

from harness.server import Server
from security.world import ADA, BOB, everything, project, refused, rows, unchanged

QUOTED = urllib.parse.quote
HOSTILE = [
    "'; drop table notes; --", '"; drop table notes; --', "id) from notes; --", "x' or '1'='1", "notes\" where 1=1 --",
    "id/**/union/**/select", "$1", "?1", ":a", "@x", "[id]", "`id`", "id;", "rowid", "_rowid_", "oid", "ctid", "sqlite_master",
    "id\n--", "\\", "%", "'", '"', "()", "select", "null", "*",
]
RETURNED = {"Prefer": "return=representation"}


@pytest.fixture(scope="module")
def server():
    settings = "[api]\ntx_end = \"commit-allow-override\"\nmax_rows = 2000\n"
    with Server(project(settings)) as running:
        yield running


def stored(server, column: str, value, **options):
    """What a value of a column is after it went in."""
    answer = server.rest("POST", f"/values_of?select={column}", json_body={column: value}, headers=RETURNED, **options)
    return rows(answer)[0][column]


@pytest.mark.parametrize("name", HOSTILE)
@unchanged("notes")
def test_d22_a_hostile_name_is_an_unknown_one(server, name):
    written = QUOTED(name, safe="")
    in_quotes = QUOTED('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"', safe="")
    for form in {written, in_quotes}:
        for target in [
            f"/{written}", f"/rpc/{written}", f"/notes?select=id,{form}(id)", f"/notes?select=id,comments!{form}(id)",
            f"/notes?order=id.{form}", f"/notes?{form}.id=eq.1", f"/notes?id={form}.1",
        ]:
            refused(server.rest("GET", target, ADA))
        if name != "oid":
            refused(server.rest("GET", f"/notes?select=id::{form}", ADA))
        # `select=*`, `order=` of nothing and a path are no names of columns.
        if name not in ("*", "()", "\\", '"', "%", "'") or form == in_quotes:
            for target in [f"/notes?select={form}", f"/notes?order={form}", f"/notes?{form}=eq.1", f"/notes?or=({form}.eq.1)"]:
                refused(server.rest("GET", target, ADA))
        merged = {"Prefer": "resolution=merge-duplicates"}
        refused(server.rest("POST", f"/notes?on_conflict={form}", ADA, json_body={"slug": "s", "title": "t"}, headers=merged))
        refused(server.rest("POST", f"/notes?columns={form}", ADA, json_body={"slug": "s", "title": "t"}))
    if name != "select":
        refused(server.rest("GET", f"/rpc/pair?a=1&{written}=1", ADA), status=404)
    refused(server.rest("POST", "/notes", ADA, json_body={"slug": "s", "title": "t", name: 1}), "PGRST204", 400)
    refused(server.rest("POST", "/rpc/pair", ADA, json_body={"a": 1, name: 1}), "PGRST202", 404)
    if "\n" not in name:
        refused(server.rest("GET", "/notes", ADA, headers={"Accept-Profile": name}), "PGRST106", 406)
    alias = server.rest("GET", f"/notes?select={in_quotes}:id&id=eq.1", ADA)
    if alias.status_code == 200:
        assert alias.json() == [{name: 1}], "an alias is taken as it is, or refused"
    path = server.rest("GET", f"/notes?select=x:extra-%3E{in_quotes}&id=eq.1", ADA)
    assert path.status_code == 400 or path.json() == [{"x": None}]


@pytest.mark.parametrize("value", [*HOSTILE, "a,b", "(a,b)", "{a,b}", "eq.1", "not.is.null", "a.b", " a ", "é€😀", "a&b=c#d+e"])
def test_d23_a_hostile_value_is_compared_and_stored_as_it_is(server, value):
    assert stored(server, "t", value) == value
    found = lambda query: [row["t"] for row in rows(server.rest("GET", f"/values_of?select=t&{query}"))]
    assert set(found(f"t=eq.{QUOTED(value, safe='')}")) == {value}
    quoted = QUOTED('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"', safe="")
    assert set(found(f"t=in.({quoted})")) == {value}
    assert set(found(f"or=(t.eq.{quoted})")) == {value}
    assert stored(server, "j", {value: [value]}) == {value: [value]}
    # PostgreSQL reads past punctuation in an interval: `$1` is a second.
    for column in ["n", "i", "b", "f", "d", "ts", "u", *([] if value in ("$1", "?1") else ["iv"])]:
        answer = server.rest("GET", f"/values_of?select=id&{column}=eq.{QUOTED(value, safe='')}")
        refused(answer, status=400)
        refused(server.rest("POST", "/values_of", json_body={column: value}), status=400)
    assert rows(server.rest("GET", f"/notes?select=id&slug=eq.{QUOTED(value, safe='')}", ADA)) == []


def test_d24_wildcards_are_those_of_the_documented_rules(server):
    texts = ["wild%one", "wild_one", "wildXone", "wild\\one", "wild[a]one", "wild*one"]
    rows(server.rest("POST", "/values_of?select=id", json_body=[{"t": text} for text in texts], headers=RETURNED))
    found = lambda operator: sorted(
        row["t"] for row in rows(server.rest("GET", f"/values_of?select=t&t={QUOTED(operator, safe='')}")) if row["t"] in texts
    )
    assert found("like.wild*one") == sorted(texts)
    assert found("like.wild%one") == sorted(texts)
    assert found("like.wild_one") == sorted(text for text in texts if len(text) == 8)
    assert found("like.wild\\_one") == ["wild_one"]
    assert found("like.wild\\%one") == ["wild%one"]
    assert found("like.wild\\\\one") == ["wild\\one"]
    assert found("like.wild[a]one") == ["wild[a]one"]
    assert found("eq.wild*one") == ["wild*one"]
    assert found("eq.wild%one") == ["wild%one"]
    # The one form that PostgreSQL refuses.
    refused(server.rest("GET", "/values_of?t=like.wild%5C"), "22025", 400)
    assert found("like.WILD*") == [] and found("ilike.WILD*") == sorted(texts)


def test_d25_bytes_are_kept_or_refused(server):
    for text in ["\u202eabc\u202c", "\ufeffabc", "a\u200bb", "\U0010ffff", "e\u0301", "\u0001\u001f\u007f", "\r\n\t"]:
        assert stored(server, "t", text) == text
        answer = server.rest("GET", f"/values_of?select=t&t=eq.{QUOTED(text, safe='')}")
        assert {row["t"] for row in rows(answer)} == {text}
    for escaped in ["%00", "a%00b", "%ff", "%c0%af", "%ed%a0%80", "%f5%80%80%80", "%e2%82"]:
        for target in [f"/values_of?{escaped}=eq.1", f"/values_of?select={escaped}", f"/{escaped}", f"/rpc/{escaped}"]:
            refused(server.rest("GET", target))
        for target in [f"/values_of?select=t&t=eq.{escaped}", f"/values_of?select=t&t=in.(a,{escaped})"]:
            answer = server.rest("GET", target)
            if "%00" in escaped:
                refused(answer, "22021", 400)
            else:
                # Read as the replacement character, as the protocol says: a value of its own, equal to no shorter one.
                assert rows(answer) == []
    for body in [b'{"t": "\xff"}', b'{"t": "\xc0\xaf"}', b'{"t": "\xed\xa0\x80"}', b'{"t": "\\ud800"}', b'{"t": "\\udc00\\ud800"}',
                 b'{"t": "a\\u0000b"}', b'{"j": {"a": "\\u0000"}}', b"\xff\xfe{\x00}\x00"]:
        refused(server.rest("POST", "/values_of", content=body), status=400)
    for body in [b"t\n\xff", b't\n"a\x00b"']:
        refused(server.rest("POST", "/values_of", content=body, headers={"Content-Type": "text/csv"}), status=400)


def test_d26_escapes_are_decoded_once(server):
    for text in ["%41", "%2541", "a+b", "a b", "%2B", "a,b", "a.b", "a)b", 'a"b', "a%2Cb"]:
        assert stored(server, "t", text) == text
        found = lambda query: {row["t"] for row in rows(server.rest("GET", f"/values_of?select=t&{query}"))}
        assert found(f"t=eq.{QUOTED(text, safe='')}") == {text}
        mixed = "".join(f"%{byte:02x}" if index % 2 else f"%{byte:02X}" for index, byte in enumerate(text.encode()))
        assert found(f"t=eq.{mixed}") == {text}
        quoted = QUOTED('"' + text.replace('"', '\\"') + '"', safe="")
        assert found(f"t=in.({quoted},zz)") == {text}
    assert rows(server.rest("GET", "/values_of?select=t&t=eq.a+b"))[0]["t"] == "a b", "plus is a blank in a query"
    assert rows(server.rest("GET", "/values_of?select=t&t=%65q.a,b"))[0]["t"] == "a,b"


def kept_number(server, column: str, number: str) -> str:
    """The digits that come back for digits that are sent."""
    answer = server.rest("POST", f"/values_of?select={column}", content=f'{{"{column}": {number}}}', headers=RETURNED)
    assert answer.status_code == 201, f"{number}: {answer.text}"
    return answer.text[len(f'[{{"{column}":') : -2]


def test_d27_numbers_are_exact_or_refused(server):
    many = "1234567890123456789012345678901234567890.1234567890123456789012345678901234567890"
    for number in ["9007199254740993", "9223372036854775807", "-9223372036854775808"]:
        assert kept_number(server, "b", number) == number
        assert rows(server.rest("GET", f"/values_of?select=id&b=eq.{number}"))
    for number in [many, "-" + many, "0.1", "1.10", "9223372036854775808", "0.00000000000000000000000000000000000000001"]:
        assert kept_number(server, "n", number) == number
        assert rows(server.rest("GET", f"/values_of?select=id&n=eq.{number}"))
    assert kept_number(server, "n", "-0") == "0"
    assert kept_number(server, "n", "1e400") == "1" + "0" * 400
    assert stored(server, "n", "NaN") == "NaN" and stored(server, "n", "Infinity") == "Infinity"
    assert kept_number(server, "j", '{"a":9007199254740993.000}') == '{"a": 9007199254740993.000}'
    for column, number in [("b", "9223372036854775808"), ("i", "2147483648"), ("f", "1e400"), ("b", "1e400"), ("i", "1.5e10")]:
        refused(server.rest("POST", "/values_of", content=f'{{"{column}": {number}}}'), status=400)
        refused(server.rest("GET", f"/values_of?{column}=eq.{number}"), status=400)
    for wrong in ["NaN", "Infinity", "-Infinity", "0x1F", "01", "1.", ".5", "+1", "1_000", "--1", "1e"]:
        refused(server.rest("POST", "/values_of", content=f'{{"n": {wrong}}}'), status=400)
    for wrong in ["1.5", "0x", "1__0", "１２", "1,0", ""]:
        refused(server.rest("GET", f"/values_of?or=(i.eq.\"{QUOTED(wrong)}\")"), "22P02", 400)


def test_d28_a_body_is_one_json_value_or_refused(server):
    before = len(everything(server, "values_of"))
    for body in ['{"i":1} {"i":2}', '{"i":1}]', "// x\n{}", '{"i":1,}', "{'i':1}", "", " ", "null1", '"i"x', '{"i":1', "[{},]",
                 "[" * 100_000 + "]" * 100_000, '{"j":' * 100_000 + "1" + "}" * 100_000, '\ufeff\ufeff{"i":1}', "{i:1}"]:
        refused(server.rest("POST", "/values_of", content=body), "PGRST102", 400)
    for scalar in ["1", '"x"', "true", "null"]:
        # No rows, as the protocol says.
        assert rows(server.rest("POST", "/values_of", content=scalar, headers=RETURNED)) == []
    refused(server.rest("POST", "/values_of", content="{}", headers={"Content-Type": "application/xml"}), "PGRST102", 400)
    refused(server.rest("POST", "/values_of", content=json.dumps({f"k{i}": i for i in range(100_000)})), "PGRST204", 400)
    assert len(everything(server, "values_of")) == before
    # One rule for a key that stands twice, in columns, documents and arguments alike: the last one holds.
    twice = server.rest("POST", "/values_of?select=i", content='{"i": 1, "i": 2}', headers=RETURNED)
    assert rows(twice) == [{"i": 2}]
    assert rows(server.rest("POST", "/values_of?select=j", content='{"j": {"a": 1, "a": 2}}', headers=RETURNED)) == [{"j": {"a": 2}}]
    assert server.rest("POST", "/rpc/pair", content='{"a": 1, "a": 3}').json() == 32


def test_d29_rows_of_a_body_are_alike_and_all_or_none_are_kept(server):
    count = lambda: len(rows(server.rest("GET", "/values_of?select=id&limit=100000", "service")))
    total = lambda: int(server.rest("HEAD", "/values_of", headers={"Prefer": "count=exact"}).headers["content-range"].split("/")[1])
    before = total()
    refused(server.rest("POST", "/values_of", json_body=[{"i": 1}, {"t": "x"}]), "PGRST102", 400)
    refused(server.rest("POST", "/values_of", json_body=[{"i": 1}, {"i": 1, "t": "x"}]), "PGRST102", 400)
    refused(server.rest("POST", "/values_of", json_body=[{"i": 1}, 2]), status=400)
    assert total() == before
    assert server.rest("POST", "/values_of", json_body=[]).status_code == 201
    assert total() == before
    refused(server.rest("POST", "/values_of", json_body=[*({"i": i} for i in range(9_999)), {"i": "x"}]), "22P02", 400)
    assert total() == before
    assert server.rest("POST", "/values_of", json_body=[{"i": i} for i in range(10_000)]).status_code == 201
    assert total() == before + 10_000
    million = b"[" + b",".join([b'{"i":123456}'] * 1_000_000) + b"]"
    refused(server.rest("POST", "/values_of", content=million), status=413)
    assert total() == before + 10_000
    assert server.rest("DELETE", "/values_of?i=not.is.null", "service").status_code == 204


def test_d30_dates_are_exact_or_refused(server):
    for column, sent, kept in [
        ("d", "0001-01-01", "0001-01-01"), ("d", "10000-01-01", "10000-01-01"), ("d", "5874897-12-31", "5874897-12-31"),
        ("d", "4713-01-01 BC", "4713-01-01 BC"), ("d", "infinity", "infinity"), ("d", "2024-02-29", "2024-02-29"),
        ("ts", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"), ("ts", "2024-01-01T00:00:00+15:59", "2023-12-31T08:01:00+00:00"),
        ("ts", "2024-01-01T00:00:00.123456Z", "2024-01-01T00:00:00.123456+00:00"), ("ts", "-infinity", "-infinity"),
        ("ts", "2024-07-01 12:00 America/New_York", "2024-07-01T16:00:00+00:00"), ("iv", "178000000 years", "178000000 years"),
    ]:
        assert stored(server, column, sent) == kept, sent
    for column, wrong in [
        ("d", "0000-01-01"), ("d", "2023-02-29"), ("d", "5874898-01-01"), ("d", "4714-01-01 BC"), ("d", "2024-13-01"),
        ("d", "2024-00-10"), ("ts", "2024-01-01T25:00:00Z"), ("ts", "2024-01-01T00:00:61Z"), ("ts", "2024-01-01T00:00:00+16:00"),
        ("ts", "294277-01-01"), ("ts", "2024-01-01 Nowhere/Land"), ("iv", "1 lightyear"), ("iv", "99999999999 years"), ("iv", "")
    ]:
        refused(server.rest("POST", "/values_of", json_body={column: wrong}), status=400)
        refused(server.rest("GET", f"/values_of?or=({column}.eq.\"{QUOTED(wrong)}\")"), status=400)


def test_d31_every_filter_applies(server):
    ids = lambda query: [row["id"] for row in rows(server.rest("GET", f"/notes?select=id&order=id&{query}", ADA))]
    assert ids("id=gt.1&id=lt.3") == [2]
    assert ids("id=eq.1&id=eq.2") == []
    assert ids("or=(id.eq.1,id.eq.2)&or=(id.eq.2,id.eq.3)") == [2]
    assert ids("and=(id.gt.1)&and=(id.lt.3)&id=neq.2") == []
    # A repeated filter cannot widen a deletion.
    answer = server.rest("DELETE", "/notes?id=eq.1&id=eq.99&select=id", ADA, headers=RETURNED)
    assert rows(answer) == []
    # What is reserved is not a column, and a body is no filter.
    assert ids("limit=1&limit=2") in ([1], [1, 2])
    answer = server.rest("PATCH", "/notes?id=eq.1&select=id,stars", ADA, json_body={"stars": 3}, headers=RETURNED)
    assert rows(answer) == [{"id": 1, "stars": 3}]
    for name in ["select", "order", "limit", "offset", "and", "or", "on_conflict", "columns"]:
        refused(server.rest("POST", "/notes", ADA, json_body={"slug": "s", "title": "t", name: "1"}), "PGRST204", 400)


def test_d32_a_tampered_page_is_refused_or_a_page(server):
    all_ = rows(server.rest("GET", "/notes?select=id&order=id", ADA))
    for range_ in ["0-0;drop", "1,2-3", "abc", "-1", "0-", "items=0-1", "0-99999999999999999999", "9" * 400 + "-", "0-0' or 1=1", "2-1", "1-1"]:
        answer = server.rest("GET", "/notes?select=id&order=id", ADA, headers={"Range-Unit": "items", "Range": range_})
        if answer.status_code in (200, 206):
            assert [row for row in answer.json() if row not in all_] == [], range_
        else:
            refused(answer)
    for key, value in itertools.product(["limit", "offset"], ["1;drop", "1 or 1=1", "-1", "x", "1.5", "9" * 40, "(select 1)"]):
        # What is no number is ignored, as the protocol says.
        answer = server.rest("GET", f"/notes?select=id&order=id&{key}={QUOTED(value)}", ADA)
        expected = [] if (key, value) == ("offset", "9" * 40) else all_
        if (key, value) == ("limit", "-1"):
            refused(answer, "PGRST103", 416)
        else:
            assert rows(answer) == expected


@unchanged("notes")
def test_d33_preferences_are_understood_or_refused_whole(server):
    body = {"slug": "pref", "title": "t"}
    write = lambda prefer: server.rest("POST", "/notes", ADA, json_body=body, headers={"Prefer": prefer})
    refused(write("handling=strict, anything=else"), "PGRST122", 400)
    refused(write("handling=strict, return=everything"), "PGRST122", 400)
    refused(write("handling=strict, tx=maybe, return=minimal"), "PGRST122", 400)
    for prefer in ["tx=rollback, x=y", "x, tx=rollback", "tx=rollback,return=minimal,return=representation", "tx=rollback,tx=rollback"]:
        assert write(prefer).status_code == 201, prefer
    # The first one of a kind holds.
    assert write("tx=rollback,tx=commit").status_code == 201
    assert "tx=rollback" in write("tx=rollback,tx=commit").headers["preference-applied"]


@unchanged("notes")
def test_d34_the_method_is_the_one_of_the_request(server):
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]:
        answer = server.rest("GET", "/notes?id=eq.1&select=id", ADA, headers={name: "DELETE"})
        assert rows(answer) == [{"id": 1}]
        answer = server.rest("POST", "/notes?id=eq.1", ADA, json_body={}, headers={name: "DELETE"})
        refused(answer)
    for name in ["_method", "method", "_METHOD"]:
        refused(server.rest("GET", f"/notes?id=eq.1&{name}=DELETE", ADA), status=400)


@unchanged("notes")
def test_d35_a_function_is_called_with_its_own_arguments(server):
    call = lambda name, arguments: server.rest("POST", f"/rpc/{name}", ADA, json_body=arguments)
    assert call("pair", {"a": 1}).json() == 12 and call("pair", {"a": 1, "b": 3}).json() == 13
    for arguments in [{}, {"b": 1}, {"a": 1, "c": 1}, {"A": 1}]:
        refused(call("pair", arguments), "PGRST202", 404)
    for wrong in ["x", {}, [1], True, 1.5, 3_000_000_000]:
        refused(call("pair", {"a": wrong}), status=400)
    assert server.rest("GET", "/rpc/add_up?numbers=1&numbers=2", ADA).json() == 3
    assert call("add_up", {"numbers": [1, 2, 3]}).json() == 6
    assert call("label", {"value": 1}).json() == "number" and call("label", {"word": "1"}).json() == "word"
    refused(call("label", {}), "PGRST202", 404)
    # A reading verb cannot write, whatever is called.
    for method in ["GET", "HEAD"]:
        answer = server.rest(method, "/rpc/add_note?slug=by-get&title=t", ADA)
        assert answer.status_code == 405, answer.text
    refused(server.rest("POST", "/rpc/add_note", json_body={"slug": "by-anon", "title": "t"}), "42501", 401)


@unchanged("notes", "people", "accounts")
def test_d36_a_body_sets_no_column_that_is_not_the_callers(server):
    write = lambda table, body, **more: server.rest("POST", f"/{table}", ADA, json_body=body, **more)
    refused(write("notes", {"slug": "m", "title": "t", "owner": BOB}), "42501", 403)
    refused(write("notes", {"slug": "m", "title": "t", "search": "x"}), "428C9", 400)
    dan = "00000000-0000-4000-8000-00000000000d"
    for more in [{"is_admin": True}, {"email": "x"}, {"age": 1}, {"is_admin": False}]:
        refused(server.rest("POST", "/people", dan, json_body={"id": dan, "name": "Dan", **more}), "42501", 403)
        refused(server.rest("PATCH", f"/people?id=eq.{ADA}", ADA, json_body={"name": "Ada", **more}), "42501", 403)
    token = {"sub": ADA, "tenant": 1}
    refused(server.rest("PATCH", "/accounts?id=eq.1", token, json_body={"tenant": 2}), "42501", 403)
    refused(server.rest("POST", "/accounts", token, json_body={"id": 9, "tenant": 1, "amount": 1, "memo": "mine"}), "42501", 403)
    # `columns` leaves out what is not named.
    answer = write("notes?columns=slug,title&select=owner", {"slug": "m", "title": "t", "owner": BOB},
                   headers={"Prefer": "return=representation,tx=rollback"})
    assert rows(answer) == [{"owner": ADA}]


def test_d37_a_write_without_a_filter_stays_within_the_policies(server):
    # The protocol allows it; what must hold is that it touches the caller's own rows alone.
    before = everything(server, "notes")
    headers = {"Prefer": "return=representation,tx=rollback"}
    assert rows(server.rest("PATCH", "/notes?select=id", ADA, json_body={"stars": 1}, headers=headers)) == [{"id": 1}, {"id": 2}]
    assert rows(server.rest("DELETE", "/notes?select=id", ADA, headers=headers)) == [{"id": 1}]
    assert rows(server.rest("DELETE", "/notes?select=id", headers=headers)) == []
    assert everything(server, "notes") == before


def test_d37_a_write_without_a_filter_can_be_forbidden():
    with Server(project("[api]\nrequire_filter = true\n")) as strict:
        for who in [ADA, "service"]:
            for method, body in [("PATCH", {"stars": 1}), ("DELETE", None)]:
                before = everything(strict, "notes")
                refused(strict.rest(method, "/notes", who, json_body=body), "21000", 400)
                refused(strict.rest(method, "/notes?select=id&order=id", who, json_body=body), "21000", 400)
                assert everything(strict, "notes") == before
        assert strict.rest("DELETE", "/notes?id=eq.1", ADA).status_code == 204


@unchanged("notes")
def test_d38_one_bad_row_and_nothing_is_written(server):
    good = [{"slug": f"bulk-{number}", "title": "t", "owner": ADA, "stars": 1} for number in range(20)]
    for bad, code in [({"stars": 9}, "23514"), ({"owner": BOB}, "42501"), ({"slug": "bulk-0"}, "23505"), ({"title": None}, "23502"),
                      ({"stars": "many"}, "22P02"), ({"owner": "00000000-0000-4000-8000-0000000000ff"}, "42501")]:
        for position in [0, 10, 19]:
            batch = [row | (bad if index == position else {}) for index, row in enumerate(good)]
            if code == "23505" and position == 0:
                continue
            refused(server.rest("POST", "/notes", ADA, json_body=batch), code)
    refused(server.rest("PATCH", "/notes?id=in.(1,2)", ADA, json_body={"slug": "same"}), "23505", 409)
    csv = "slug,title,owner\na1,t," + ADA + "\na2,t," + BOB + "\n"
    refused(server.rest("POST", "/notes", ADA, content=csv, headers={"Content-Type": "text/csv"}), "42501", 403)


def test_d41_half_a_body_writes_nothing(server):
    body = json.dumps({"slug": "half", "title": "t"}).encode()
    head = "\r\n".join([
        "POST /rest/v1/notes HTTP/1.1", "Host: a", "Content-Type: application/json", f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in server.headers(ADA).items()), "", "",
    ]).encode()
    for sent in [head, head + body[:1], head + body[:-1]]:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(sent)
    # The reader of the answer is gone: written as a whole or not at all.
    for number in range(20):
        whole = body.replace(b"half", b"gon%d" % (number % 10))
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(head + whole)
    slugs = [row["slug"] for row in everything(server, "notes")]
    assert "half" not in slugs
    assert len(slugs) == len(set(slugs))
    assert server.rest("POST", "/notes", ADA, json_body={"slug": "after", "title": "t"}).status_code == 201
    assert server.rest("DELETE", "/notes?id=gt.4", "service").status_code == 204
