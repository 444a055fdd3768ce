//! Literals and their text forms, taken from PostgreSQL 15 in the zone Europe/Berlin.

use backstay_model::{Modifier, Type, Value};
use jiff::tz::TimeZone;

use super::{write_date, write_time, write_timestamp};
use crate::FixedEnvironment;
use crate::io::{apply_modifier, input, output};

fn berlin() -> FixedEnvironment {
    FixedEnvironment::new().in_zone(TimeZone::get("Europe/Berlin").unwrap())
}

#[test]
fn literals_read_and_print_as_in_postgresql() {
    let env = berlin();
    for line in include_str!("cases.txt").lines() {
        let (call, expected) = line.rsplit_once(" => ").unwrap();
        let (name, text) = call.split_once(" | ").unwrap();
        let ty = Type::from_name(name).unwrap();
        let shown = input(&env, &ty, None, text)
            .and_then(|value| output(&env, &ty, &value))
            .unwrap_or_else(|error| format!("ERROR {} {}", error.code, error.message));
        assert_eq!(shown, expected, "{line}");
    }
}

#[test]
fn words_count_from_the_start_of_the_transaction() {
    let env = berlin();
    let check = |ty: Type, text: &str, expected: &str| {
        let value = input(&env, &ty, None, text).unwrap();
        assert_eq!(output(&env, &ty, &value).unwrap(), expected, "{text}");
    };
    check(Type::TimestampTz, "now", "2026-03-01 11:00:00+01");
    check(Type::TimestampTz, "now()", "2026-03-01 11:00:00+01");
    check(Type::Timestamp, "now", "2026-03-01 11:00:00");
    check(Type::TimestampTz, "today", "2026-03-01 00:00:00+01");
    check(Type::TimestampTz, "tomorrow 08:30", "2026-03-02 08:30:00+01");
    check(Type::Date, "yesterday", "2026-02-28");
    check(Type::Time, "now", "11:00:00");
    check(Type::TimeTz, "10:00", "10:00:00+01");
}

#[test]
fn fractions_round_to_the_modifier() {
    let env = FixedEnvironment::new();
    let check = |digits: u8, text: &str, expected: &str| {
        let modifier = Some(Modifier::Fraction(digits));
        let value = input(&env, &Type::Timestamp, modifier, text).unwrap();
        assert_eq!(output(&env, &Type::Timestamp, &value).unwrap(), expected, "{text}");
    };
    check(3, "2026-03-01 10:00:00.1235", "2026-03-01 10:00:00.124");
    check(0, "2026-03-01 23:59:59.5", "2026-03-02 00:00:00");
    check(0, "1999-03-01 10:00:00.5", "1999-03-01 10:00:00");
    check(6, "2026-03-01 10:00:00.123456", "2026-03-01 10:00:00.123456");
    let infinite = Value::Timestamp(i64::MAX);
    let kept =
        apply_modifier(&env, &Type::Timestamp, Modifier::Fraction(0), infinite.clone(), false);
    assert_eq!(kept.unwrap(), infinite);
}

#[test]
fn json_writers_use_iso_8601() {
    let micros = |text: &str| {
        let value = input(&FixedEnvironment::new(), &Type::TimestampTz, None, text).unwrap();
        let Value::Timestamp(micros) = value else { panic!("{text}") };
        micros
    };
    let check = |text: &str, zone: Option<&TimeZone>, expected: &str| {
        let mut out = Vec::new();
        write_timestamp(&mut out, micros(text), zone);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    };
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    check("2026-03-01 08:00Z", Some(&TimeZone::UTC), "2026-03-01T08:00:00+00:00");
    check("2026-07-01 08:00:00.120Z", Some(&berlin), "2026-07-01T10:00:00.12+02:00");
    check("2026-03-01 08:00Z", None, "2026-03-01T08:00:00");
    check("infinity", Some(&berlin), "infinity");
    check("20000-07-01Z", Some(&berlin), "20000-07-01T02:00:00+02:00");
    let mut out = Vec::new();
    write_date(&mut out, -1);
    write_time(&mut out, 36_000_500_000);
    assert_eq!(String::from_utf8(out).unwrap(), "1999-12-3110:00:00.5");
}
