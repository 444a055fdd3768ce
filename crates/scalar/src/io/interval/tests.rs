//! Literals and their text forms, taken from PostgreSQL 15.

use super::{output, read};
use backstay_model::Value;

#[test]
fn intervals_read_and_print_as_in_postgresql() {
    for line in include_str!("cases.txt").lines() {
        let (call, expected) = line.rsplit_once(" => ").unwrap();
        let text = call.strip_prefix("interval | ").unwrap();
        let shown = read(text)
            .and_then(|interval| output(&Value::Interval(interval)))
            .unwrap_or_else(|error| format!("ERROR {} {}", error.code, error.message));
        assert_eq!(shown, expected, "{line}");
    }
}
