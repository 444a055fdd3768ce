//! The btree order of `jsonb`.

use std::cmp::Ordering;

use backstay_model::Numeric;

use super::scan::{self, Kind};

/// Orders two canonical `jsonb` texts as PostgreSQL does: object > array > boolean > number >
/// string > null; arrays and objects first by size. An empty top-level array is least of all.
pub fn compare_text(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    // At the top a scalar is stored as an array of one: it meets arrays by size.
    match (scan::kind(a), scan::kind(b)) {
        (Kind::Array, kind) if kind.is_scalar() => array_against_scalar(a),
        (kind, Kind::Array) if kind.is_scalar() => array_against_scalar(b).reverse(),
        _ => compare(a, b),
    }
}

fn array_against_scalar(array: &str) -> Ordering {
    if scan::elements(array).next().is_none() { Ordering::Less } else { Ordering::Greater }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Null => 0,
        Kind::String => 1,
        Kind::Number => 2,
        Kind::Bool => 3,
        Kind::Array => 4,
        Kind::Object => 5,
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    let (kind_a, kind_b) = (scan::kind(a), scan::kind(b));
    if kind_a != kind_b {
        return rank(kind_a).cmp(&rank(kind_b));
    }
    match kind_a {
        Kind::Null => Ordering::Equal,
        Kind::Bool => a.starts_with('t').cmp(&b.starts_with('t')),
        Kind::String => compare_strings(a, b),
        Kind::Number => compare_numbers(a, b),
        Kind::Array => {
            let sizes = scan::elements(a).count().cmp(&scan::elements(b).count());
            sizes.then_with(|| {
                let pairs = scan::elements(a).zip(scan::elements(b));
                pairs.map(|(a, b)| compare(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
            })
        }
        Kind::Object => {
            let sizes = scan::members(a).count().cmp(&scan::members(b).count());
            sizes.then_with(|| {
                let pairs = scan::members(a).zip(scan::members(b));
                pairs
                    .map(|((key_a, a), (key_b, b))| {
                        compare_strings(key_a, key_b).then_with(|| compare(a, b))
                    })
                    .find(|o| o.is_ne())
                    .unwrap_or(Ordering::Equal)
            })
        }
    }
}

/// Both with their quotes.
fn compare_strings(a: &str, b: &str) -> Ordering {
    match (scan::unescape(a), scan::unescape(b)) {
        (Ok(a), Ok(b)) => a.as_bytes().cmp(b.as_bytes()),
        // Canonical text has no bad escapes; any fixed order serves for damaged text.
        _ => a.cmp(b),
    }
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
        return a.cmp(&b);
    }
    match (a.parse::<Numeric>(), b.parse::<Numeric>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}
