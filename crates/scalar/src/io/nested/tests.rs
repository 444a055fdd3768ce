//! Nested text forms against PostgreSQL's answers.

use super::*;
use crate::environment::fixed::FixedEnvironment;
use crate::io;

fn check(ty: &Type, text: &str, printed: &str) {
    let env = FixedEnvironment::new();
    let value = io::input(&env, ty, None, text).expect(text);
    assert_eq!(io::output(&env, ty, &value).as_deref(), Ok(printed), "{text}");
}

fn check_error(ty: &Type, text: &str, code: &str, message: &str, detail: Option<&str>) {
    let error = io::input(&FixedEnvironment::new(), ty, None, text).expect_err(text);
    assert_eq!((error.code.as_ref(), error.message.as_str()), (code, message));
    let details = detail.map(|detail| backstay_model::Details::Text(detail.to_owned()));
    assert_eq!(error.details, details, "{text}");
}

fn jsonb_array() -> Type {
    Type::Jsonb.array_of()
}

#[test]
fn arrays_are_read_and_printed() {
    let ty = jsonb_array();
    check(&ty, "{1,\"2\",null}", "{1,2,NULL}");
    check(&ty, " { 1 , \"[1, 2]\" } ", "{1,\"[1, 2]\"}");
    check(&ty, "{{1,2},{3,4}}", "{{1,2},{3,4}}");
    check(&ty, "{}", "{}");
    check(&ty, "[1:2]={1,2}", "{1,2}");
    check(&ty, "{\"\\\"x\\\\\\\\\\\"\",\\1}", "{\"\\\"x\\\\\\\\\\\"\",1}");
}

#[test]
fn malformed_arrays_are_told_as_postgresql_tells_them() {
    let cases = [
        ("1", "Array value must start with \"{\" or dimension information."),
        ("{1,2", "Unexpected end of input."),
        ("{1,2}}", "Junk after closing right brace."),
        ("{1,}", "Unexpected \"}\" character."),
        ("{,1}", "Unexpected \",\" character."),
        ("{\"1\"2}", "Unexpected array element."),
        ("{1\"2\"}", "Unexpected array element."),
        ("{1 {2}}", "Unexpected \"{\" character."),
        ("{{1,2},{3}}", "Multidimensional arrays must have sub-arrays with matching dimensions."),
    ];
    for (text, detail) in cases {
        let message = format!("malformed array literal: \"{text}\"");
        check_error(&jsonb_array(), text, "22P02", &message, Some(detail));
    }
    check_error(
        &jsonb_array(),
        "[0:1]={1,2}",
        "0A000",
        "an array whose lower bound is not 1 is not supported",
        None,
    );
}

#[test]
fn binary_strings_bits_and_addresses() {
    check(&Type::Bytea, "\\x0aFF", "\\x0aff");
    check(&Type::Bytea, "a\\\\b\\001", "\\x615c6201");
    check_error(&Type::Bytea, "\\x0g", "22023", "invalid hexadecimal digit: \"g\"", None);
    check_error(
        &Type::Bytea,
        "\\x0",
        "22023",
        "invalid hexadecimal data: odd number of digits",
        None,
    );
    check(&Type::Bit, "x5", "0101");
    check_error(&Type::Bit, "012", "22P02", "\"2\" is not a valid binary digit", None);
    check(&Type::Inet, "10.1.2.3/32", "10.1.2.3");
    check(&Type::Inet, "10.1.2.3/8", "10.1.2.3/8");
    check(&Type::Inet, "2001:DB8:0:0::1", "2001:db8::1");
    check(&Type::Cidr, "192.168/16", "192.168.0.0/16");
    check(&Type::Cidr, "10", "10.0.0.0/8");
    check_error(
        &Type::Cidr,
        "10.1.2.3/8",
        "22P02",
        "invalid cidr value: \"10.1.2.3/8\"",
        Some("Value has bits set to right of mask."),
    );
    check_error(&Type::Inet, "x", "22P02", "invalid input syntax for type inet: \"x\"", None);
    check(&Type::Macaddr, "0800.2B01.0203", "08:00:2b:01:02:03");
    check(&Type::Point, " ( 1.50 , -2e20 ) ", "(1.5,-2e+20)");
    check(&Type::Vector, "[1, 2.5,1e-7]", "[1,2.5,1e-07]");
}

#[test]
fn text_search_forms() {
    check(&Type::TsVector, "a:1B,3 b:2c a:1A c\\:d 'it''s' ", "'a':1A,3 'b':2C 'c:d' 'it''s'");
    check_error(&Type::TsVector, "a:x", "42601", "syntax error in tsvector: \"a:x\"", None);
    let query = |text: &str, printed: &str| check(&Type::TsQuery, text, printed);
    query("a <-> (b & c) | !(d | e) & !f", "'a' <-> ( 'b' & 'c' ) | !( 'd' | 'e' ) & !'f'");
    query("(a <-> b) <-> c", "'a' <-> 'b' <-> 'c'");
    query("a <-> (b <-> c)", "'a' <-> ( 'b' <-> 'c' )");
    query("a:*<2>b:AC", "'a':* <2> 'b':AC");
    query("!!a", "!!'a'");
    for text in ["a b", "&a", "(a", "a)", "a:x"] {
        let message = format!("syntax error in tsquery: \"{text}\"");
        check_error(&Type::TsQuery, text, "42601", &message, None);
    }
}

#[test]
fn json_arrays_become_arrays() {
    let env = FixedEnvironment::new();
    let check = |text: &str, printed: &str| {
        let value = io::from_json(&env, &jsonb_array(), None, text).expect(text);
        assert_eq!(io::output(&env, &jsonb_array(), &value).as_deref(), Ok(printed), "{text}");
        let mut json = Vec::new();
        io::write_json(&env, &jsonb_array(), &value, &mut json).expect(text);
        String::from_utf8(json).expect("utf-8")
    };
    assert_eq!(check("[1, {\"a\":2}, null]", "{1,\"{\\\"a\\\": 2}\",NULL}"), "[1,{\"a\": 2},null]");
    assert_eq!(check("[[1],[2]]", "{{1},{2}}"), "[[1],[2]]");
    assert_eq!(check("\"{1,2}\"", "{1,2}"), "[1,2]");
    assert_eq!(check("[]", "{}"), "[]");
}
