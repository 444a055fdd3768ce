//! Tests of answers: status, headers and body of each kind of request.

use super::*;
use crate::errors::Verbosity;
use crate::testing::settings;
use crate::{Call, TransactionEnd, parse};

const ROWS: Facts = Facts { result: ResultKind::Rows, conflict_target: true, handlers: Vec::new() };

/// A request with `Accept` and `Prefer`.
fn request(method: &str, url: &str, accept: &str, prefer: &str) -> Request {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let headers = [("accept", accept), ("prefer", prefer)];
    parse(
        &mut Call { method, path, query, headers: &headers, body: b"{\"a\":1}".into() },
        &settings(),
    )
    .unwrap()
}

fn shape(method: &str, url: &str, accept: &str, prefer: &str) -> Shape {
    Shape::choose(&request(method, url, accept, prefer), &settings(), ROWS).unwrap()
}

fn outcome(body: &str, rows: u64, total: Option<u64>) -> Outcome {
    let counts = Counts { rows, total, ..Counts::default() };
    Outcome { body: body.as_bytes().to_vec(), counts, ..Outcome::default() }
}

/// Status, Content-Range and body of an answer.
fn show(response: &Response) -> String {
    let range = response.header("content-range").unwrap_or("-");
    format!("{} {range} {}", response.status, String::from_utf8_lossy(&response.body))
}

#[test]
fn reads_tell_their_range() {
    for (query, rows, total, expected) in [
        ("", 25, None, "200 0-24/* []"),
        ("", 0, None, "200 */* []"),
        ("", 25, Some(25), "200 0-24/25 []"),
        ("offset=10&limit=10", 10, Some(25), "206 10-19/25 []"),
        ("", 0, Some(0), "200 */0 []"),
        ("offset=25", 0, Some(25), "206 */25 []"),
        ("offset=99", 0, None, "200 */* []"),
        ("limit=0&offset=99", 0, Some(25), "206 */25 []"),
    ] {
        let shape = shape("GET", &format!("/t?{query}"), "*/*", "count=exact");
        let outcome = outcome("[]", rows, total);
        shape.check(outcome.counts, &[]).unwrap();
        assert_eq!(show(&shape.encode(outcome)), expected, "{query} {rows} {total:?}");
    }
}

#[test]
fn a_counted_offset_beyond_the_end_is_refused() {
    let shape = shape("GET", "/t?offset=30", "*/*", "count=exact");
    let refused = shape.check(Counts { total: Some(25), ..Counts::default() }, &[]).unwrap_err();
    let response = error(&refused, false, Verbosity::Full);
    assert_eq!(
        show(&response),
        "416 */25 {\"code\":\"PGRST103\",\"details\":\"An offset of 30 was requested, but there \
         are only 25 rows.\",\"hint\":null,\"message\":\"Requested range not satisfiable\"}"
    );
    assert_eq!(response.header("proxy-status"), Some("Backstay; error=PGRST103"));
}

#[test]
fn a_single_object_needs_one_row() {
    let media = "application/vnd.pgrst.object+json";
    for (method, prefer) in [("GET", ""), ("PATCH", "return=minimal"), ("DELETE", ""), ("POST", "")]
    {
        let shape = shape(method, "/t?id=eq.1", media, prefer);
        for (rows, fits) in [(0, false), (1, true), (2, false)] {
            let counts = Counts { rows, changed: rows, ..Counts::default() };
            assert_eq!(shape.check(counts, &[]).is_ok(), fits, "{method} {rows}");
        }
    }
    let response = shape("GET", "/t", media, "").encode(outcome(" [{\"a\":1}]\n", 1, None));
    assert_eq!(show(&response), "200 0-0/* {\"a\":1}");
    assert_eq!(
        response.header("content-type"),
        Some("application/vnd.pgrst.object+json; charset=utf-8")
    );
}

#[test]
fn null_members_are_stripped_on_request() {
    let media = "application/vnd.pgrst.object+json;nulls=stripped";
    let response = shape("GET", "/t", media, "").encode(outcome("[{\"a\":1,\"b\":null}]", 1, None));
    assert_eq!(show(&response), "200 0-0/* {\"a\":1}");
}

#[test]
fn writes_answer_by_what_was_preferred() {
    for (method, prefer, inserted, expected) in [
        ("POST", "", 1, "201 */* "),
        ("POST", "return=minimal,count=exact", 1, "201 */1 "),
        ("POST", "return=representation", 1, "201 */* [{}]"),
        ("POST", "resolution=merge-duplicates,return=representation", 0, "200 */* [{}]"),
        ("POST", "resolution=merge-duplicates", 1, "201 */* "),
        ("POST", "resolution=ignore-duplicates", 0, "201 */* "),
        ("PATCH", "", 0, "204 0-0/* "),
        ("PATCH", "return=representation,count=exact", 0, "200 0-0/1 [{}]"),
        ("DELETE", "", 0, "204 */* "),
        ("DELETE", "return=representation,count=exact", 0, "200 */1 [{}]"),
        ("PUT", "", 1, "204 - "),
        ("PUT", "return=representation", 1, "201 - [{}]"),
        ("PUT", "return=representation", 0, "200 - [{}]"),
    ] {
        let mut outcome = outcome("[{}]", 1, None);
        outcome.counts.inserted = inserted;
        outcome.counts.changed = 1 - inserted;
        let shape = shape(method, "/t", "*/*", prefer);
        shape.check(outcome.counts, &[]).unwrap();
        let response = shape.encode(outcome);
        assert_eq!(show(&response), expected, "{method} {prefer}");
        assert_eq!(response.header("content-type").is_some(), !response.body.is_empty());
    }
    let none = shape("PATCH", "/t", "*/*", "count=exact").encode(outcome("", 0, None));
    assert_eq!(show(&none), "204 */0 ");
}

#[test]
fn an_insert_can_name_the_place_of_its_row() {
    let shape = shape("POST", "/order lines", "*/*", "return=headers-only");
    let mut outcome = outcome("", 1, None);
    outcome.location =
        Some(vec![("order_id".into(), Some("a b".into())), ("product_id".into(), None)]);
    let response = shape.encode(outcome);
    assert_eq!(
        response.header("location"),
        Some("/order%20lines?order_id=eq.a%20b&product_id=is.null")
    );
    assert_eq!(show(&response), "201 */* ");
}

#[test]
fn functions_answer_by_their_kind() {
    for (result, rows, expected) in [
        (ResultKind::Value, 1, "200 0-0/* 7"),
        (ResultKind::Object, 1, "200 0-0/* 7"),
        (ResultKind::Values, 3, "200 0-2/* 7"),
        (ResultKind::Rows, 0, "200 */* 7"),
        (ResultKind::Void, 1, "204 0-0/* "),
    ] {
        let request = request("POST", "/rpc/f", "*/*", "");
        let facts = Facts { result, conflict_target: false, handlers: Vec::new() };
        let shape = Shape::choose(&request, &settings(), facts).unwrap();
        let outcome = outcome("7", rows, None);
        shape.check(outcome.counts, &[]).unwrap();
        assert_eq!(show(&shape.encode(outcome)), expected, "{result:?}");
    }
}

#[test]
fn too_many_affected_rows_are_refused() {
    let prefer = "handling=strict, max-affected=5";
    let counts = |changed| Counts { rows: changed, changed, ..Counts::default() };
    let shape = shape("DELETE", "/t", "*/*", prefer);
    shape.check(counts(5), &[]).unwrap();
    assert_eq!(shape.check(counts(6), &[]).unwrap_err(), errors::max_affected(6));
    let lenient = self::shape("DELETE", "/t", "*/*", "max-affected=5");
    lenient.check(counts(6), &[]).unwrap();
    let scalar = Facts { result: ResultKind::Value, conflict_target: false, handlers: Vec::new() };
    let request = request("POST", "/rpc/f", "*/*", prefer);
    let refused = Shape::choose(&request, &settings(), scalar).unwrap_err();
    assert_eq!(refused.code, "PGRST128");
}

#[test]
fn a_put_must_write_one_row() {
    let shape = shape("PUT", "/t?a=eq.1", "*/*", "");
    assert_eq!(shape.check(Counts::default(), &[]).unwrap_err().code, "PGRST115");
}

#[test]
fn media_types_and_preferences_are_checked_in_order() {
    let prefer = "handling=strict, foo, count=none";
    let refuse = |method: &str, accept: &str| {
        let request = request(method, "/t", accept, prefer);
        Shape::choose(&request, &settings(), ROWS).unwrap_err()
    };
    assert_eq!(
        refuse("GET", "text/xml, image/png;q=0.5").message,
        "None of these media types are available: text/xml, image/png"
    );
    assert_eq!(refuse("POST", "text/xml").code, "PGRST122");
    let details = refuse("GET", "*/*").details;
    let expected = "Invalid preferences: foo, count=none".to_owned();
    assert_eq!(details, Some(backstay_model::Details::Text(expected)));
}

#[test]
fn plans_are_given_only_where_allowed() {
    let request = request("GET", "/t", "application/vnd.pgrst.plan+text", "");
    assert_eq!(Shape::choose(&request, &settings(), ROWS).unwrap_err().code, "PGRST107");
    let open = Settings { plans: true, ..settings() };
    let shape = Shape::choose(&request, &open, ROWS).unwrap();
    let response = shape.encode(outcome("Seq Scan", 0, None));
    assert_eq!(
        response.header("content-type"),
        Some("application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8")
    );
    assert_eq!(response.body, b"Seq Scan");
}

#[test]
fn applied_preferences_are_listed_in_a_fixed_order() {
    let prefer = "timezone=Europe/Lisbon, handling=strict, max-affected=9, tx=rollback, \
                  count=exact, return=minimal, missing=default, resolution=ignore-duplicates";
    let open = Settings { transaction_end: TransactionEnd::CommitAllowOverride, ..settings() };
    let applied = |method: &str, settings: &Settings, facts: Facts| {
        let request = request(method, "/t", "*/*", prefer);
        let shape = Shape::choose(&request, settings, facts).unwrap();
        let response = shape.encode(Outcome::default());
        response.header("preference-applied").unwrap_or_default().to_owned()
    };
    assert_eq!(
        applied("POST", &open, ROWS),
        "resolution=ignore-duplicates, missing=default, return=minimal, count=exact, tx=rollback, \
         handling=strict, timezone=Europe/Lisbon"
    );
    assert_eq!(
        applied("POST", &settings(), Facts { conflict_target: false, ..ROWS }),
        "missing=default, return=minimal, count=exact, handling=strict, timezone=Europe/Lisbon"
    );
    assert_eq!(
        applied("DELETE", &settings(), ROWS),
        "return=minimal, count=exact, handling=strict, timezone=Europe/Lisbon, max-affected=9"
    );
    assert_eq!(
        applied("GET", &settings(), ROWS),
        "count=exact, handling=strict, timezone=Europe/Lisbon"
    );
}

#[test]
fn answers_name_what_they_depend_on() {
    let content_location = Some("/t?a=eq.2&b=eq.1".to_owned());
    let response = shape("GET", "/t?b=eq.1&a=eq.2", "*/*", "")
        .encode(Outcome { content_location, ..outcome("[]", 0, None) });
    assert_eq!(response.header("vary"), Some("Accept, Prefer, Range"));
    assert_eq!(response.header("content-location"), Some("/t?a=eq.2&b=eq.1"));
    assert_eq!(response.header("content-profile"), Some("public"));
    let head = shape("HEAD", "/t", "*/*", "").encode(outcome("[]", 0, None));
    assert_eq!(show(&head), "200 */* ");
    assert_eq!(head.header("content-type"), Some("application/json; charset=utf-8"));
}

#[test]
fn functions_may_set_headers_and_status() {
    let own = vec![
        (
            "response.headers".to_owned(),
            r#"[{"vary":"*"},{"Set-Cookie":"a=b"},{"Set-Cookie":"c=d"}]"#.to_owned(),
        ),
        ("response.status".to_owned(), "418".to_owned()),
    ];
    let shape = shape("GET", "/t", "*/*", "");
    shape.check(Counts::default(), &own).unwrap();
    let response = shape.encode(Outcome { response_settings: own, ..outcome("[]", 0, None) });
    assert_eq!(response.status, 418);
    assert_eq!(response.header("Vary"), Some("*"));
    assert_eq!(response.headers.iter().filter(|(name, _)| name == "Set-Cookie").count(), 2);
    for (name, text, code) in [
        ("response.headers", "{}", "PGRST111"),
        ("response.headers", r#"[{"a":"b","c":"d"}]"#, "PGRST111"),
        ("response.headers", r#"[{"a":"b\r\nc: d"}]"#, "PGRST111"),
        ("response.status", "teapot", "PGRST112"),
    ] {
        let settings = [(name.to_owned(), text.to_owned())];
        assert_eq!(shape.check(Counts::default(), &settings).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn functions_may_raise_their_own_answer() {
    let mut raised = backstay_model::Error::new(
        "PGRST",
        r#"{"code":"X1","message":"m","details":"d","hint":"h"}"#,
    );
    let missing = error(&raised, false, Verbosity::Full);
    assert_eq!(missing.status, 500);
    raised = raised.with_details(r#"{"status":418,"status_text":"Teapot","headers":{"X-A":"b"}}"#);
    let response = error(&raised, false, Verbosity::Full);
    assert_eq!((response.status, response.reason.as_deref()), (418, Some("Teapot")));
    assert_eq!(response.header("x-a"), Some("b"));
    assert_eq!(response.body, br#"{"code":"X1","details":"d","hint":"h","message":"m"}"#);
    let raised = backstay_model::Error::new("PT402", "pay first");
    let response = error(&raised, false, Verbosity::Full);
    assert_eq!((response.status, response.reason.as_deref()), (402, Some("pay first")));
}

#[test]
fn refusals_of_the_anonymous_ask_for_a_token() {
    let denied = backstay_model::Error::permission_denied("table", "t");
    let response = error(&denied, true, Verbosity::Full);
    assert_eq!((response.status, response.header("www-authenticate")), (401, Some("Bearer")));
    let response = error(&denied, false, Verbosity::Full);
    assert_eq!((response.status, response.header("www-authenticate")), (403, None));
}

#[test]
fn options_list_the_methods() {
    let allow = |allowed| options(allowed).header("allow").unwrap().to_owned();
    let table = Allowed::Relation { insert: true, update: true, delete: true, primary_key: true };
    let view = Allowed::Relation { insert: true, update: false, delete: false, primary_key: false };
    assert_eq!(allow(table), "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE");
    assert_eq!(allow(view), "OPTIONS,GET,HEAD,POST");
    assert_eq!(allow(Allowed::Function { volatile: true }), "OPTIONS,POST");
    assert_eq!(allow(Allowed::Root), "OPTIONS,GET,HEAD");
}

#[test]
fn the_root_gives_the_document() {
    let root = request("GET", "/", "application/json", "");
    let version = openapi_version(&root).unwrap();
    let response = openapi(&root, version, b"{}".to_vec());
    assert_eq!(response.header("content-type"), Some("application/openapi+json; charset=utf-8"));
    assert_eq!(response.body, b"{}");
    let new = request("GET", "/", "application/vnd.oai.openapi+json;version=3.1", "");
    let version = openapi_version(&new).unwrap();
    assert_eq!(version, OpenApiVersion::ThreeOne);
    assert_eq!(
        openapi(&new, version, Vec::new()).header("content-type"),
        Some("application/vnd.oai.openapi+json;version=3.1; charset=utf-8")
    );
    let refused = request("GET", "/", "text/csv", "");
    assert_eq!(openapi_version(&refused).unwrap_err().code, "PGRST107");
}
