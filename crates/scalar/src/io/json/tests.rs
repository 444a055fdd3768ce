//! JSON text against PostgreSQL's answers.
use std::cmp::Ordering;

use super::*;

fn check(text: &str, canonical: &str) {
    assert_eq!(canonicalize(text).as_deref(), Ok(canonical), "{text}");
}

fn check_error(text: &str, code: &str, detail: &str) {
    let error = canonicalize(text).expect_err(text);
    assert_eq!(error.code, code, "{text}");
    assert_eq!(error.details, Some(backstay_model::Details::Text(detail.to_owned())), "{text}");
}

#[test]
fn jsonb_is_printed_canonically() {
    check("{\"bb\":[1,2],\"a\":1}", "{\"a\": 1, \"bb\": [1, 2]}");
    check("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}");
    check(" [ ] ", "[]");
    check("{}", "{}");
    check("[1e3, 1.50, -0, -0.00, 1E-2, 12e-1]", "[1000, 1.50, 0, 0.00, 0.01, 1.2]");
    check(r#""\u00e9\/\n\u001f\ud83d\ude00""#, "\"é/\\n\\u001f😀\"");
    check(r#"{"\u0061":{"z":null,"y":true}}"#, "{\"a\": {\"y\": true, \"z\": null}}");
}

#[test]
fn bad_json_is_told_as_postgresql_tells_it() {
    check_error("", "22P02", "The input string ended unexpectedly.");
    check_error("{a}", "22P02", "Token \"a\" is invalid.");
    check_error("[1,]", "22P02", "Expected JSON value, but found \"]\".");
    check_error("[1 2]", "22P02", "Expected \",\" or \"]\", but found \"2\".");
    check_error("{\"a\":1,}", "22P02", "Expected string, but found \"}\".");
    check_error("{1:2}", "22P02", "Expected string or \"}\", but found \"1\".");
    check_error("{\"a\" 1}", "22P02", "Expected \":\", but found \"1\".");
    check_error("1 1", "22P02", "Expected end of input, but found \"1\".");
    check_error("01", "22P02", "Token \"01\" is invalid.");
    check_error("-", "22P02", "Token \"-\" is invalid.");
    check_error("nul", "22P02", "Token \"nul\" is invalid.");
    check_error("'a'", "22P02", "Token \"'\" is invalid.");
    check_error("\"a", "22P02", "Token \"\"a\" is invalid.");
    check_error("\"a\nb\"", "22P02", "Character with value 0x0a must be escaped.");
    check_error(r#""\x""#, "22P02", "Escape sequence \"\\x\" is invalid.");
    check_error(r#""\u00g0""#, "22P02", "\"\\u\" must be followed by four hexadecimal digits.");
    check_error(r#""\ud800""#, "22P02", "Unicode low surrogate must follow a high surrogate.");
    check_error(r#""a\u0000""#, "22P05", "\\u0000 cannot be converted to text.");
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let deep = "[".repeat(100_000);
    assert_eq!(canonicalize(&deep).expect_err("deep").code, "54001");
    assert_eq!(validate(&deep).expect_err("deep").code, "54001");
    let allowed = format!("{}{}", "[".repeat(NESTING_MAX), "]".repeat(NESTING_MAX));
    check(&allowed, &allowed);
}

#[test]
fn parts_are_found_without_a_tree() {
    let text = r#"{"a": {"b": [10, "x\"y", null]}, "long key": "v"}"#;
    let inner = scan::member(text, "a").and_then(|a| scan::member(a, "b")).expect("b");
    assert_eq!(inner, r#"[10, "x\"y", null]"#);
    assert_eq!(scan::element(inner, -2), Some(r#""x\"y""#));
    assert_eq!(scan::element(inner, 3), None);
    assert_eq!(scan::element(inner, -4), None);
    assert_eq!(scan::as_text("\"x\\\"y\"").expect("text").as_deref(), Some("x\"y"));
    assert_eq!(scan::as_text("null").expect("null"), None);
    assert_eq!(scan::last_member("{\"a\":1, \"a\" : 2 }", "a"), Some("2"));
    for damaged in ["{\"a", "[1,", "{\"a\":", "\"\\", "[[", "\"\\u12"] {
        let _ = (scan::member(damaged, "a"), scan::element(damaged, 1), scan::as_text(damaged));
    }
}

#[test]
fn jsonb_sorts_as_its_btree_class() {
    let ascending = [
        "[]",
        "null",
        "\"a\"",
        "\"b\"",
        "1",
        "1.5",
        "10",
        "false",
        "true",
        "[1]",
        "[2]",
        "[1, 1]",
        "{}",
        "{\"a\": 1}",
        "{\"a\": 2}",
        "{\"b\": 0}",
        "{\"a\": 1, \"b\": 1}",
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(compare_text(a, b), i.cmp(&j), "{a} {b}");
        }
    }
    assert_eq!(compare_text("[1.0, 2]", "[1.00, 2]"), Ordering::Equal);
}

#[test]
fn strings_are_escaped_where_they_must_be() {
    let mut out = Vec::new();
    write_string("a\"b\\c\n\u{1}\u{7f}é/", &mut out);
    assert_eq!(String::from_utf8(out).expect("utf-8"), "\"a\\\"b\\\\c\\n\\u0001\u{7f}é/\"");
}
