//! Patterns against PostgreSQL's answers.

use super::*;

#[test]
fn patterns_match_as_in_postgresql() {
    super::super::cases::check(include_str!("../cases/patterns.txt"));
}

#[test]
fn lookaround_and_backreferences_are_refused() {
    for pattern in ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(a)\\1"] {
        let error = compile(pattern, Flags::default()).expect_err(pattern);
        assert_eq!(error.code, "2201B", "{pattern}");
    }
}

#[test]
fn patterns_are_bounded() {
    let long = "a".repeat(100_000);
    assert_eq!(compile(&long, Flags::default()).expect_err("long").code, "2201B");
    let deep = "(".repeat(3_000) + &")".repeat(3_000);
    assert_eq!(compile(&deep, Flags::default()).expect_err("deep").code, "2201B");
    let large = "((a{255}){255}){255}";
    assert_eq!(compile(large, Flags::default()).expect_err("large").code, "2201B");
}
