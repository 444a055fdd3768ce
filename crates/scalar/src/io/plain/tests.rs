//! Cases taken from PostgreSQL 15.

use backstay_model::{Details, Modifier, Type};

use crate::FixedEnvironment;
use crate::io::{input, output};

fn read(ty: &Type, modifier: Option<Modifier>, text: &str) -> String {
    let env = FixedEnvironment::new();
    match input(&env, ty, modifier, text).and_then(|value| output(&env, ty, &value)) {
        Ok(text) => text,
        Err(error) => match error.details {
            Some(Details::Text(details)) => {
                format!("{}: {} ({details})", error.code, error.message)
            }
            _ => format!("{}: {}", error.code, error.message),
        },
    }
}

fn check(ty: &Type, text: &str, expected: &str) {
    assert_eq!(read(ty, None, text), expected, "{} '{text}'", ty.builtin_name());
}

#[test]
fn booleans_take_unambiguous_prefixes() {
    for text in ["t", "TRUE", " tru ", "y", "yes", "on", "1"] {
        check(&Type::Bool, text, "t");
    }
    for text in ["f", "fal", "n", "no", "of", "off", "0"] {
        check(&Type::Bool, text, "f");
    }
    check(&Type::Bool, "o", "22P02: invalid input syntax for type boolean: \"o\"");
    check(&Type::Bool, "", "22P02: invalid input syntax for type boolean: \"\"");
}

#[test]
fn integers_tell_garbage_from_overflow() {
    check(&Type::Int4, " -12 ", "-12");
    check(&Type::Int4, "2147483647", "2147483647");
    check(&Type::Int4, "x", "22P02: invalid input syntax for type integer: \"x\"");
    check(&Type::Int4, "", "22P02: invalid input syntax for type integer: \"\"");
    check(&Type::Int4, "1.5", "22P02: invalid input syntax for type integer: \"1.5\"");
    check(
        &Type::Int4,
        "99999999999",
        "22003: value \"99999999999\" is out of range for type integer",
    );
    check(&Type::Int2, "32768", "22003: value \"32768\" is out of range for type smallint");
    check(&Type::Int8, "-9223372036854775808", "-9223372036854775808");
    check(
        &Type::Int8,
        "9223372036854775808",
        "22003: value \"9223372036854775808\" is out of range for type bigint",
    );
}

#[test]
fn floats_print_the_shortest_exact_form() {
    for (text, expected) in [
        ("1e20", "1e+20"),
        ("0.0000001", "1e-07"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("0.1", "0.1"),
        ("1.0", "1"),
        ("100000000000000", "100000000000000"),
        ("1e15", "1e+15"),
        ("123456789012345678", "1.2345678901234568e+17"),
        ("-0", "-0"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("nan", "NaN"),
        ("-inf", "-Infinity"),
        ("1e400", "22003: \"1e400\" is out of range for type double precision"),
        ("1e-400", "22003: \"1e-400\" is out of range for type double precision"),
        ("abc", "22P02: invalid input syntax for type double precision: \"abc\""),
        ("", "22P02: invalid input syntax for type double precision: \"\""),
    ] {
        check(&Type::Float8, text, expected);
    }
    check(&Type::Float4, "1e6", "1e+06");
    check(&Type::Float4, "123456", "123456");
    check(&Type::Float4, "0.1", "0.1");
    check(&Type::Float4, "16777217", "1.6777216e+07");
}

#[test]
fn numerics_keep_their_scale_within_the_precision() {
    let check = |precision, scale, text: &str, expected: &str| {
        let modifier = Some(Modifier::Precision { precision, scale });
        assert_eq!(read(&Type::Numeric, modifier, text), expected, "{text}");
    };
    check(10, 2, "1.005", "1.01");
    check(10, 2, "NaN", "NaN");
    check(
        4,
        2,
        "99.995",
        "22003: numeric field overflow (A field with precision 4, scale 2 must round to an \
         absolute value less than 10^2.)",
    );
    check(
        2,
        2,
        "1",
        "22003: numeric field overflow (A field with precision 2, scale 2 must round to an \
         absolute value less than 1.)",
    );
    check(
        4,
        2,
        "inf",
        "22003: numeric field overflow (A field with precision 4, scale 2 cannot hold an \
         infinite value.)",
    );
    assert_eq!(read(&Type::Numeric, None, "1e200000"), "22003: value overflows numeric format");
    assert_eq!(
        read(&Type::Numeric, None, "1,5"),
        "22P02: invalid input syntax for type numeric: \"1,5\""
    );
}

#[test]
fn lengths_forgive_only_trailing_blanks() {
    let varchar = |text| read(&Type::Varchar, Some(Modifier::Length(5)), text);
    assert_eq!(varchar("äöüßé"), "äöüßé");
    assert_eq!(varchar("abcde   "), "abcde");
    assert_eq!(varchar("abcdef"), "22001: value too long for type character varying(5)");
    let fixed = |text| read(&Type::Char, Some(Modifier::Length(3)), text);
    assert_eq!(fixed("ab  "), "ab");
    assert_eq!(fixed("abcd"), "22001: value too long for type character(3)");
}

#[test]
fn uuids_take_every_form() {
    let canonical = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    check(&Type::Uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", canonical);
    check(&Type::Uuid, "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}", canonical);
    check(&Type::Uuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11", canonical);
    check(&Type::Uuid, "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", canonical);
    check(&Type::Uuid, "nope", "22P02: invalid input syntax for type uuid: \"nope\"");
}

#[test]
fn money_counts_cents() {
    check(&Type::Money, "1234.567", "$1,234.57");
    check(&Type::Money, "-$5", "-$5.00");
    check(&Type::Money, "(3.1)", "-$3.10");
    check(&Type::Money, "x", "22P02: invalid input syntax for type money: \"x\"");
}
