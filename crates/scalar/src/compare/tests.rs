//! Values of each type in the order that PostgreSQL 15 gives them.

use std::cmp::Ordering;

use backstay_model::Type;

use super::compare;
use crate::{FixedEnvironment, io};

fn parse_type(name: &str) -> Type {
    match name.strip_suffix("[]") {
        Some(element) => parse_type(element).array_of(),
        None => Type::from_name(name).unwrap_or_else(|| panic!("no type {name}")),
    }
}

#[test]
fn every_type_orders_as_in_postgresql() {
    let env = FixedEnvironment::new();
    for line in include_str!("order.txt").lines() {
        let mut parts = line.split(" | ");
        let ty = parse_type(parts.next().unwrap());
        let texts: Vec<&str> = parts.map(|text| if text == "''" { "" } else { text }).collect();
        let values: Vec<_> =
            texts.iter().map(|text| io::input(&env, &ty, None, text).unwrap()).collect();
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(compare(&ty, a, b), i.cmp(&j), "{}: {} {}", line, texts[i], texts[j]);
            }
        }
    }
}

#[test]
fn equal_values_need_not_look_alike() {
    let env = FixedEnvironment::new();
    let check = |ty: Type, a: &str, b: &str| {
        let read = |text| io::input(&env, &ty, None, text).unwrap();
        assert_eq!(compare(&ty, &read(a), &read(b)), Ordering::Equal, "{a} {b}");
    };
    check(Type::Numeric, "1.5", "1.50");
    check(Type::Interval, "1 mon", "30 days");
    check(Type::Citext, "É", "é");
    check(Type::Float8, "0", "-0");
    check(Type::Char, "a ", "a");
    check(Type::Numeric.array_of(), "{1.0}", "{1}");
}
